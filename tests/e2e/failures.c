/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of asynchronous copies that fail, and of what threads that are gone left, on a driver that copies no odd number of bytes to the
 * host. Prints what is wrong and ends with 1, or "ok".
 */
#include <pthread.h>
#include <semaphore.h>
#include "../programs/program.h"

#define FAILURE CUDA_ERROR_NOT_PERMITTED

enum { BYTES = 8 << 20 };

static int failures;
static CUcontext context;
static CUstream stream;
static CUdeviceptr device;
static unsigned char *host;
static sem_t go;

static void expect(int ok, const char *what)
{
	if (ok)
		return;
	printf("wrong: %s\n", what);
	failures++;
}

static void hold(void *unused)
{
	sem_wait(&go);
}

static int filled(size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (host[i] != 7)
			return 0;
	}
	return 1;
}

/* Its last chunk fails when it is issued, and that is told before the others have come. */
static void large_copy(void)
{
	DO(cuLaunchHostFunc(stream, hold, NULL));
	DO(cuMemcpyDtoHAsync_v2(host, device, BYTES + 1, stream));
	expect(cuStreamQuery(stream) == CUDA_ERROR_NOT_READY, "the stream is held");
	sem_post(&go);
	expect(cuStreamSynchronize(stream) == FAILURE, "the failure is told");
	expect(cuStreamSynchronize(stream) == CUDA_SUCCESS, "it is told once");
	DO(cuMemcpyDtoHAsync_v2(host, device, BYTES, stream));
	DO(cuStreamSynchronize(stream));
	expect(filled(BYTES), "the session goes on");
}

static CUresult find_out(void)
{
	DO(cuMemsetD8Async(device, 7, 16, stream));
	return cuCtxSynchronize();
}

static void *wait_for_context(void *result)
{
	DO(cuCtxSetCurrent(context));
	*(CUresult *)result = find_out();
	return NULL;
}

static void *begin_capture(void *result)
{
	DO(cuCtxSetCurrent(context));
	*(CUresult *)result = cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
	return NULL;
}

static void *end_capture(void *result)
{
	CUgraph graph;

	DO(cuCtxSetCurrent(context));
	*(CUresult *)result = cuStreamEndCapture(stream, &graph);
	return NULL;
}

static CUresult in_thread(void *(*run)(void *))
{
	CUresult result = CUDA_ERROR_UNKNOWN;
	pthread_t thread;

	pthread_create(&thread, NULL, run, &result);
	pthread_join(thread, NULL);
	return result;
}

/* One after the other: each is a new thread to the server, too. */
static void threads(void)
{
	expect(in_thread(wait_for_context) == CUDA_SUCCESS, "nothing has failed yet");
	DO(cuMemcpyDtoHAsync_v2(host, device, 1, stream));
	expect(find_out() == FAILURE, "who was there is told");
	expect(in_thread(wait_for_context) == CUDA_SUCCESS, "a new thread is not");
	expect(in_thread(begin_capture) == CUDA_SUCCESS, "a capture begins");
	expect(in_thread(end_capture) == CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD,
		"another thread does not end it");
}

int main(void)
{
	sem_init(&go, 0, 0);
	context = program_begin();
	DO(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	DO(cuMemAlloc_v2(&device, 2 * BYTES));
	DO(cuMemsetD8_v2(device, 7, 2 * BYTES));
	DO(cuMemAllocHost_v2((void **)&host, 2 * BYTES));
	DO(cuCtxSynchronize());
	large_copy();
	threads();
	if (!failures)
		printf("ok\n");
	return failures != 0;
}
