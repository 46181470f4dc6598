/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and events: what is asynchronous, what waits for what, host functions, values. */
#include "soft_test.h"

#include <pthread.h>

static CUstream stream_of(unsigned flags)
{
	CUstream s = NULL;

	ok(cuStreamCreate(&s, flags));
	return s;
}

static void asynchronous(void **state)
{
	CUstream s = stream_of(0);
	struct gate gate = {0};

	ok(cuStreamQuery(s));
	ok(cuLaunchHostFunc(s, gate_wait, &gate));
	fails(cuStreamQuery(s), CUDA_ERROR_NOT_READY);
	gate_open(&gate);
	ok(cuStreamSynchronize(s));
	ok(cuStreamQuery(s));
	ok(cuStreamDestroy_v2(s));
	fails(cuStreamQuery(s), CUDA_ERROR_INVALID_HANDLE);
	fails(cuStreamDestroy_v2(s), CUDA_ERROR_INVALID_HANDLE);
	fails(cuStreamSynchronize((CUstream)(uintptr_t)0x12345670), CUDA_ERROR_INVALID_HANDLE);
}

/* The legacy stream waits for blocking streams and they for it; others do not. */
static void legacy_rule(void **state)
{
	CUstream blocking = stream_of(0), other = stream_of(CU_STREAM_NON_BLOCKING);
	struct gate gate = {0};
	unsigned *host;
	CUdeviceptr p;

	ok(cuMemHostAlloc((void **)&host, 16, 0));
	host[0] = host[1] = 0;
	p = (uintptr_t)host;
	ok(cuLaunchHostFunc(blocking, gate_wait, &gate));
	ok(cuMemsetD32Async(p, 1, 1, NULL));
	ok(cuMemsetD32Async(p + 4, 2, 1, other));
	ok(cuStreamSynchronize(other));
	assert_int_equal(host[1], 2);
	fails(cuStreamQuery(NULL), CUDA_ERROR_NOT_READY);
	assert_int_equal(*(volatile unsigned *)host, 0);
	gate_open(&gate);
	ok(cuStreamSynchronize(NULL));
	assert_int_equal(host[0], 1);

	gate = (struct gate){0};
	ok(cuLaunchHostFunc(NULL, gate_wait, &gate));
	ok(cuMemsetD32Async(p, 3, 1, blocking));
	ok(cuMemsetD32Async(p + 4, 4, 1, other));
	ok(cuStreamSynchronize(other));
	assert_int_equal(host[1], 4);
	fails(cuStreamQuery(blocking), CUDA_ERROR_NOT_READY);
	gate_open(&gate);
	ok(cuStreamSynchronize(blocking));
	assert_int_equal(host[0], 3);
	ok(cuStreamDestroy_v2(blocking));
	ok(cuStreamDestroy_v2(other));
	ok(cuMemFreeHost(host));
}

static void per_thread(void **state)
{
	unsigned long long legacy, mine, again;

	ok(cuStreamGetId(CU_STREAM_LEGACY, &legacy));
	ok(cuStreamGetId(CU_STREAM_PER_THREAD, &mine));
	ok(cuStreamGetId(CU_STREAM_PER_THREAD, &again));
	assert_int_equal(mine, again);
	assert_int_not_equal(mine, legacy);
	ok(cuStreamGetId(NULL, &again));
	assert_int_equal(again, legacy);
}

/* In the calls for per-thread default streams, stream 0 is the thread's own. */
static void twins(void **state)
{
	unsigned long long mine, again;
	unsigned word = 0;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 16));
	ok(cuStreamGetId(CU_STREAM_PER_THREAD, &mine));
	ok(cuStreamGetId_ptsz(NULL, &again));
	assert_int_equal(mine, again);
	ok(cuMemsetD32_v2_ptds(p, 3, 4));
	ok(cuMemcpyDtoH_v2_ptds(&word, p + 12, 4));
	assert_int_equal(word, 3);
	ok(cuStreamSynchronize_ptsz(NULL));
	ok(cuMemFree_v2(p));
}

static void pageable_source(void **state)
{
	CUstream s = stream_of(0);
	struct gate gate = {0};
	unsigned word = 1, result = 0;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 4));
	ok(cuLaunchHostFunc(s, gate_wait, &gate));
	ok(cuMemcpyHtoDAsync_v2(p, &word, 4, s));
	word = 2;
	gate_open(&gate);
	ok(cuMemcpyDtoHAsync_v2(&result, p, 4, s));
	assert_int_equal(result, 1);
	ok(cuStreamDestroy_v2(s));
	ok(cuMemFree_v2(p));
}

static void pinned_source(void **state)
{
	CUstream s = stream_of(0);
	struct gate gate = {0};
	unsigned *host, result = 0;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 4));
	ok(cuMemHostAlloc((void **)&host, 4, 0));
	*host = 1;
	ok(cuLaunchHostFunc(s, gate_wait, &gate));
	ok(cuMemcpyHtoDAsync_v2(p, host, 4, s));
	*host = 2;
	gate_open(&gate);
	ok(cuMemcpyDtoHAsync_v2(&result, p, 4, s));
	assert_int_equal(result, 2);
	ok(cuStreamDestroy_v2(s));
	ok(cuMemFreeHost(host));
	ok(cuMemFree_v2(p));
}

static void *free_it(void *arg)
{
	CUcontext context;

	if (cuDevicePrimaryCtxRetain(&context, 0) || cuCtxSetCurrent(context))
		return (void *)1;
	if (cuMemFree_v2(*(CUdeviceptr *)arg))
		return (void *)1;
	*(CUdeviceptr *)arg = 0;
	return cuDevicePrimaryCtxRelease_v2(0) ? (void *)1 : NULL;
}

static void free_waits(void **state)
{
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING);
	struct gate gate = {0};
	pthread_t thread;
	CUdeviceptr p;
	void *result;

	ok(cuMemAlloc_v2(&p, 16));
	ok(cuLaunchHostFunc(s, gate_wait, &gate));
	assert_int_equal(pthread_create(&thread, NULL, free_it, &p), 0);
	usleep(20000);
	fails(cuStreamQuery(s), CUDA_ERROR_NOT_READY);
	gate_open(&gate);
	pthread_join(thread, &result);
	assert_null(result);
	assert_int_equal(p, 0);
	ok(cuStreamQuery(s));
	ok(cuStreamDestroy_v2(s));
}

static void events(void **state)
{
	CUstream a = stream_of(CU_STREAM_NON_BLOCKING), b = stream_of(CU_STREAM_NON_BLOCKING);
	struct gate gate = {0};
	CUevent start, end, plain;
	unsigned *host;
	float ms = -1;

	ok(cuMemHostAlloc((void **)&host, 4, 0));
	*host = 0;
	ok(cuEventCreate(&start, 0));
	ok(cuEventCreate(&end, 0));
	ok(cuEventCreate(&plain, CU_EVENT_DISABLE_TIMING));
	ok(cuEventQuery(start));
	fails(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_INVALID_HANDLE);
	ok(cuEventRecord(start, a));
	ok(cuLaunchHostFunc(a, gate_wait, &gate));
	ok(cuEventRecord(end, a));
	ok(cuStreamWaitEvent(b, end, 0));
	ok(cuMemsetD32Async((uintptr_t)host, 9, 1, b));
	fails(cuEventQuery(end), CUDA_ERROR_NOT_READY);
	fails(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_NOT_READY);
	fails(cuStreamQuery(b), CUDA_ERROR_NOT_READY);
	while (!atomic_load(&gate.reached))
		usleep(100);
	usleep(3000);
	gate_open(&gate);
	ok(cuStreamSynchronize(b));
	assert_int_equal(*host, 9);
	ok(cuEventSynchronize(end));
	ok(cuEventElapsedTime_v2(&ms, start, end));
	assert_true(ms >= 2 && ms < 60000);
	ok(cuEventRecord(plain, a));
	fails(cuEventElapsedTime(&ms, start, plain), CUDA_ERROR_INVALID_HANDLE);
	ok(cuEventDestroy_v2(start));
	fails(cuEventQuery(start), CUDA_ERROR_INVALID_HANDLE);
	ok(cuEventDestroy_v2(end));
	ok(cuEventDestroy_v2(plain));
	ok(cuStreamDestroy_v2(a));
	ok(cuStreamDestroy_v2(b));
	ok(cuMemFreeHost(host));
}

static void record_moves_on(void **state)
{
	CUstream a = stream_of(CU_STREAM_NON_BLOCKING), b = stream_of(CU_STREAM_NON_BLOCKING);
	struct gate one = {0}, two = {0};
	CUevent e;

	ok(cuEventCreate(&e, 0));
	ok(cuLaunchHostFunc(a, gate_wait, &one));
	ok(cuEventRecord(e, a));
	ok(cuStreamWaitEvent(b, e, 0));
	ok(cuLaunchHostFunc(a, gate_wait, &two));
	ok(cuEventRecord(e, a));
	ok(cuEventDestroy_v2(e));
	gate_open(&one);
	ok(cuStreamSynchronize(b));
	fails(cuStreamQuery(a), CUDA_ERROR_NOT_READY);
	gate_open(&two);
	ok(cuStreamDestroy_v2(a));
	ok(cuStreamDestroy_v2(b));
	ok(cuCtxSynchronize());
}

static void nested_call(void *arg)
{
	int version;

	*(CUresult *)arg = cuDeviceGetCount(&version);
}

static void callback(CUstream stream, CUresult status, void *arg)
{
	*(CUresult *)arg = status;
}

static void host_functions(void **state)
{
	CUresult result = CUDA_SUCCESS, status = CUDA_ERROR_UNKNOWN;

	ok(cuLaunchHostFunc(NULL, nested_call, &result));
	ok(cuStreamAddCallback(NULL, callback, &status, 0));
	ok(cuCtxSynchronize());
	assert_int_equal(result, CUDA_ERROR_NOT_PERMITTED);
	assert_int_equal(status, CUDA_SUCCESS);
	fails(cuLaunchHostFunc(NULL, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
}

static void values(void **state)
{
	CUstream a = stream_of(CU_STREAM_NON_BLOCKING), b = stream_of(CU_STREAM_NON_BLOCKING);
	unsigned word = 0;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 64));
	ok(cuMemsetD8Async(p, 0, 64, a));
	ok(cuStreamSynchronize(a));
	ok(cuStreamWaitValue32_v2(a, p, 5, CU_STREAM_WAIT_VALUE_GEQ));
	ok(cuMemsetD32Async(p + 32, 11, 1, a));
	fails(cuStreamQuery(a), CUDA_ERROR_NOT_READY);
	ok(cuStreamWriteValue32_v2(b, p, 6, 0));
	ok(cuStreamSynchronize(a));
	ok(cuMemcpyDtoHAsync_v2(&word, p + 32, 4, b));
	assert_int_equal(word, 11);
	ok(cuStreamWriteValue64_v2(b, p + 8, 1ull << 40, 0));
	ok(cuStreamWaitValue64_v2(a, p + 8, 1ull << 40, CU_STREAM_WAIT_VALUE_EQ));
	ok(cuStreamSynchronize(a));
	fails(cuStreamWaitValue32_v2(a, p + 2, 0, 0), CUDA_ERROR_INVALID_VALUE);
	fails(cuStreamWriteValue32_v2(a, 0x1234000, 0, 0), CUDA_ERROR_INVALID_VALUE);
	ok(cuStreamDestroy_v2(a));
	ok(cuStreamDestroy_v2(b));
	ok(cuMemFree_v2(p));
}

struct launcher {
	CUcontext context;
	CUstream stream;
	CUfunction function;
	atomic_uint done;
};

static void *launch_many(void *arg)
{
	struct launcher *l = arg;
	unsigned i;

	if (cuCtxSetCurrent(l->context))
		return (void *)1;
	for (i = 0; i < 1500; i++) {
		if (cuLaunchKernel(l->function, 1, 1, 1, 1, 1, 1, 0, l->stream, NULL, NULL))
			return (void *)1;
		atomic_fetch_add(&l->done, 1);
	}
	return NULL;
}

/* A full queue blocks who launches into it, but nobody else. */
static void full_queue(void **state)
{
	CUmodule m = load(kernels);
	struct launcher l = {.context = *state,
		.stream = stream_of(CU_STREAM_NON_BLOCKING),
		.function = function(m, "bounded")};
	CUstream other = stream_of(CU_STREAM_NON_BLOCKING);
	struct gate gate = {0};
	pthread_t thread;
	unsigned before = 0;
	void *result;

	ok(cuLaunchHostFunc(l.stream, gate_wait, &gate));
	assert_int_equal(pthread_create(&thread, NULL, launch_many, &l), 0);
	/* It stands still where the queue is full, not where it only has no processor for a while. */
	while (atomic_load(&l.done) != before || before <= 900) {
		before = atomic_load(&l.done);
		usleep(30000);
	}
	assert_true(before > 900 && before < 1500);
	ok(cuLaunchKernel(l.function, 1, 1, 1, 1, 1, 1, 0, other, NULL, NULL));
	ok(cuStreamSynchronize(other));
	gate_open(&gate);
	pthread_join(thread, &result);
	assert_null(result);
	ok(cuStreamSynchronize(l.stream));
	ok(cuStreamDestroy_v2(l.stream));
	ok(cuStreamDestroy_v2(other));
	ok(cuModuleUnload(m));
}

static void many(void **state)
{
	CUstream s[8];
	unsigned *host, i, j;

	ok(cuMemHostAlloc((void **)&host, sizeof(s), 0));
	for (i = 0; i < 8; i++)
		s[i] = stream_of(i & 1);
	for (j = 1; j <= 200; j++)
		for (i = 0; i < 8; i++)
			ok(cuMemsetD32Async((uintptr_t)(host + i), j, 1, s[i]));
	for (i = 0; i < 8; i++)
		ok(cuStreamDestroy_v2(s[i]));
	ok(cuCtxSynchronize());
	ok(cuMemFreeHost(host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(asynchronous), TEST(legacy_rule), TEST(per_thread),
		TEST(twins), TEST(pageable_source), TEST(pinned_source), TEST(free_waits),
		TEST(events), TEST(record_moves_on), TEST(host_functions), TEST(values),
		TEST(full_queue), TEST(many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
