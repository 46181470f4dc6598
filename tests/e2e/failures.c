/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of asynchronous copies that fail, on a driver that copies no odd number of bytes to the
 * host. Prints what is wrong and ends with 1, or "ok".
 */
#include <pthread.h>
#include <semaphore.h>
#include "../programs/program.h"

#define FAILURE CUDA_ERROR_NOT_PERMITTED

enum { BYTES = 8 << 20 };

static int failures;
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

int main(void)
{
	sem_init(&go, 0, 0);
	program_begin();
	DO(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	DO(cuMemAlloc_v2(&device, 2 * BYTES));
	DO(cuMemsetD8_v2(device, 7, 2 * BYTES));
	DO(cuMemAllocHost_v2((void **)&host, 2 * BYTES));
	DO(cuCtxSynchronize());
	large_copy();
	if (!failures)
		printf("ok\n");
	return failures != 0;
}
