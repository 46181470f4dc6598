/* SPDX-License-Identifier: Apache-2.0 */
/* Copies between client and GPU into a stream that is being captured, which only hostile clients
 * send: nothing reaches the driver, nothing is kept, and the driver's own errors are told. What
 * small copies in a row share, and which are asked. And the sizes of chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "copy.h"
#include "staging.h"

static CUresult is_capturing_result;
static CUstreamCaptureStatus is_capturing_status;
static unsigned copied, recorded, queried;
static const uint8_t *copied_from;
static CUstream recorded_in;
static CUresult event_state;

static CUresult is_capturing(CUstream stream, CUstreamCaptureStatus *status)
{
	*status = is_capturing_status;
	return is_capturing_result;
}

static CUresult to_device(CUdeviceptr to, const void *from, size_t bytes, CUstream stream)
{
	copied++;
	copied_from = from;
	return CUDA_SUCCESS;
}

static CUresult to_host(void *to, CUdeviceptr from, size_t bytes, CUstream stream)
{
	copied++;
	return CUDA_SUCCESS;
}

static CUresult event_create(CUevent *event, unsigned flags)
{
	*event = (CUevent)&event_state;
	return CUDA_SUCCESS;
}

static CUresult event_record(CUevent event, CUstream stream)
{
	recorded++;
	recorded_in = stream;
	return CUDA_SUCCESS;
}

static CUresult event_query(CUevent event)
{
	queried++;
	return event_state;
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
	driver.cuEventCreate = event_create;
	driver.cuEventRecord = event_record;
	driver.cuEventQuery = event_query;
	copied = recorded = queried = 0;
	is_capturing_status = CU_STREAM_CAPTURE_STATUS_NONE;
	is_capturing_result = CUDA_SUCCESS;
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

static const CUstream first = CU_STREAM_PER_THREAD, second = CU_STREAM_LEGACY;

/* Into @stream: it is issued at once, from bytes of its own. */
static void copy(struct session *s, size_t bytes, CUstream stream)
{
	struct copy_shape shape = copy_flat(4096, bytes);
	struct request q = {.session = s};
	static uint8_t data[STAGING_SMALL], value;
	const uint8_t *before = copied_from;
	unsigned count = copied;

	memset(data, ++value, bytes);
	assert_int_equal(copy_in(&q, &shape, data, stream), CUDA_SUCCESS);
	assert_int_equal(copied, count + 1);
	assert_ptr_not_equal(copied_from, before);
	assert_memory_equal(copied_from, data, bytes);
	if (count)
		assert_int_equal(*before, (uint8_t)(value - 1));
}

/* The copies in a row into one stream, whose ends so far were marked @records times. */
static void in_a_row(struct session *s, unsigned records)
{
	for (unsigned i = 0; i < 10; i++)
		copy(s, 4, first);
	assert_int_equal(recorded, records);
	assert_true(copy_busy(s));
}

static void shared(void **state)
{
	static struct context context;
	struct session *s = *state;

	context.session = s;
	serving_context = &context;
	assert_int_equal(staging_create(&s->staging), 0);
	event_state = CUDA_ERROR_NOT_READY;
	in_a_row(s, 0);
	copy(s, 4, second);
	assert_int_equal(recorded, 1);
	assert_ptr_equal(recorded_in, first);
	in_a_row(s, 2);
	assert_ptr_equal(recorded_in, second);
	copy_close(s);
	assert_int_equal(recorded, 3);
	copy_close(s);
	assert_int_equal(recorded, 3);
	in_a_row(s, 3);
	/* A whole slot: what was open has no room, and it has none for more. */
	copy(s, STAGING_SMALL, first);
	assert_int_equal(recorded, 5);
	/* Of five that are under way the first of each stream is asked. */
	assert_false(copy_poll(s));
	assert_int_equal(queried, 2);
	assert_int_equal(context.users, 5);
	event_state = CUDA_SUCCESS;
	assert_true(copy_poll(s));
	assert_false(copy_busy(s));
	assert_int_equal(context.users, 0);
	serving_context = NULL;
	free((void *)context.spare);
	staging_destroy(s->staging);
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
		cmocka_unit_test_setup_teardown(shared, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
