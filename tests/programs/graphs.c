/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: captured from streams and built by hand, launched more than once, updated; capture's
 * rules. */
#include <pthread.h>
#include <unistd.h>

#include "program.h"

enum { N = 3000, LOOPS = 1500 };

static CUfunction fill, add, slow_multiply;
static int calls;

static void launch(CUfunction f, CUstream s, CUdeviceptr p, unsigned value)
{
	unsigned n = N, loops = LOOPS;
	void *parameters[] = { &p, &n, &value, &loops };

	DO(launch_over(f, N, s, parameters));
}

static void note(void *user)
{
	calls++;
}

static void say_status(const char *when, CUstream s)
{
	CUstreamCaptureStatus status = 99;

	DO(cuStreamIsCapturing(s, &status));
	printf("%s: capture status %d\n", when, (int)status);
}

/* Two streams joined by events, in one graph. */
static CUgraph record(CUstream a, CUstream b, CUdeviceptr p, CUdeviceptr q)
{
	CUevent forked, joined;
	CUgraph graph;

	DO(cuEventCreate(&forked, CU_EVENT_DISABLE_TIMING));
	DO(cuEventCreate(&joined, CU_EVENT_DISABLE_TIMING));
	say_status("before", a);
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	say_status("capturing", a);
	launch(fill, a, p, 1);
	DO(cuEventRecord(forked, a));
	DO(cuStreamWaitEvent(b, forked, 0));
	say_status("forked", b);
	DO(cuMemsetD32Async(q, 5, N, b));
	launch(slow_multiply, b, q, 3);
	launch(slow_multiply, a, p, 2);
	DO(cuEventRecord(joined, b));
	DO(cuStreamWaitEvent(a, joined, 0));
	DO(cuMemcpyDtoDAsync_v2(p, q, N * 2, a));
	DO(cuLaunchHostFunc(a, note, NULL));
	DO(cuStreamEndCapture(a, &graph));
	say_status("after", a);
	DO(cuEventDestroy_v2(forked));
	DO(cuEventDestroy_v2(joined));
	return graph;
}

static void captured(int wild)
{
	CUdeviceptr p = device_words(N), q = device_words(N);
	size_t nodes = 0, roots = 0, edges = 0;
	CUgraphExec exec;
	CUstream a, b;
	CUgraph graph;

	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DO(cuMemsetD32_v2(p, 77, N));
	DO(cuCtxSynchronize());
	graph = record(a, b, p, q);
	say_words("capture executed nothing", p, N);
	DO(cuGraphGetNodes(graph, NULL, &nodes));
	DO(cuGraphGetRootNodes(graph, NULL, &roots));
	DO(cuGraphGetEdges(graph, NULL, NULL, &edges));
	printf("%zu nodes, %zu roots, %zu edges\n", nodes, roots, edges);
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	for (int i = 0; i < 3; i++) {
		DO(cuGraphLaunch(exec, a));
		launch(add, a, p, 1000);
		DO(cuStreamSynchronize(a));
		say_words("launched", p, N);
	}
	printf("host node called %d times\n", calls);
	DO(cuGraphExecDestroy(exec));
	if (wild) {
		SAY(cuGraphLaunch(exec, a));
		SAY(cuGraphDestroy(graph));
	}
}

static void by_hand(void)
{
	CUdeviceptr p = device_words(N);
	unsigned n = N, value = 9, loops = LOOPS;
	void *parameters[] = { &p, &n, &value, &loops };
	CUDA_KERNEL_NODE_PARAMS kernel = {.func = add,
		.gridDimX = (N + THREADS - 1) / THREADS,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = THREADS,
		.blockDimY = 1,
		.blockDimZ = 1,
		.kernelParams = parameters};
	CUDA_MEMSET_NODE_PARAMS set = { .dst = p, .value = 100, .elementSize = 4, .width = N,
					.height = 1 };
	CUgraphNode first, second, third;
	CUgraphNodeType type = 99;
	CUcontext context;
	CUgraphExec exec;
	CUgraph graph;

	DO(cuCtxGetCurrent(&context));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddMemsetNode(&first, graph, NULL, 0, &set, context));
	DO(cuGraphAddKernelNode_v2(&second, graph, &first, 1, &kernel));
	DO(cuGraphAddEmptyNode(&third, graph, &second, 1));
	DO(cuGraphNodeGetType(second, &type));
	printf("type %d\n", (int)type);
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphLaunch(exec, NULL));
	say_words("by hand", p, N);
	value = 900;
	SAY(cuGraphExecKernelNodeSetParams_v2(NULL, second, &kernel));
	DO(cuGraphExecKernelNodeSetParams_v2(exec, second, &kernel));
	DO(cuGraphLaunch(exec, NULL));
	say_words("changed", p, N);
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

static void rules(void)
{
	CUgraph graph = NULL;
	CUstream a, b;
	CUevent e;
	CUdeviceptr p;

	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, 0));
	SAY(cuStreamBeginCapture_v2(NULL, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuStreamEndCapture(a, &graph));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuStreamSynchronize(a));
	SAY(cuStreamEndCapture(a, &graph));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuStreamEndCapture(a, &graph));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuStreamQuery(a));
	SAY(cuStreamEndCapture(a, &graph));
	SAY(cuStreamSynchronize(a));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuEventCreate(&e, 0));
	DO(cuEventRecord(e, a));
	SAY(cuEventQuery(e));
	SAY(cuStreamEndCapture(a, &graph));
	DO(cuStreamBeginCapture_v2(b, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuMemsetD8Async(p, 0, 16, NULL));
	SAY(cuStreamEndCapture(b, &graph));
}

/* A node's parameters cannot be set by the calls for executable graphs. */
static void no_exec(void)
{
	CUdeviceptr p = device_words(N);
	CUDA_HOST_NODE_PARAMS host = {note, NULL};
	CUDA_MEMSET_NODE_PARAMS set = {.dst = p, .elementSize = 4, .width = N, .height = 1};
	CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = p,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p + 64,
		.WidthInBytes = 16,
		.Height = 1,
		.Depth = 1};
	CUgraphNode node;
	CUcontext context;
	CUgraph graph;

	DO(cuCtxGetCurrent(&context));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddHostNode(&node, graph, NULL, 0, &host));
	SAY(cuGraphExecHostNodeSetParams(NULL, node, &host));
	SAY(cuGraphAddMemcpyNode(&node, graph, NULL, 0, &copy, NULL));
	SAY(cuGraphExecMemcpyNodeSetParams(NULL, node, &copy, context));
	SAY(cuGraphAddMemsetNode(&node, graph, NULL, 0, &set, NULL));
	SAY(cuGraphExecMemsetNodeSetParams(NULL, node, &set, context));
	DO(cuGraphDestroy(graph));
}

static void *end_elsewhere(void *stream)
{
	CUcontext context;
	CUgraph graph;

	DO(cuDevicePrimaryCtxRetain(&context, 0));
	DO(cuCtxSetCurrent(context));
	SAY(cuStreamEndCapture(stream, &graph));
	return NULL;
}

/* Streams @a and @b in one capture of @a's. */
static void fork_capture(CUstream a, CUstream b, CUevent e)
{
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuEventRecord(e, a));
	DO(cuStreamWaitEvent(b, e, 0));
}

static void ends(void)
{
	CUdeviceptr p = device_words(N);
	CUgraph graph = NULL;
	pthread_t thread;
	CUevent e, never;
	CUstream a, b;

	DO(cuEventCreate(&e, 0));
	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	fork_capture(a, b, e);
	SAY(cuStreamEndCapture(b, &graph));
	say_status("ended in another stream", a);
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	pthread_create(&thread, NULL, end_elsewhere, a);
	pthread_join(thread, NULL);
	say_status("ended by another thread", a);
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuEventCreate(&never, 0));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuStreamWaitEvent(a, never, 0));
	SAY(cuStreamEndCapture(a, NULL));
	say_status("ended for nothing", a);

	fork_capture(a, b, e);
	DO(cuMemsetD8Async(p, 0, 16, b));
	DO(cuStreamDestroy_v2(b));
	say_status("a stream gone with work", a);
	SAY(cuStreamEndCapture(a, &graph));
	DO(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	fork_capture(a, b, e);
	DO(cuStreamDestroy_v2(b));
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DO(cuStreamDestroy_v2(a));
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuCtxSynchronize());
}

/* What a broken capture, one of a blocking stream, and one without a context answer. */
static void questions(void)
{
	CUstreamCaptureStatus status = 99;
	CUdeviceptr p = device_words(N);
	CUgraph graph = NULL;
	cuuint64_t id = 77;
	CUcontext context;
	CUstream a, b;

	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, 0));
	SAY(cuStreamUpdateCaptureDependencies(a, NULL, 0, 9));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuStreamUpdateCaptureDependencies(a, NULL, 0, 9));
	SAY(cuCtxSynchronize());
	say_status("context synchronized", a);
	SAY(cuStreamGetCaptureInfo_v2(a, &status, &id, NULL, NULL, NULL));
	printf("status %d, id %s\n", (int)status, id == 77 ? "not told" : "TOLD");
	SAY(cuStreamUpdateCaptureDependencies(a, NULL, 0, 0));
	SAY(cuStreamUpdateCaptureDependencies(a, NULL, 0, 9));
	SAY(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuStreamEndCapture(a, NULL));

	DO(cuStreamBeginCapture_v2(b, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuStreamIsCapturing(NULL, &status));
	say_status("only asked", b);
	SAY(cuStreamEndCapture(b, &graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuMemsetD8_v2(p, 0, 16));
	DO(cuCtxGetCurrent(&context));
	DO(cuCtxSetCurrent(NULL));
	say_status("no context", a);
	SAY(cuStreamEndCapture(a, &graph));
	DO(cuCtxSetCurrent(context));
}

static void called_back(CUstream stream, CUresult result, void *user)
{
}

/* What cannot be captured says so at the call. */
static void refusals(void)
{
	CUdeviceptr p = device_words(N), q;
	CUgraph graph = NULL;
	CUstream a, b;
	void *host;
	CUevent e;

	DO(cuMemHostAlloc(&host, 4096, 0));
	DO(cuEventCreate(&e, 0));
	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuStreamQuery(a));
	SAY(cuMemsetD8Async(p, 0, 16, a));
	SAY(cuEventRecord(e, a));
	SAY(cuStreamWaitEvent(b, e, 0));
	say_status("it had no record", b);
	SAY(cuStreamWaitEvent(a, e, 0));
	SAY(cuLaunchHostFunc(a, note, NULL));
	SAY(cuMemcpyHtoDAsync_v2(p, host, 16, a));
	SAY(cuMemAllocAsync(&q, 16, a));
	SAY(cuStreamEndCapture(a, &graph));
	SAY(cuEventQuery(e));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuEventRecord(e, a));
	SAY(cuStreamEndCapture(a, &graph));
	SAY(cuEventQuery(e));
	SAY(cuEventSynchronize(e));
	SAY(cuStreamWaitEvent(b, e, 0));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuStreamWaitEvent(a, e, 0));
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuEventRecord(e, b));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuStreamWaitEvent(a, e, 0));
	SAY(cuMemsetD8Async(p, 0, 16, a));
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuStreamBeginCapture_v2(b, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuEventRecord(e, b));
	SAY(cuStreamWaitEvent(a, e, 0));
	say_status("would merge", a);
	say_status("would merge", b);
	SAY(cuStreamEndCapture(a, &graph));
	SAY(cuStreamEndCapture(b, &graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuEventRecord(e, a));
	SAY(cuStreamWaitEvent(NULL, e, 0));
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuStreamAddCallback(a, called_back, NULL, 0));
	SAY(cuStreamEndCapture(a, &graph));

	DO(cuEventRecord(e, b));
	DO(cuEventSynchronize(e));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuEventRecordWithFlags(e, a, CU_EVENT_RECORD_EXTERNAL));
	SAY(cuEventQuery(e));
	SAY(cuStreamWaitEvent(a, e, CU_EVENT_WAIT_EXTERNAL));
	SAY(cuStreamEndCapture(a, &graph));
	SAY(cuEventRecordWithFlags(e, a, CU_EVENT_RECORD_EXTERNAL));
	SAY(cuStreamWaitEvent(a, e, CU_EVENT_WAIT_EXTERNAL));
}

static void late(void *user)
{
	usleep(50000);
	calls++;
}

/* A node that records @e behind a function that takes its time. */
static CUgraphExec recorder(CUevent e, CUgraph *graph, CUgraphNode *node)
{
	CUDA_HOST_NODE_PARAMS host = {late, NULL};
	CUgraphExec exec;
	CUgraphNode first;

	DO(cuGraphCreate(graph, 0));
	DO(cuGraphAddHostNode(&first, *graph, NULL, 0, &host));
	DO(cuGraphAddEventRecordNode(node, *graph, &first, 1, e));
	DO(cuGraphInstantiateWithFlags(&exec, *graph, 0));
	return exec;
}

static void wait_recorded(const char *how, CUgraphExec exec, CUstream s, CUevent e)
{
	calls = 0;
	DO(cuGraphLaunch(exec, s));
	DO(cuEventSynchronize(e));
	printf("event recorded by %s: %d calls before it\n", how, calls);
	SAY(cuEventQuery(e));
	DO(cuStreamSynchronize(s));
}

/* Events that nothing records but graphs are waited for. */
static void recorded_events(void)
{
	CUevent by_node, by_set, by_exec, by_capture;
	CUgraphExec exec, again;
	CUgraphNode node;
	CUgraph graph;
	CUstream a;

	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&by_node, 0));
	DO(cuEventCreate(&by_set, 0));
	DO(cuEventCreate(&by_exec, 0));
	DO(cuEventCreate(&by_capture, 0));
	exec = recorder(by_node, &graph, &node);
	wait_recorded("a node", exec, a, by_node);
	wait_recorded("a node once more", exec, a, by_node);
	DO(cuGraphExecEventRecordNodeSetEvent(exec, node, by_exec));
	wait_recorded("a changed executable graph", exec, a, by_exec);
	DO(cuGraphEventRecordNodeSetEvent(node, by_set));
	DO(cuGraphInstantiateWithFlags(&again, graph, 0));
	wait_recorded("a changed node", again, a, by_set);
	DO(cuGraphExecDestroy(again));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));

	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuLaunchHostFunc(a, late, NULL));
	DO(cuEventRecordWithFlags(by_capture, a, CU_EVENT_RECORD_EXTERNAL));
	DO(cuStreamEndCapture(a, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	wait_recorded("a captured record", exec, a, by_capture);
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

static void say_more(void *user)
{
	printf("host function %s\n", (const char *)user);
}

static CUgraph caller(const char *name)
{
	CUDA_HOST_NODE_PARAMS host = {say_more, (void *)name};
	CUDA_HOST_NODE_PARAMS first = {late, NULL};
	CUgraphNode node;
	CUgraph graph;

	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddHostNode(&node, graph, NULL, 0, &first));
	DO(cuGraphAddHostNode(&node, graph, &node, 1, &host));
	return graph;
}

/* Host functions stay as long as anything may call them. */
static void kept_functions(void)
{
	CUgraph graph, other = caller("of an update"), copy;
	CUgraphExecUpdateResultInfo info;
	CUgraphExec exec;
	CUgraphNode node;
	CUstream a;

	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	graph = caller("of a graph that is gone");
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	DO(cuGraphLaunch(exec, a));
	DO(cuStreamSynchronize(a));
	DO(cuGraphExecUpdate_v2(exec, other, &info));
	DO(cuGraphDestroy(other));
	usleep(10000);
	DO(cuGraphLaunch(exec, a));
	DO(cuGraphExecDestroy(exec));
	DO(cuStreamSynchronize(a));

	graph = caller("of a copy");
	DO(cuGraphClone(&copy, graph));
	DO(cuGraphDestroy(graph));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddChildGraphNode(&node, graph, NULL, 0, copy));
	DO(cuGraphDestroy(copy));
	usleep(10000);
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	DO(cuGraphLaunch(exec, a));
	DO(cuStreamSynchronize(a));
	DO(cuGraphExecDestroy(exec));
}

int main(int argc, char **argv)
{
	CUmodule m;

	program_begin();
	m = program_load();
	fill = program_kernel(m, "fill");
	add = program_kernel(m, "add");
	slow_multiply = program_kernel(m, "slow_multiply");
	captured(program_wild(argc, argv));
	by_hand();
	rules();
	no_exec();
	ends();
	questions();
	refusals();
	recorded_events();
	kept_functions();
	return 0;
}
