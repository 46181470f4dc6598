/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads at once: memory, streams, events, kernels, graphs and contexts. */
#include "soft_test.h"

#include <pthread.h>

enum {
	THREADS = 6,
	ROUNDS = 15,
};

static CUcontext primary;
static CUmodule module;
static CUfunction twice;

#define GOOD(call)                                                                                 \
	do {                                                                                       \
		if (call)                                                                          \
			return (void *)#call;                                                      \
	} while (0)

static void *round_of_work(void)
{
	unsigned word = 3, i;
	CUdeviceptr p, q;
	void *params[] = {&p};
	CUstream a, b;
	CUevent e;

	GOOD(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	GOOD(cuStreamCreate(&b, 0));
	GOOD(cuEventCreate(&e, 0));
	GOOD(cuMemAlloc_v2(&p, 64));
	GOOD(cuMemAllocAsync(&q, 4096, a));
	GOOD(cuMemcpyHtoDAsync_v2(p, &word, 4, a));
	for (i = 0; i < 4; i++)
		GOOD(cuLaunchKernel(twice, 1, 1, 1, 1, 1, 1, 0, a, params, NULL));
	GOOD(cuMemcpyDtoDAsync_v2(q, p, 4, a));
	GOOD(cuEventRecord(e, a));
	GOOD(cuStreamWaitEvent(b, e, 0));
	GOOD(cuLaunchKernel(twice, 1, 1, 1, 1, 1, 1, 0, b, params, NULL));
	GOOD(cuMemcpyDtoHAsync_v2(&word, p, 4, b));
	if (word != 3 << 5)
		return (void *)"the sum";
	GOOD(cuMemFreeAsync(q, a));
	GOOD(cuEventDestroy_v2(e));
	GOOD(cuStreamDestroy_v2(a));
	GOOD(cuMemFree_v2(p));
	GOOD(cuStreamDestroy_v2(b));
	return NULL;
}

static void *round_of_graph(void)
{
	unsigned word = 0;
	CUdeviceptr p;
	CUgraphExec exec;
	CUgraph graph;
	CUstream s;

	GOOD(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	GOOD(cuMemAlloc_v2(&p, 64));
	GOOD(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	GOOD(cuMemsetD32Async(p, 21, 1, s));
	GOOD(cuStreamEndCapture(s, &graph));
	GOOD(cuGraphInstantiateWithFlags(&exec, graph, 0));
	GOOD(cuGraphLaunch(exec, s));
	GOOD(cuGraphExecDestroy(exec));
	GOOD(cuGraphDestroy(graph));
	GOOD(cuMemcpyDtoHAsync_v2(&word, p, 4, s));
	GOOD(cuStreamDestroy_v2(s));
	GOOD(cuMemFree_v2(p));
	return word == 21 ? NULL : (void *)"the fill";
}

static void *round_of_context(void)
{
	CUdeviceptr p;
	CUcontext c;
	CUmodule m;

	GOOD(cuCtxCreate_v2(&c, 0, 1));
	GOOD(cuModuleLoadData(&m, kernels));
	GOOD(cuMemAlloc_v2(&p, 4096));
	GOOD(cuMemsetD8Async(p, 1, 4096, CU_STREAM_PER_THREAD));
	GOOD(cuCtxDestroy_v2(c));
	return NULL;
}

static void *work(void *arg)
{
	void *wrong = NULL;
	int i;

	GOOD(cuCtxSetCurrent(primary));
	for (i = 0; i < ROUNDS && !wrong; i++) {
		wrong = round_of_work();
		if (!wrong)
			wrong = round_of_graph();
		if (!wrong && i % 3 == 0)
			wrong = round_of_context();
	}
	return wrong;
}

static void all_at_once(void **state)
{
	size_t available, total;
	pthread_t threads[THREADS];
	void *wrong[THREADS];
	int i;

	primary = *state;
	module = load(kernels);
	twice = function(module, "twice");
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], &wrong[i]);
	for (i = 0; i < THREADS; i++)
		if (wrong[i])
			fail_msg("%s", (char *)wrong[i]);
	ok(cuModuleUnload(module));
	ok(cuCtxSynchronize());
	ok(cuMemGetInfo_v2(&available, &total));
	assert_int_equal(available, total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(all_at_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
