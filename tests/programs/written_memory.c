/* SPDX-License-Identifier: Apache-2.0 */
/* What host functions write to mapped memory is there for the work that comes after them. */
#include <unistd.h>

#include "program.h"

enum { N = 3000, ROUNDS = 20 };

static unsigned *host, start;
static CUfunction add;

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

int main(void)
{
	CUstream s;

	program_begin();
	add = program_kernel(program_load(), "add");
	DO(cuMemHostAlloc((void **)&host, N * 4, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	kernels(s);
	graphs(s, 0);
	graphs(s, 1);
	return 0;
}
