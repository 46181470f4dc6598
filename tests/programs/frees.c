/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed by another call than one might think, and memory of graphs. */
#include <stdatomic.h>
#include <unistd.h>
#include "program.h"

enum { N = 100000, MAPPED = 2 << 20, MANY = 5000 };

static _Atomic int go;

/* For a few seconds at most, so that a free that waits is told by what comes next. */
static void hold(void *user)
{
	for (int i = 0; i < 30000 && !atomic_load(&go); i++)
		usleep(100);
}

static void say_kind(const char *what, CUdeviceptr p)
{
	unsigned type = 99;
	size_t size = 0;
	int device = 99;
	CUdeviceptr base = 0;
	CUresult r = cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p);

	printf("%s: %s", what, result_name(r));
	if (!r) {
		DO(cuPointerGetAttribute(&device, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, p));
		DO(cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_RANGE_SIZE, p));
		printf(", type %u, device %d, %zu bytes", type, device, size);
		DO(cuMemGetAddressRange_v2(&base, &size, p + 1));
		printf(", %zu from %s", size, base == p ? "there" : "ELSEWHERE");
	}
	printf("\n");
}

/* More than anybody waits for at once. */
static void many(CUstream s)
{
	CUdeviceptr *p = malloc(MANY * sizeof(*p));

	for (int i = 0; i < MANY; i++)
		p[i] = device_words(1);
	DO(cuMemsetD32Async(p[0], 5, 1, s));
	for (int i = 0; i < MANY; i++)
		DO(cuMemFreeAsync(p[i], s));
	SAY(cuStreamSynchronize(s));
	free(p);
}

/* Memory of cuMemAlloc, freed in stream order: later work of the stream sees it no more, but what came
 * before is undisturbed, and nobody waits. */
static void in_stream_order(CUstream s, CUfunction fill)
{
	unsigned n = N, value = 7;
	unsigned *words;
	CUdeviceptr p = device_words(N), q[8];
	void *parameters[] = { &p, &n, &value };

	DO(cuMemHostAlloc((void **)&words, N * 4, 0));
	DO(cuLaunchHostFunc(s, hold, NULL));
	DO(launch_over(fill, n, s, parameters));
	DO(cuMemcpyDtoHAsync_v2(words, p, N * 4, s));
	SAY(cuMemFreeAsync(p, s));
	for (int i = 0; i < 8; i++) {
		q[i] = device_words(N);
		printf("%s", q[i] == p ? "TAKEN TOO EARLY\n" : "");
		DO(cuMemsetD32Async(q[i], 1, N, (CUstream)2));
	}
	SAY(cuStreamQuery(s));
	atomic_store(&go, 1);
	SAY(cuStreamSynchronize(s));
	printf("copied before it was freed: %016llx\n", checksum(words, N * 4));
	SAY(cuMemFree_v2(p));
	SAY(cuMemFreeAsync(p, s));
	for (int i = 0; i < 8; i++)
		DO(cuMemFree_v2(q[i]));
	p = device_words(N);
	SAY(cuMemFreeAsync(p, NULL));
	SAY(cuCtxSynchronize());
	many(s);
	SAY(cuMemFreeAsync(p, NULL));
	DO(cuMemFreeHost(words));
}

static void not_theirs(CUstream s)
{
	CUmemAllocationProp prop = { .type = CU_MEM_ALLOCATION_TYPE_PINNED,
				     .location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 } };
	CUmemGenericAllocationHandle handle;
	CUdeviceptr p = device_words(N), mapped;
	CUgraph graph = NULL;
	void *host;

	SAY(cuMemFree_v2(p + 4));
	SAY(cuMemFreeAsync(p + 4, s));
	DO(cuMemHostAlloc(&host, 4096, 0));
	SAY(cuMemFree_v2((CUdeviceptr)(size_t)host));
	SAY(cuMemFreeAsync((CUdeviceptr)(size_t)host, s));
	DO(cuMemFreeHost(host));

	DO(cuMemAddressReserve(&mapped, MAPPED, 0, 0, 0));
	DO(cuMemCreate(&handle, MAPPED, &prop, 0));
	DO(cuMemMap(mapped, MAPPED, 0, handle, 0));
	SAY(cuMemFree_v2(mapped));
	SAY(cuMemFreeAsync(mapped, s));
	SAY(cuMemUnmap(mapped, MAPPED));
	SAY(cuMemFree_v2(mapped));
	DO(cuMemRelease(handle));
	DO(cuMemAddressFree(mapped, MAPPED));

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	SAY(cuMemFreeAsync(p, s));
	SAY(cuStreamEndCapture(s, &graph));
	if (graph)
		DO(cuGraphDestroy(graph));
	SAY(cuMemFree_v2(p));
	SAY(cuStreamSynchronize(s));
}

/* More than once, since an executable graph allocates at each launch. */
static void launch_and_free(CUgraphExec exec, CUdeviceptr p, CUstream s)
{
	SAY(cuGraphLaunch(exec, s));
	DO(cuStreamSynchronize(s));
	say_kind("launched", p);
	say_words("set by the graph", p, N);
	DO(cuMemsetD32_v2(p, 3, N));
	say_words("set by the program", p, N);
	SAY(cuGraphLaunch(exec, s));
	SAY(cuMemFree_v2(p));
	SAY(cuMemFree_v2(p));
	SAY(cuGraphLaunch(exec, s));
	DO(cuStreamSynchronize(s));
	say_words("set again", p, N);
	SAY(cuMemFreeAsync(p, s));
	SAY(cuMemFreeAsync(p, s));
	SAY(cuStreamSynchronize(s));
	SAY(cuGraphLaunch(exec, s));
	SAY(cuMemFreeAsync(p, s));
	SAY(cuStreamSynchronize(s));
}

static void allocation_node(CUstream s)
{
	CUDA_MEM_ALLOC_NODE_PARAMS alloc = {
		.poolProps = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
			       .location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 } },
		.bytesize = N * 4,
	};
	CUDA_MEMSET_NODE_PARAMS set = { .elementSize = 4, .value = 11, .width = N, .height = 1 };
	CUcontext context;
	CUgraphNode node, setting;
	CUgraphExec exec;
	CUgraph graph;

	DO(cuCtxGetCurrent(&context));
	DO(cuGraphCreate(&graph, 0));
	SAY(cuGraphAddMemAllocNode(&node, graph, NULL, 0, &alloc));
	say_kind("a node's", alloc.dptr);
	SAY(cuMemFree_v2(alloc.dptr));
	SAY(cuMemFreeAsync(alloc.dptr, s));
	set.dst = alloc.dptr;
	DO(cuGraphAddMemsetNode(&setting, graph, &node, 1, &set, context));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	launch_and_free(exec, alloc.dptr, s);
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

/* By the call that adds any node, with a node that frees. */
static void both_nodes(CUstream s)
{
	CUgraphNodeParams any = { .type = CU_GRAPH_NODE_TYPE_MEM_ALLOC };
	CUDA_MEMSET_NODE_PARAMS set = { .elementSize = 4, .value = 12, .width = N, .height = 1 };
	CUDA_MEMCPY3D copy = { .srcMemoryType = CU_MEMORYTYPE_DEVICE, .dstMemoryType = CU_MEMORYTYPE_HOST,
			       .srcPitch = N * 4, .dstPitch = N * 4,
			       .WidthInBytes = N * 4, .Height = 1, .Depth = 1 };
	CUgraphNode node, next;
	CUgraphNodeType type;
	CUcontext context;
	CUgraphExec exec;
	CUgraph graph;
	unsigned *words;
	CUdeviceptr p;

	DO(cuMemHostAlloc((void **)&words, N * 4, 0));
	DO(cuCtxGetCurrent(&context));
	DO(cuGraphCreate(&graph, 0));
	any.alloc.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
	any.alloc.poolProps.location = (CUmemLocation){ CU_MEM_LOCATION_TYPE_DEVICE, 0 };
	any.alloc.bytesize = N * 4;
	DO(cuGraphAddNode(&node, graph, NULL, 0, &any));
	DO(cuGraphNodeGetType(node, &type));
	printf("type %d\n", type);
	p = any.alloc.dptr;
	say_kind("any node's", p);
	set.dst = p;
	DO(cuGraphAddMemsetNode(&next, graph, &node, 1, &set, context));
	node = next;
	copy.srcDevice = p;
	copy.dstHost = words;
	DO(cuGraphAddMemcpyNode(&next, graph, &node, 1, &copy, context));
	node = next;
	memset(&any, 0, sizeof(any));
	any.type = CU_GRAPH_NODE_TYPE_MEM_FREE;
	any.free.dptr = p;
	DO(cuGraphAddNode(&next, graph, &node, 1, &any));
	DO(cuGraphNodeGetType(next, &type));
	printf("type %d\n", type);
	SAY(cuGraphAddMemFreeNode(&node, graph, &next, 1, p));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (int i = 0; i < 2; i++) {
		memset(words, 0, N * 4);
		SAY(cuGraphLaunch(exec, s));
		DO(cuStreamSynchronize(s));
		printf("copied out: %016llx\n", checksum(words, N * 4));
	}
	SAY(cuMemFree_v2(p));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
	DO(cuMemFreeHost(words));
}

static void captured(CUstream s, unsigned long long flags)
{
	CUgraphExec exec;
	CUgraph graph;
	CUdeviceptr p;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuMemAllocAsync(&p, N * 4, s));
	say_kind("captured", p);
	DO(cuMemsetD32Async(p, 13, N, s));
	DO(cuStreamEndCapture(s, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, flags));
	if (flags) {
		SAY(cuGraphLaunch(exec, s));
		SAY(cuGraphLaunch(exec, s));
		SAY(cuMemFreeAsync(p, s));
		SAY(cuStreamSynchronize(s));
	} else {
		launch_and_free(exec, p, s);
	}
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

int main(void)
{
	CUfunction fill;
	CUstream s;

	program_begin();
	fill = program_kernel(program_load(), "fill");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	in_stream_order(s, fill);
	not_theirs(s);
	allocation_node(s);
	both_nodes(s);
	captured(s, 0);
	captured(s, CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH);
	return 0;
}
