/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for what: the legacy stream for blocking streams and never for
 * others, a context for streams that were destroyed meanwhile. Pinned memory shows
 * when bytes arrive.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "program.h"

enum { N = 4096, MANY = 1 << 20 };

static _Atomic int go;

static void hold(void *user)
{
	while (!atomic_load(&go))
		usleep(100);
	if (user)
		memset(user, 5, N * 4);
}

static void *let_go(void *unused)
{
	usleep(200000);
	atomic_store(&go, 1);
	return unused;
}

/* A copy to @out that waits behind a host function, in a non-blocking stream. */
static CUstream held_copy(CUfunction fill, unsigned *out, CUdeviceptr p)
{
	unsigned n = N, value = 5;
	void *parameters[] = { &p, &n, &value };
	CUstream s;

	memset(out, 0xaa, N * 4);
	DO(cuMemsetD32_v2(p, 1, N));
	DO(cuCtxSynchronize());
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	atomic_store(&go, 0);
	DO(cuLaunchHostFunc(s, hold, NULL));
	DO(launch_over(fill, N, s, parameters));
	DO(cuMemcpyDtoHAsync_v2(out, p, N * 4, s));
	return s;
}

static void beside_the_legacy_stream(CUfunction fill, unsigned *out, CUdeviceptr p, CUdeviceptr q,
				     int query)
{
	CUstream s = held_copy(fill, out, p);

	DO(cuMemsetD32Async(q, 1, N, NULL));
	if (query)
		while (cuStreamQuery(NULL) == CUDA_ERROR_NOT_READY)
			usleep(100);
	else
		DO(cuStreamSynchronize(NULL));
	printf("the legacy stream is done, the other is held: %x\n", out[0]);
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(s));
	printf("after: %x\n", out[0]);
	DO(cuStreamDestroy_v2(s));
}

static void destroyed(CUfunction fill, unsigned *out, CUdeviceptr p)
{
	pthread_t thread;

	DO(cuStreamDestroy_v2(held_copy(fill, out, p)));
	pthread_create(&thread, NULL, let_go, NULL);
	DO(cuCtxSynchronize());
	printf("a destroyed stream's copy: %x\n", out[0]);
	pthread_join(thread, NULL);
}

/* A blocking stream without work of its own comes after the legacy stream's kernel. */
static void after_the_legacy_stream(CUfunction fill)
{
	unsigned n = MANY, value = 5, seen, *host;
	CUdeviceptr mapped, p = device_words(MANY);
	void *parameters[] = { &mapped, &n, &value };
	CUstream blocking;

	DO(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
	DO(cuMemHostAlloc((void **)&host, MANY * 4, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuMemHostGetDevicePointer_v2(&mapped, host, 0));
	memset(host, 0xaa, MANY * 4);
	DO(cuCtxSynchronize());
	DO(launch_over(fill, MANY, NULL, parameters));
	DO(cuMemcpyHtoDAsync_v2(p, host, MANY * 4, blocking));
	DO(cuStreamSynchronize(blocking));
	DO(cuMemcpyDtoH_v2(&seen, p, 4));
	printf("copied after the legacy stream's kernel: %x\n", seen);
	DO(cuMemFreeHost(host));
	DO(cuMemFree_v2(p));
	DO(cuStreamDestroy_v2(blocking));
}

/* A copy in the legacy stream behind a function of a blocking one does not keep the thread. Whether
 * it waits for the function is the driver's business: a stream counts as idle meanwhile. */
static void before_the_legacy_stream(unsigned *host, CUdeviceptr p)
{
	CUstream blocking;

	memset(host, 0xaa, N * 4);
	DO(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
	atomic_store(&go, 0);
	DO(cuLaunchHostFunc(blocking, hold, host));
	DO(cuMemcpyHtoDAsync_v2(p, host, N * 4, NULL));
	printf("a copy behind a blocking stream's function is enqueued\n");
	atomic_store(&go, 1);
	DO(cuCtxSynchronize());
	DO(cuStreamDestroy_v2(blocking));
}

static void late(void *calls)
{
	usleep(50000);
	++*(_Atomic int *)calls;
}

enum { FREE, FREE_HOST, UNREGISTER, FREES };

/* Programs use these as barriers: they come after all work, also of streams that are gone. */
static void frees(int gone)
{
	static const char *const names[] = {"cuMemFree", "cuMemFreeHost", "cuMemHostUnregister"};
	static char page[4096] __attribute__((aligned(4096)));

	for (int i = 0; i < FREES; i++) {
		CUdeviceptr p = device_words(N);
		_Atomic int calls = 0;
		CUstream s;
		void *host;

		DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
		DO(cuMemHostAlloc(&host, 4096, 0));
		DO(cuMemHostRegister_v2(page, sizeof(page), 0));
		DO(cuLaunchHostFunc(s, late, &calls));
		if (gone)
			DO(cuStreamDestroy_v2(s));
		if (i == FREE)
			DO(cuMemFree_v2(p));
		else if (i == FREE_HOST)
			DO(cuMemFreeHost(host));
		else
			DO(cuMemHostUnregister(page));
		printf("%s after %d calls%s\n", names[i], calls, gone ? " of a stream that is gone" : "");
		if (i != FREE)
			DO(cuMemFree_v2(p));
		if (i != FREE_HOST)
			DO(cuMemFreeHost(host));
		if (i != UNREGISTER)
			DO(cuMemHostUnregister(page));
		if (!gone)
			DO(cuStreamDestroy_v2(s));
	}
}

int main(void)
{
	CUdeviceptr p, q;
	CUfunction fill;
	unsigned *host;

	program_begin();
	fill = program_kernel(program_load(), "fill");
	p = device_words(N);
	q = device_words(N);
	DO(cuMemHostAlloc((void **)&host, N * 4, 0));
	beside_the_legacy_stream(fill, host, p, q, 0);
	beside_the_legacy_stream(fill, host, p, q, 1);
	destroyed(fill, host, p);
	after_the_legacy_stream(fill);
	before_the_legacy_stream(host, p);
	frees(0);
	frees(1);
	return 0;
}
