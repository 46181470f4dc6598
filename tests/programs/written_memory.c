/* SPDX-License-Identifier: Apache-2.0 */
/* What host functions and copies write to mapped memory is there for the work that comes after them. */
#include <unistd.h>

#include "program.h"

enum { N = 3000, ROUNDS = 20 };

static unsigned *host, start;
static CUfunction add, multiply;

static void write_late(void *user)
{
	usleep(20000);
	for (unsigned i = 0; i < N; i++)
		host[i] = start + i;
	start += 100000;
}

static void say_host(const char *what)
{
	printf("%s: %u .. %u, checksum %016llx\n", what, host[0], host[N - 1],
		checksum(host, N * 4));
}

static void launch(CUstream s)
{
	unsigned n = N, value = 1;
	CUdeviceptr p;
	void *parameters[] = {&p, &n, &value};

	DO(cuMemHostGetDevicePointer_v2(&p, host, 0));
	DO(launch_over(add, N, s, parameters));
}

static void kernels(CUstream s)
{
	for (int i = 0; i < ROUNDS; i++) {
		DO(cuLaunchHostFunc(s, write_late, NULL));
		launch(s);
	}
	DO(cuStreamSynchronize(s));
	say_host("kernels");
}

/* Copies of graphs: the function comes before the launch, then it is part of the graph. */
static void graphs(CUstream s, int inside)
{
	CUdeviceptr p = device_words(N);
	CUgraphExec exec;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	if (inside)
		DO(cuLaunchHostFunc(s, write_late, NULL));
	DO(cuMemcpyHtoDAsync_v2(p, host, N * 4, s));
	launch(s);
	DO(cuStreamEndCapture(s, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (int i = 0; i < ROUNDS; i++) {
		if (!inside)
			DO(cuLaunchHostFunc(s, write_late, NULL));
		DO(cuGraphLaunch(exec, s));
	}
	DO(cuStreamSynchronize(s));
	say_host(inside ? "function in the graph" : "function before the graph");
	say_words("its copy", p, N);
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

/* Copies to the memory that kernels and graphs then use, with nothing that waits between them. */
static void copies(CUstream s)
{
	CUdeviceptr p = device_words(N), q = device_words(N);
	CUDA_MEMCPY2D rows = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = p, .srcPitch = 400,
		.dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = host, .dstPitch = 400,
		.WidthInBytes = 200, .Height = N * 4 / 400};
	CUgraphExec exec;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuMemcpyHtoDAsync_v2(q, host, N * 4, s));
	DO(cuStreamEndCapture(s, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (int i = 0; i < ROUNDS; i++) {
		DO(cuMemsetD32Async(p, 1000 * i, N, s));
		DO(cuMemcpyDtoHAsync_v2(host, p, N * 4, s));
		launch(s);
		DO(cuMemsetD32Async(p, 2000 * i, N, s));
		DO(cuMemcpy2DAsync_v2(&rows, s));
		DO(cuGraphLaunch(exec, s));
	}
	DO(cuStreamSynchronize(s));
	say_host("copies");
	say_words("the graph's copy", q, N);
	DO(cuMemcpyDtoH_v2(host, p, N * 4));
	say_host("waiting");
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

/* Two copies to one place: the later one's bytes stay, by whatever way the two come. */
static void one_place(CUstream s)
{
	enum { MANY = 400000, FEW = 5000, TIMES = 100 };
	CUdeviceptr p = device_words(MANY), q = device_words(MANY);
	unsigned *words, wrong = 0;

	DO(cuMemAllocHost_v2((void **)&words, MANY * 4));
	for (unsigned i = 0; i < TIMES; i++) {
		unsigned later = i % 3 ? FEW : MANY;

		DO(cuMemsetD32Async(p, i, MANY, s));
		DO(cuMemsetD32Async(q, i + 1000, MANY, s));
		DO(cuMemcpyDtoHAsync_v2(words, p, (i % 2 ? MANY : FEW) * 4, s));
		DO(cuMemcpyDtoHAsync_v2(words, q, later * 4, s));
		DO(cuStreamSynchronize(s));
		for (unsigned k = 0; k < later; k++)
			wrong += words[k] != i + 1000;
	}
	printf("one place: %u wrong\n", wrong);
	DO(cuMemFreeHost(words));
}

/* The legacy stream's work comes after that of a blocking stream and before what that copies then. Natively a copy
 * of a blocking stream need not wait for a function of the legacy one. */
static void behind_the_legacy_stream(void)
{
	CUdeviceptr p = device_words(N), mapped;
	unsigned n = N, value = 3, loops = 20000;
	void *slow[] = {&mapped, &n, &value, &loops};
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_DEFAULT));
	DO(cuMemHostGetDevicePointer_v2(&mapped, host, 0));
	DO(cuMemsetD32Async(p, 1, N, s));
	DO(cuLaunchHostFunc(CU_STREAM_LEGACY, write_late, NULL));
	DO(cuMemcpyHtoD_v2(p, host, N * 4));
	say_words("behind it, waiting", p, N);
	DO(cuLaunchKernel(multiply, (N + 127) / 128, 1, 1, 128, 1, 1, 0, CU_STREAM_LEGACY, slow, NULL));
	DO(cuMemcpy_ptds(p, (uintptr_t)host, N * 4));
	say_words("behind its kernel, per thread", p, N);
	DO(cuMemsetD32Async(p, 1, N, s));
	DO(cuLaunchHostFunc(s, write_late, NULL));
	DO(cuMemcpyHtoD_v2(p, host, N * 4));
	say_words("before it", p, N);
	DO(cuStreamDestroy_v2(s));
}

int main(void)
{
	CUmodule module;
	CUstream s;

	program_begin();
	module = program_load();
	add = program_kernel(module, "add");
	multiply = program_kernel(module, "slow_multiply");
	DO(cuMemHostAlloc((void **)&host, N * 4, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	kernels(s);
	graphs(s, 0);
	graphs(s, 1);
	copies(s);
	one_place(s);
	behind_the_legacy_stream();
	return 0;
}
