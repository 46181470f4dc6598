/* SPDX-License-Identifier: Apache-2.0 */
/* Copies into a stream that is not the current context's, which they may be (CUDA C++ Programming Guide, stream
 * and event behavior on several devices), and host memory that another context's use. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "program.h"

enum { FEW = 1000, MANY = 300000 };

/* A function is its context's; a kernel takes the stream's. */
static void launches(CUstream s, CUdeviceptr p)
{
	CUlibrary library;
	CUkernel kernel;

	SAY(launch_over(program_kernel(program_load(), "count"), 1, s, (void *[]){&p}));
	DO(cuLibraryLoadData(&library, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DO(cuLibraryGetKernel(&kernel, library, "count"));
	SAY(launch_over((CUfunction)kernel, 1, s, (void *[]){&p}));
	SAY(cuStreamSynchronize(s));
	DO(cuLibraryUnload(library));
}

static void copies(const char *what, CUcontext current, CUstream s, CUdeviceptr p, unsigned n)
{
	unsigned *from, *to;

	DO(cuCtxSetCurrent(current));
	DO(cuMemAllocHost_v2((void **)&from, n * 4));
	DO(cuMemAllocHost_v2((void **)&to, n * 4));
	pattern((unsigned char *)from, n * 4, n);
	memset(to, 0, n * 4);
	printf("%s, %u words\n", what, n);
	SAY(cuMemcpyHtoDAsync_v2(p, from, n * 4, s));
	SAY(cuMemcpyDtoDAsync_v2(p + n * 4, p, n * 4, s));
	SAY(cuMemcpyDtoHAsync_v2(to, p + n * 4, n * 4, s));
	SAY(cuStreamSynchronize(s));
	printf("as sent: %d\n", !memcmp(from, to, n * 4));
	memset(to, 0, n * 4);
	/* Pageable memory has it on return. */
	unsigned *pageable = calloc(n, 4);
	SAY(cuMemcpyDtoHAsync_v2(pageable, p, n * 4, s));
	printf("pageable: %d\n", !memcmp(from, pageable, n * 4));
	SAY(cuMemsetD32Async(p, 5, n, s));
	SAY(cuStreamSynchronize(s));
	free(pageable);
	launches(s, p);
	DO(cuMemFreeHost(from));
	DO(cuMemFreeHost(to));
}

static void hold(void *go)
{
	while (!atomic_load((_Atomic int *)go))
		usleep(100);
}

static void *let_go(void *go)
{
	usleep(200000);
	atomic_store((_Atomic int *)go, 1);
	return NULL;
}

/* Host memory that a copy in the one context is still to fill is freed while the other one is current. */
static void freed(CUcontext user, CUcontext current, CUstream s, CUdeviceptr p, int registered)
{
	size_t size = MANY * 4;
	_Atomic int go = 0;
	pthread_t thread;
	void *host;

	DO(cuCtxSetCurrent(user));
	if (registered) {
		host = aligned_alloc(4096, size + 4096 - size % 4096);
		DO(cuMemHostRegister_v2(host, size, CU_MEMHOSTREGISTER_PORTABLE));
	} else {
		DO(cuMemHostAlloc(&host, size, CU_MEMHOSTALLOC_PORTABLE));
	}
	DO(cuLaunchHostFunc(s, hold, &go));
	DO(cuMemcpyDtoHAsync_v2(host, p, size, s));
	DO(cuCtxSetCurrent(current));
	pthread_create(&thread, NULL, let_go, &go);
	if (registered)
		SAY(cuMemHostUnregister(host));
	else
		SAY(cuMemFreeHost(host));
	pthread_join(thread, NULL);
	DO(cuCtxSetCurrent(user));
	SAY(cuStreamSynchronize(s));
	if (registered)
		free(host);
}

int main(void)
{
	CUcontext a = program_begin(), b;
	CUdeviceptr p = device_words(2 * MANY), q;
	CUstream s;
	CUdevice device;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuDeviceGet(&device, 0));
	DO(cuCtxCreate_v2(&b, 0, device));
	q = device_words(2 * MANY);
	copies("memory of the stream's context", b, s, p, FEW);
	copies("memory of the stream's context", b, s, p, MANY);
	copies("memory of the current context", b, s, q, FEW);
	copies("memory of the current context", b, s, q, MANY);
	copies("the stream's context is current", a, s, q, FEW);
	freed(a, b, s, p, 0);
	freed(a, b, s, p, 1);
	DO(cuCtxDestroy_v2(b));
	return 0;
}
