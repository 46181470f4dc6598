/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that are asked and changed after they were made, in graphs and in executable ones. */
#include <unistd.h>

#include "program.h"

static int calls;

static void late(void *user)
{
	usleep(50000);
	calls++;
}

static const char *event_name(CUevent e, CUevent a, CUevent b)
{
	return e == a ? "the first" : e == b ? "the second" : "ANOTHER";
}

static void say_events(const char *when, CUgraphNode record, CUgraphNode wait, CUevent a, CUevent b)
{
	CUevent recorded = NULL, waited = NULL;

	DO(cuGraphEventRecordNodeGetEvent(record, &recorded));
	DO(cuGraphEventWaitNodeGetEvent(wait, &waited));
	printf("%s: records %s, waits for %s\n", when, event_name(recorded, a, b),
		event_name(waited, a, b));
}

/* Nodes of events tell theirs, and take others as nodes of any type do. */
static void changed_events(void)
{
	CUgraphNodeParams to_a = {.type = CU_GRAPH_NODE_TYPE_EVENT_RECORD};
	CUgraphNodeParams from_a = {.type = CU_GRAPH_NODE_TYPE_WAIT_EVENT};
	CUDA_HOST_NODE_PARAMS host = {late, NULL};
	CUgraphNode first, record, wait;
	CUgraphExec exec;
	CUgraph graph;
	CUevent a, b, told;
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&a, 0));
	DO(cuEventCreate(&b, 0));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddHostNode(&first, graph, NULL, 0, &host));
	DO(cuGraphAddEventRecordNode(&record, graph, &first, 1, b));
	DO(cuGraphAddEventWaitNode(&wait, graph, &record, 1, b));
	say_events("made", record, wait, a, b);
	SAY(cuGraphEventRecordNodeGetEvent(wait, &told));
	SAY(cuGraphEventWaitNodeGetEvent(record, &told));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));

	to_a.eventRecord.event = from_a.eventWait.event = a;
	DO(cuGraphExecNodeSetParams(exec, record, &to_a));
	DO(cuGraphExecNodeSetParams(exec, wait, &from_a));
	say_events("its executable graph changed", record, wait, a, b);
	DO(cuGraphLaunch(exec, s));
	DO(cuEventSynchronize(a));
	printf("%d calls before the event\n", calls);
	DO(cuStreamSynchronize(s));

	DO(cuGraphNodeSetParams(record, &to_a));
	DO(cuGraphNodeSetParams(wait, &from_a));
	say_events("changed", record, wait, a, b);
	SAY(cuGraphNodeSetParams(wait, &to_a));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

static void say_name(void *user)
{
	printf("function %s\n", (const char *)user);
}

static CUDA_HOST_NODE_PARAMS named(const char *name)
{
	return (CUDA_HOST_NODE_PARAMS){say_name, (void *)name};
}

static void run(CUgraphExec exec, CUstream s)
{
	DO(cuGraphLaunch(exec, s));
	DO(cuStreamSynchronize(s));
}

/* A graph of a function that takes its time, and one that is named. */
static CUgraph caller(const char *name, CUgraphNode *node)
{
	CUDA_HOST_NODE_PARAMS host = named(name), first = {late, NULL};
	CUgraph graph;

	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddHostNode(node, graph, NULL, 0, &first));
	DO(cuGraphAddHostNode(node, graph, node, 1, &host));
	return graph;
}

/* What is instantiated before keeps the function that a node had. */
static void functions_of_graphs(CUstream s)
{
	CUDA_HOST_NODE_PARAMS second = named("2"), third = named("3"), fourth = named("4"), told;
	CUgraphNode node, copied;
	CUgraphExec exec, later;
	CUgraph graph = caller("1", &node), copy;

	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphClone(&copy, graph));
	DO(cuGraphHostNodeSetParams(node, &second));
	DO(cuGraphHostNodeSetParams(node, &third));
	DO(cuGraphHostNodeGetParams(node, &told));
	printf("told %s\n", (const char *)told.userData);
	DO(cuGraphInstantiateWithFlags(&later, graph, 0));
	DO(cuGraphNodeFindInClone(&copied, node, copy));
	DO(cuGraphDestroy(graph));
	usleep(10000);
	run(exec, s);
	run(later, s);
	DO(cuGraphExecDestroy(later));
	DO(cuGraphInstantiateWithFlags(&later, copy, 0));
	DO(cuGraphHostNodeSetParams(copied, &second));
	DO(cuGraphHostNodeSetParams(copied, &fourth));
	run(later, s);
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphExecDestroy(later));
	DO(cuGraphInstantiateWithFlags(&later, copy, 0));
	DO(cuGraphDestroy(copy));
	usleep(10000);
	run(later, s);
	DO(cuGraphExecDestroy(later));
}

/* Launches that are under way call the function that there was. */
static void functions_of_executables(CUstream s)
{
	CUDA_HOST_NODE_PARAMS second = named("of an executable graph"), third = named("after it");
	CUgraphNode node;
	CUgraph graph = caller("1", &node);
	CUgraphExec exec;

	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphExecHostNodeSetParams(exec, node, &second));
	DO(cuGraphLaunch(exec, s));
	DO(cuGraphExecHostNodeSetParams(exec, node, &third));
	DO(cuGraphLaunch(exec, s));
	DO(cuGraphExecDestroy(exec));
	usleep(10000);
	DO(cuStreamSynchronize(s));
	DO(cuGraphDestroy(graph));
}

static void changed_functions(void)
{
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	functions_of_graphs(s);
	functions_of_executables(s);
}

/* Pinned memory of the host that nodes name as a device's is. */
static void copies_of_pinned_memory(CUcontext context)
{
	enum { N = 1000 };
	CUDA_MEMCPY3D in = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.WidthInBytes = N * 4,
		.Height = 1,
		.Depth = 1};
	CUDA_MEMCPY3D out = in;
	CUgraphNode first, second;
	CUgraphExec exec;
	CUgraph graph;
	CUstream s;
	unsigned *p;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc((void **)&p, N * 8, CU_MEMHOSTALLOC_DEVICEMAP));
	in.srcDevice = (CUdeviceptr)(size_t)p;
	in.dstDevice = out.srcDevice = device_words(N);
	out.dstDevice = in.srcDevice + N * 4;
	DO(cuGraphCreate(&graph, 0));
	SAY(cuGraphAddMemcpyNode(&first, graph, NULL, 0, &in, context));
	SAY(cuGraphAddMemcpyNode(&second, graph, &first, 1, &out, context));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (unsigned i = 0; i < 2; i++) {
		pattern((unsigned char *)p, N * 8, i);
		run(exec, s);
		printf("copied: %016llx\n", checksum(p, N * 8));
	}
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
	DO(cuMemFreeHost(p));
	DO(cuMemFree_v2(in.dstDevice));
}

int main(void)
{
	CUcontext context = program_begin();

	changed_events();
	changed_functions();
	copies_of_pinned_memory(context);
	return 0;
}
