/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on beside captures. */
#include <unistd.h>

#include "program.h"

enum { N = 3000 };

static int calls;

static void late(void *user)
{
	usleep(50000);
	calls++;
}

static void free_during(const char *what, CUstream captured)
{
	static char registered[8192] __attribute__((aligned(4096)));
	CUdeviceptr p = device_words(N);
	CUgraph graph;
	void *pinned;

	DO(cuMemHostAlloc(&pinned, 4096, 0));
	DO(cuStreamBeginCapture_v2(captured, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuMemFree_v2(p));
	printf("freed after %d calls of %s\n", calls, what);
	DO(cuMemFreeHost(pinned));
	DO(cuMemHostRegister_v2(registered, sizeof(registered), 0));
	DO(cuMemHostUnregister(registered));
	DO(cuStreamEndCapture(captured, &graph));
	DO(cuGraphDestroy(graph));
	DO(cuCtxSynchronize());
	calls = 0;
}

/* A free waits for all work, that of streams too which say nothing of it because they are captured, or
 * because asking the legacy stream would end a capture. */
static void frees(void)
{
	CUdeviceptr p = device_words(N);
	CUstream blocking, other;
	CUgraph graph;
	CUevent e;

	DO(cuStreamCreate(&blocking, 0));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
	DO(cuLaunchHostFunc(NULL, late, NULL));
	free_during("the legacy stream", blocking);
	DO(cuLaunchHostFunc(blocking, late, NULL));
	free_during("the captured stream", blocking);
	DO(cuLaunchHostFunc(other, late, NULL));
	free_during("the captured stream", other);

	DO(cuLaunchHostFunc(blocking, late, NULL));
	DO(cuStreamBeginCapture_v2(other, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuLaunchHostFunc(NULL, late, NULL));
	DO(cuEventRecord(e, other));
	DO(cuStreamWaitEvent(blocking, e, 0));
	DO(cuMemFree_v2(p));
	printf("freed after %d calls of a stream that joined and the legacy one\n", calls);
	DO(cuEventRecord(e, blocking));
	DO(cuStreamWaitEvent(other, e, 0));
	DO(cuStreamEndCapture(other, &graph));
	DO(cuGraphDestroy(graph));
}

/* Memory of the application's own is read and written whenever the graph runs. */
static void say_sum(void *user)
{
	unsigned *sum = user;

	printf("function of the graph: %u\n", *sum);
	*sum = 0;
}

static CUgraphExec instantiate(CUgraph graph)
{
	CUgraphNodeType type = 99;
	CUgraphNode nodes[8];
	size_t count = 8;
	CUgraphExec exec;

	DO(cuGraphGetNodes(graph, nodes, &count));
	DO(cuGraphNodeGetType(nodes[0], &type));
	printf("%zu nodes, the first of type %d\n", count, (int)type);
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	return exec;
}

static void run_both(CUgraphExec exec, CUstream s, unsigned *in, unsigned *out, unsigned *one)
{
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < N; j++)
			in[j] = i * 1000 + j;
		memset(out, 9, N * 4);
		/* What is launched twice finds and leaves the same, until the function changes it.
		 */
		DO(cuGraphLaunch(exec, s));
		DO(cuGraphLaunch(exec, s));
		DO(cuStreamSynchronize(s));
		printf("out: %u .. %u, %u behind it, one is %u\n", out[0], out[N - 2], out[N - 1],
			*one);
	}
	DO(cuGraphExecDestroy(exec));
}

static void captured_pageable(CUstream s, CUdeviceptr p)
{
	unsigned *in = malloc(N * 4), *out = malloc(N * 4), one = 7;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DO(cuMemcpyHtoDAsync_v2(p, in, N * 4, s));
	DO(cuMemcpyDtoHAsync_v2(out, p, N * 4 - 4, s));
	DO(cuMemcpyDtoHAsync_v2(&one, p + 4, 4, s));
	DO(cuLaunchHostFunc(s, say_sum, &one));
	DO(cuStreamEndCapture(s, &graph));
	run_both(instantiate(graph), s, in, out, &one);
	free(in);
	free(out);
}

static CUDA_MEMCPY3D words_to(CUdeviceptr p, unsigned *host)
{
	return (CUDA_MEMCPY3D){.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = host,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.WidthInBytes = N * 4,
		.Height = 1,
		.Depth = 1};
}

static void added_pageable(CUstream s, CUdeviceptr p)
{
	unsigned *in = malloc(N * 4), *out = malloc(N * 4), one = 7;
	CUDA_MEMCPY3D to = words_to(p, in), told,
		      from = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
			      .srcDevice = p,
			      .dstMemoryType = CU_MEMORYTYPE_HOST,
			      .dstHost = out,
			      .WidthInBytes = N * 4 - 4,
			      .Height = 1,
			      .Depth = 1};
	CUgraphNode first, second;
	CUcontext context;
	CUgraph graph;

	DO(cuCtxGetCurrent(&context));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddMemcpyNode(&first, graph, NULL, 0, &to, context));
	DO(cuGraphAddMemcpyNode(&second, graph, &first, 1, &from, context));
	DO(cuGraphMemcpyNodeGetParams(first, &told));
	printf("source is %s\n", told.srcHost == in ? "told" : "NOT TOLD");
	run_both(instantiate(graph), s, in, out, &one);
	free(in);
	free(out);
}

/* What is gone is not touched while its graph is still there. */
static void gone_memory(CUstream s, CUdeviceptr p)
{
	size_t size = 16 << 20;
	unsigned *large = malloc(size), *other = malloc(N * 4);
	CUgraphExec exec, lasting;
	CUgraph graph;

	memset(large, 1, size);
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuMemcpyHtoDAsync_v2(p, large, N * 4, s));
	DO(cuStreamEndCapture(s, &graph));
	lasting = instantiate(graph);
	DO(cuGraphLaunch(lasting, s));
	DO(cuStreamSynchronize(s));
	free(large);
	for (unsigned i = 0; i < 50; i++) {
		other[0] = i;
		DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
		DO(cuMemcpyHtoDAsync_v2(p, other, N * 4, s));
		DO(cuMemcpyAsync(
			(CUdeviceptr)(size_t)(other + 1), (CUdeviceptr)(size_t)other, 4, s));
		DO(cuStreamEndCapture(s, &graph));
		DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
		DO(cuGraphDestroy(graph));
		DO(cuGraphLaunch(exec, s));
		DO(cuStreamSynchronize(s));
		if (other[1] != i)
			printf("NOT COPIED\n");
		DO(cuGraphExecDestroy(exec));
	}
	printf("copied %u\n", other[1]);
	DO(cuGraphExecDestroy(lasting));
	free(other);
}

/* What a copy leaves in pageable memory is what the next one finds there, in its graph or in another. */
static void shared_pageable(CUstream s, CUdeviceptr p)
{
	unsigned *host = calloc(2 * N, 4);
	CUdeviceptr q = device_words(N), r = device_words(N);
	CUgraphExec first, second;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DO(cuMemcpyDtoHAsync_v2(host, p, N * 4, s));
	DO(cuMemcpyHtoDAsync_v2(q, host, N * 4, s));
	DO(cuMemcpyHtoDAsync_v2(q, host + N / 2, 4, s));
	DO(cuStreamEndCapture(s, &graph));
	first = instantiate(graph);
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DO(cuMemcpyHtoDAsync_v2(r, host + N / 2, N * 4, s));
	DO(cuStreamEndCapture(s, &graph));
	second = instantiate(graph);
	for (unsigned i = 1; i < 4; i++) {
		DO(cuMemsetD32Async(p, i, N, s));
		DO(cuMemsetD32Async(p + N * 2, 10 * i, N / 2, s));
		DO(cuGraphLaunch(first, s));
		DO(cuGraphLaunch(second, s));
		DO(cuStreamSynchronize(s));
		printf("host: %u %u\n", host[0], host[N / 2]);
		say_words("copied on", q, N);
		say_words("by the other graph", r, N);
	}
	DO(cuGraphExecDestroy(first));
	DO(cuGraphExecDestroy(second));
	DO(cuMemFree_v2(q));
	DO(cuMemFree_v2(r));
	free(host);
}

/* Memory of graphs that were destroyed is free for others at once, whatever part of it they use. */
static void freed_pageable(CUstream s, CUdeviceptr p)
{
	static unsigned host[2 * N];
	CUgraphExec exec[3];
	CUgraph graph;

	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 3; k++) {
			DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
			if (k == 0)
				DO(cuMemcpyDtoHAsync_v2(host, p, N * 4, s));
			else
				DO(cuMemcpyHtoDAsync_v2(p, host + (k - 1) * N / 2, N * 4, s));
			DO(cuStreamEndCapture(s, &graph));
			exec[k] = instantiate(graph);
			DO(cuGraphLaunch(exec[k], s));
			DO(cuStreamSynchronize(s));
			if (k == 1) {
				DO(cuGraphExecDestroy(exec[0]));
				DO(cuGraphExecDestroy(exec[1]));
			}
		}
		DO(cuGraphExecDestroy(exec[2]));
	}
	printf("used again\n");
}

static void pageable(void)
{
	CUdeviceptr p = device_words(N);
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	captured_pageable(s, p);
	added_pageable(s, p);
	gone_memory(s, p);
	shared_pageable(s, p);
	freed_pageable(s, p);
}

static void say_capture(CUstream s)
{
	CUstreamCaptureStatus status;

	DO(cuStreamIsCapturing(s, &status));
	printf("capture: %d\n", status);
}

/* Executable graphs are launched and uploaded in other streams only. */
static void graphs_in_captures(void)
{
	CUdeviceptr p = device_words(N);
	CUgraph graph;
	CUgraphExec exec;
	CUstream s, other;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuMemsetD32Async(p, 7, N, s));
	DO(cuStreamEndCapture(s, &graph));
	exec = instantiate(graph);
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuGraphLaunch(exec, other));
	SAY(cuGraphUpload(exec, other));
	say_capture(s);
	SAY(cuGraphLaunch(exec, s));
	say_capture(s);
	SAY(cuMemsetD32Async(p, 7, N, s));
	SAY(cuGraphLaunch(exec, s));
	SAY(cuStreamEndCapture(s, &graph));
	printf("graph: %d\n", graph != NULL);
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuGraphUpload(exec, s));
	say_capture(s);
	SAY(cuStreamEndCapture(s, &graph));
	SAY(cuGraphUpload(exec, s));
	SAY(cuGraphLaunch(exec, s));
	DO(cuStreamSynchronize(s));
	say_words("launched", p, N);
	DO(cuGraphExecDestroy(exec));
}

int main(void)
{
	program_begin();
	graphs_in_captures();
	frees();
	pageable();
	return 0;
}
