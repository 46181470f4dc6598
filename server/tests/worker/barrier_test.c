/* SPDX-License-Identifier: Apache-2.0 */
/* Which streams a barrier leaves alone: those that are captured, the legacy stream while its use
 * would end a capture, and those that are gone; not those about which the driver only complains.
 * And when streams are asked, when marked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "context.h"

static CUresult is_capturing_result;
static CUstreamCaptureStatus is_capturing_status;
static CUresult query_result;
static unsigned asked, recorded;

static CUresult is_capturing(CUstream stream, CUstreamCaptureStatus *status)
{
	*status = is_capturing_status;
	return is_capturing_result;
}

static CUresult query(CUstream stream)
{
	asked++;
	return query_result;
}

static CUresult create(CUevent *event, unsigned flags)
{
	*event = (CUevent)&recorded;
	return CUDA_SUCCESS;
}

static CUresult record(CUevent event, CUstream stream)
{
	recorded++;
	return CUDA_SUCCESS;
}

static CUresult event_query(CUevent event)
{
	return query_result;
}

static CUresult set_current(CUcontext context)
{
	return CUDA_SUCCESS;
}

/* It has the legacy stream alone. */
static struct context context = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void answer(CUresult result, CUstreamCaptureStatus status, CUresult work)
{
	driver.cuStreamIsCapturing = is_capturing;
	driver.cuStreamQuery = query;
	driver.cuEventCreate = create;
	driver.cuEventRecord = record;
	driver.cuEventQuery = event_query;
	driver.cuCtxSetCurrent = set_current;
	is_capturing_result = result;
	is_capturing_status = status;
	query_result = work;
	asked = recorded = 0;
}

static CUresult wait_over(CUresult result, CUstreamCaptureStatus status, CUresult work)
{
	struct barrier b;
	CUresult r;

	answer(result, status, work);
	barrier_begin(&b, &context);
	r = barrier_poll(&b);
	barrier_end(&b);
	return r;
}

static void waits_for_work(void **state)
{
	assert_int_equal(
		wait_over(CUDA_SUCCESS, CU_STREAM_CAPTURE_STATUS_NONE, CUDA_ERROR_NOT_READY),
		CUDA_ERROR_NOT_READY);
	assert_int_equal(recorded, 1);
	assert_int_equal(
		wait_over(CUDA_SUCCESS, CU_STREAM_CAPTURE_STATUS_NONE, CUDA_SUCCESS), CUDA_SUCCESS);
	assert_int_equal(recorded, 0);
}

static void leaves_captures_alone(void **state)
{
	static const CUstreamCaptureStatus captured[] = {
		CU_STREAM_CAPTURE_STATUS_ACTIVE, CU_STREAM_CAPTURE_STATUS_INVALIDATED};

	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			wait_over(CUDA_SUCCESS, captured[i], CUDA_ERROR_NOT_READY), CUDA_SUCCESS);
		assert_int_equal(asked, 0);
	}
	assert_int_equal(wait_over(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
				 CU_STREAM_CAPTURE_STATUS_NONE, CUDA_ERROR_NOT_READY),
		CUDA_SUCCESS);
	assert_int_equal(asked, 0);
}

static void leaves_what_is_gone(void **state)
{
	assert_int_equal(wait_over(CUDA_ERROR_INVALID_HANDLE, CU_STREAM_CAPTURE_STATUS_NONE,
				 CUDA_ERROR_INVALID_HANDLE),
		CUDA_SUCCESS);
}

static void errors_hide_no_work(void **state)
{
	assert_int_equal(
		wait_over(CUDA_ERROR_UNKNOWN, CU_STREAM_CAPTURE_STATUS_NONE, CUDA_ERROR_NOT_READY),
		CUDA_ERROR_NOT_READY);
	assert_int_equal(recorded, 1);
	assert_int_equal(wait_over(CUDA_ERROR_ILLEGAL_ADDRESS, CU_STREAM_CAPTURE_STATUS_NONE,
				 CUDA_ERROR_ILLEGAL_ADDRESS),
		CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void watches_until_marked(void **state)
{
	struct barrier b;

	answer(CUDA_SUCCESS, CU_STREAM_CAPTURE_STATUS_NONE, CUDA_ERROR_NOT_READY);
	barrier_watch(&b, &context);
	assert_int_equal(asked, 0);
	assert_int_equal(barrier_poll(&b), CUDA_ERROR_NOT_READY);
	assert_int_equal(asked, 1);
	barrier_mark(&b);
	assert_int_equal(recorded, 1);
	asked = 0;
	assert_int_equal(barrier_poll(&b), CUDA_ERROR_NOT_READY);
	query_result = CUDA_SUCCESS;
	assert_int_equal(barrier_poll(&b), CUDA_SUCCESS);
	assert_int_equal(asked, 0);
	barrier_end(&b);

	barrier_watch(&b, &context);
	assert_int_equal(barrier_poll(&b), CUDA_SUCCESS);
	assert_int_equal(asked, 1);
	/* What comes now is not waited for. */
	query_result = CUDA_ERROR_NOT_READY;
	barrier_mark(&b);
	assert_int_equal(barrier_poll(&b), CUDA_SUCCESS);
	assert_int_equal(recorded, 1);
	barrier_end(&b);

	answer(CUDA_SUCCESS, CU_STREAM_CAPTURE_STATUS_ACTIVE, CUDA_ERROR_NOT_READY);
	barrier_watch(&b, &context);
	assert_int_equal(barrier_poll(&b), CUDA_SUCCESS);
	assert_true(b.captured);
	assert_int_equal(asked, 0);
	barrier_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_work),
		cmocka_unit_test(leaves_captures_alone),
		cmocka_unit_test(leaves_what_is_gone),
		cmocka_unit_test(errors_hide_no_work),
		cmocka_unit_test(watches_until_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
