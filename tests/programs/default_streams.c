/* SPDX-License-Identifier: Apache-2.0 */
/* The legacy default stream waits for blocking streams and they for it; a per-thread one is its
 * own. */
#include <pthread.h>
#include "program.h"

enum { N = 4000, LOOPS = 4000, THREAD_COUNT = 3 };

static CUfunction fill, add, slow_multiply;
static CUcontext context;

static void launch(CUfunction f, CUstream s, CUdeviceptr p, unsigned value)
{
	unsigned n = N, loops = LOOPS;
	void *parameters[] = { &p, &n, &value, &loops };

	DO(launch_over(f, N, s, parameters));
}

/* Work in a blocking stream, then legacy, then another blocking stream: in this order. */
static void legacy(CUstream handle, const char *what)
{
	CUdeviceptr p = device_words(N);
	CUstream a, b;

	DO(cuStreamCreate(&a, 0));
	DO(cuStreamCreate(&b, 0));
	launch(fill, a, p, 7);
	launch(slow_multiply, a, p, 3);
	launch(add, handle, p, 11);
	launch(slow_multiply, b, p, 5);
	DO(cuStreamSynchronize(b));
	say_words(what, p, N);
	DO(cuStreamDestroy_v2(a));
	DO(cuStreamDestroy_v2(b));
	DO(cuMemFree_v2(p));
}

/* The twins for per-thread streams take 0 for the thread's own. */
static void twins(void)
{
	unsigned n = N, value = 3, loops = LOOPS;
	CUdeviceptr p = device_words(N);
	void *parameters[] = { &p, &n, &value, &loops };
	unsigned long long mine = 0, other = 0, legacy_id = 0;

	DO(cuMemsetD32_v2_ptds(p, 9, N));
	DO(cuLaunchKernel_ptsz(slow_multiply, (N + THREADS - 1) / THREADS, 1, 1, THREADS, 1, 1, 0,
		NULL, parameters, NULL));
	DO(cuStreamSynchronize_ptsz(NULL));
	say("query by the handle", cuStreamQuery(CU_STREAM_PER_THREAD));
	say_words("twins", p, N);
	DO(cuStreamGetId(CU_STREAM_PER_THREAD, &mine));
	DO(cuStreamGetId_ptsz(NULL, &other));
	DO(cuStreamGetId(NULL, &legacy_id));
	printf("per-thread ids are %s, the legacy id is %s\n",
		mine == other ? "equal" : "DIFFERENT", mine != legacy_id ? "another" : "THE SAME");
	DO(cuMemFree_v2(p));
}

static void *thread(void *result)
{
	CUdeviceptr p;

	DO(cuCtxSetCurrent(context));
	p = device_words(N);
	launch(fill, CU_STREAM_PER_THREAD, p, 1);
	for (int i = 0; i < 20; i++)
		launch(add, CU_STREAM_PER_THREAD, p, 2);
	DO(cuStreamSynchronize(CU_STREAM_PER_THREAD));
	DO(cuMemcpyDtoH_v2(result, p, 4));
	DO(cuMemFree_v2(p));
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREAD_COUNT];
	unsigned result[THREAD_COUNT];

	for (int i = 0; i < THREAD_COUNT; i++)
		pthread_create(&t[i], NULL, thread, &result[i]);
	for (int i = 0; i < THREAD_COUNT; i++) {
		pthread_join(t[i], NULL);
		printf("thread %d: %u\n", i, result[i]);
	}
}

int main(void)
{
	CUmodule m;

	context = program_begin();
	m = program_load();
	fill = program_kernel(m, "fill");
	add = program_kernel(m, "add");
	slow_multiply = program_kernel(m, "slow_multiply");
	legacy(NULL, "handle 0");
	legacy(CU_STREAM_LEGACY, "legacy handle");
	twins();
	threads();
	return 0;
}
