/* SPDX-License-Identifier: Apache-2.0 */
/* Copies between client and GPU into a stream that is being captured, which only hostile clients
 * send: nothing reaches the driver, nothing is kept, and the driver's own errors are told. And the
 * sizes of chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "copy.h"

static CUresult is_capturing_result;
static CUstreamCaptureStatus is_capturing_status;
static unsigned copied;

static CUresult is_capturing(CUstream stream, CUstreamCaptureStatus *status)
{
	*status = is_capturing_status;
	return is_capturing_result;
}

static CUresult to_device(CUdeviceptr to, const void *from, size_t bytes, CUstream stream)
{
	copied++;
	return CUDA_SUCCESS;
}

static CUresult to_host(void *to, CUdeviceptr from, size_t bytes, CUstream stream)
{
	copied++;
	return CUDA_SUCCESS;
}

static uint64_t room[64];

static void *reserve(struct connection *c, size_t size)
{
	return size <= sizeof(room) ? room : NULL;
}

static void commit(struct connection *c, size_t size)
{
}

static const struct transport transport = {.reserve = reserve, .commit = commit};
static struct connection connection = {&transport};

static int begin(void **state)
{
	static struct session session = {
		.command = &connection, .sending = PTHREAD_MUTEX_INITIALIZER};

	driver.cuStreamIsCapturing = is_capturing;
	driver.cuMemcpyHtoDAsync_v2 = to_device;
	driver.cuMemcpyDtoHAsync_v2 = to_host;
	*state = &session;
	return copies_create(&session);
}

static int end(void **state)
{
	copies_destroy(*state);
	return 0;
}

static void expect(struct session *s, CUresult expected)
{
	struct copy_shape shape = copy_flat(4096, 100);
	struct request q = {.session = s};
	uint8_t bytes[100] = {0};

	assert_int_equal(copy_in(&q, &shape, bytes, NULL), expected);
	assert_int_equal(copy_out(&q, &shape, 1, NULL, true), expected);
	assert_int_equal(copied, 0);
	assert_false(copy_busy(s));
}

static void captured(void **state)
{
	is_capturing_status = CU_STREAM_CAPTURE_STATUS_ACTIVE;
	expect(*state, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	is_capturing_status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
	expect(*state, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

static void failed(void **state)
{
	is_capturing_status = CU_STREAM_CAPTURE_STATUS_NONE;
	is_capturing_result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	expect(*state, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	is_capturing_result = CUDA_ERROR_ILLEGAL_ADDRESS;
	expect(*state, CUDA_ERROR_ILLEGAL_ADDRESS);
}

/* Also of what no client announces: both ends divide by it. */
static void chunks(void **state)
{
	assert_int_equal(bulk_chunk(1, 8), BULK_CHUNK_UNIT);
	assert_int_equal(bulk_chunk(0, 1), BULK_CHUNK_UNIT);
	assert_int_equal(bulk_chunk(UINT64_MAX, 1), BULK_CHUNK);
	assert_int_equal(bulk_chunk(UINT64_MAX, 8), BULK_CHUNK);
	assert_int_equal(bulk_chunk(512 << 10, 4), 128 << 10);
	assert_int_equal(bulk_chunk((512 << 10) + 4, 4), 192 << 10);
	assert_int_equal(bulk_chunk(15 << 16, 1), 15 << 16);
	assert_int_equal(bulk_chunk((15 << 16) + 1, 1), BULK_CHUNK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks),
		cmocka_unit_test_setup_teardown(captured, begin, end),
		cmocka_unit_test_setup_teardown(failed, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
