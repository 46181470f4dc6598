/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd and wrong arguments of calls about graphs. Each function has a graph of its own, of a kernel
 * and a set of memory after it, which is what it was when the next call is made.
 */
#include "program.h"

enum { WORDS = 1 << 18, NOWHERE = 9, BIG = 1 << 20 };

struct pair {
	CUgraph graph;
	CUgraphNode kernel, set;
	CUgraphExec exec;
};

static CUcontext context;
static CUfunction fill;
static CUdeviceptr p;
static unsigned n = 4, value = 3;
static void *args[] = {&p, &n, &value};

static CUDA_KERNEL_NODE_PARAMS kernel(void)
{
	return (CUDA_KERNEL_NODE_PARAMS){.func = fill,
		.gridDimX = 1,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = 1,
		.blockDimY = 1,
		.blockDimZ = 1,
		.kernelParams = args};
}

static CUDA_MEMSET_NODE_PARAMS set(void)
{
	return (CUDA_MEMSET_NODE_PARAMS){.dst = p, .elementSize = 4, .width = 4, .height = 1};
}

static struct pair create(void)
{
	CUDA_KERNEL_NODE_PARAMS first = kernel();
	CUDA_MEMSET_NODE_PARAMS second = set();
	struct pair made;

	DO(cuGraphCreate(&made.graph, 0));
	DO(cuGraphAddKernelNode_v2(&made.kernel, made.graph, NULL, 0, &first));
	DO(cuGraphAddMemsetNode(&made.set, made.graph, &made.kernel, 1, &second, context));
	DO(cuGraphInstantiateWithFlags(&made.exec, made.graph, 0));
	return made;
}

static void destroy(struct pair *made)
{
	DO(cuGraphExecDestroy(made->exec));
	DO(cuGraphDestroy(made->graph));
	SAY(cuCtxSynchronize());
}

static void empty_nodes(void)
{
	struct pair g = create();
	CUgraphNode twice[] = {g.kernel, g.kernel}, made;
	CUgraph graph;

	SAY(cuGraphCreate(NULL, 0));
	SAY(cuGraphCreate(&graph, 1));
	SAY(cuGraphAddEmptyNode(&made, NULL, NULL, 0));
	SAY(cuGraphAddEmptyNode(NULL, g.graph, NULL, 0));
	SAY(cuGraphAddEmptyNode(&made, g.graph, NULL, 1));
	SAY(cuGraphAddEmptyNode(&made, g.graph, twice, 2));
	SAY(cuGraphDestroyNode(NULL));
	destroy(&g);
}

/* A kernel's node with one field set otherwise. */
#define SAY_KERNEL(field, other)                                                                   \
	do {                                                                                       \
		CUDA_KERNEL_NODE_PARAMS odd = kernel();                                            \
		odd.field = other;                                                                 \
		say("kernel with " #field " = " #other,                                            \
			cuGraphAddKernelNode_v2(&made, g.graph, NULL, 0, &odd));                   \
	} while (0)

static void kernel_nodes(void)
{
	struct pair g = create();
	CUgraphNode made;

	SAY(cuGraphAddKernelNode_v2(&made, g.graph, NULL, 0, NULL));
	SAY_KERNEL(gridDimX, 0);
	SAY_KERNEL(func, NULL);
	SAY_KERNEL(kernelParams, NULL);
	SAY_KERNEL(blockDimX, 4096);
	SAY_KERNEL(sharedMemBytes, BIG);
	destroy(&g);
}

/* A node of a set with one field set otherwise. */
#define SAY_SET(field, other)                                                                      \
	do {                                                                                       \
		CUDA_MEMSET_NODE_PARAMS odd = set();                                               \
		odd.field = other;                                                                 \
		say("set with " #field " = " #other,                                               \
			cuGraphAddMemsetNode(&made, g.graph, NULL, 0, &odd, context));             \
	} while (0)

static void other_nodes(void)
{
	static unsigned char host[512];
	CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = host,
		.srcPitch = 64,
		.srcHeight = 4,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = 64,
		.dstHeight = 4,
		.WidthInBytes = 64,
		.Height = 4,
		.Depth = 2};
	CUDA_HOST_NODE_PARAMS nothing = {NULL, NULL};
	struct pair g = create();
	CUgraphNode made;

	SAY_SET(elementSize, 3);
	SAY_SET(height, 2);
	SAY_SET(width, 0);
	SAY(cuGraphAddMemcpyNode(&made, g.graph, NULL, 0, &copy, context));
	SAY(cuGraphAddMemcpyNode(&made, g.graph, NULL, 0, NULL, context));
	SAY(cuGraphAddChildGraphNode(&made, g.graph, NULL, 0, NULL));
	SAY(cuGraphAddHostNode(&made, g.graph, NULL, 0, &nothing));
	SAY(cuGraphAddMemAllocNode(&made, g.graph, NULL, 0, NULL));
	SAY(cuGraphAddMemFreeNode(&made, g.graph, NULL, 0, p));
	destroy(&g);
}

static void counts(void)
{
	CUgraphNodeType type = (CUgraphNodeType)77;
	struct pair g = create();
	CUgraphNode nodes[9];
	size_t count = 0;

	SAY(cuGraphNodeGetType(g.kernel, &type));
	printf("type %d\n", (int)type);
	SAY(cuGraphNodeGetType(NULL, &type));
	SAY(cuGraphGetNodes(g.graph, NULL, &count));
	printf("nodes %zu\n", count);
	count = 9;
	SAY(cuGraphGetNodes(g.graph, nodes, &count));
	printf("nodes %zu\n", count);
	SAY(cuGraphGetRootNodes(g.graph, NULL, &count));
	printf("roots %zu\n", count);
	SAY(cuGraphGetEdges_v2(g.graph, NULL, NULL, NULL, &count));
	printf("edges %zu\n", count);
	SAY(cuGraphNodeGetDependencies_v2(g.set, NULL, NULL, &count));
	printf("before it %zu\n", count);
	SAY(cuGraphNodeGetDependentNodes_v2(g.kernel, NULL, NULL, &count));
	printf("after it %zu\n", count);
	destroy(&g);
}

static void edges(void)
{
	struct pair g = create();
	CUgraphExec exec = NULL;

	SAY(cuGraphAddDependencies_v2(g.graph, &g.kernel, &g.set, NULL, 1));
	SAY(cuGraphAddDependencies_v2(g.graph, &g.kernel, &g.kernel, NULL, 1));
	SAY(cuGraphRemoveDependencies_v2(g.graph, &g.set, &g.kernel, NULL, 1));
	SAY(cuGraphAddDependencies_v2(g.graph, &g.set, &g.kernel, NULL, 1));
	SAY(cuGraphInstantiateWithFlags(&exec, g.graph, 0));
	destroy(&g);
}

static void instances(CUstream s)
{
	struct pair g = create();
	CUgraphExec exec = NULL;
	cuuint64_t flags = 77;

	SAY(cuGraphClone(NULL, g.graph));
	SAY(cuGraphInstantiateWithFlags(NULL, g.graph, 0));
	SAY(cuGraphInstantiateWithFlags(&exec, NULL, 0));
	SAY(cuGraphInstantiateWithFlags(&exec, g.graph, 0x100));
	SAY(cuGraphInstantiateWithFlags(
		&exec, g.graph, CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY));
	DO(cuGraphExecDestroy(exec));
	SAY(cuGraphExecGetFlags(g.exec, &flags));
	printf("flags %llu\n", (unsigned long long)flags);
	SAY(cuGraphLaunch(NULL, s));
	SAY(cuGraphUpload(NULL, s));
	destroy(&g);
}

/* The executable graph's set with one field set otherwise. */
#define SAY_RESET(field, other)                                                                    \
	do {                                                                                       \
		CUDA_MEMSET_NODE_PARAMS odd = set();                                               \
		odd.field = other;                                                                 \
		odd.pitch = odd.height > 1 ? 64 : 0;                                               \
		say("set again with " #field " = " #other,                                         \
			cuGraphExecMemsetNodeSetParams(g.exec, g.set, &odd, context));             \
	} while (0)

static void changes(void)
{
	CUDA_KERNEL_NODE_PARAMS run = kernel();
	CUDA_MEMSET_NODE_PARAMS fresh = set();
	struct pair g = create();

	SAY(cuGraphExecKernelNodeSetParams_v2(g.exec, g.kernel, &run));
	SAY(cuGraphExecKernelNodeSetParams_v2(g.exec, g.set, &run));
	run.gridDimX = 0;
	SAY(cuGraphExecKernelNodeSetParams_v2(g.exec, g.kernel, &run));
	SAY(cuGraphExecMemsetNodeSetParams(g.exec, g.kernel, &fresh, context));
	SAY_RESET(width, 8);
	SAY_RESET(height, 2);
	SAY_RESET(dst, 5);
	destroy(&g);
}

static void enabled(void)
{
	struct pair g = create();
	unsigned on = 77;

	SAY(cuGraphNodeGetEnabled(g.exec, g.kernel, &on));
	printf("enabled %u\n", on);
	DO(cuGraphNodeSetEnabled(g.exec, g.kernel, 0));
	SAY(cuGraphNodeGetEnabled(g.exec, g.kernel, &on));
	printf("enabled %u\n", on);
	SAY(cuGraphNodeSetEnabled(g.exec, NULL, 0));
	destroy(&g);
}

static void told(void)
{
	CUkernelNodeAttrValue attribute = {.priority = 77};
	CUDA_KERNEL_NODE_PARAMS run = {0};
	CUDA_MEMSET_NODE_PARAMS fresh = {0};
	struct pair g = create();
	CUgraphNode found;
	CUgraph inner;

	SAY(cuGraphKernelNodeGetAttribute(g.kernel, CU_LAUNCH_ATTRIBUTE_PRIORITY, &attribute));
	printf("priority %d\n", attribute.priority);
	SAY(cuGraphKernelNodeGetAttribute(g.kernel, (CUkernelNodeAttrID)99, &attribute));
	SAY(cuGraphKernelNodeGetAttribute(g.set, CU_LAUNCH_ATTRIBUTE_PRIORITY, &attribute));
	SAY(cuGraphKernelNodeGetParams_v2(g.kernel, &run));
	printf("threads %u\n", run.blockDimX);
	SAY(cuGraphKernelNodeGetParams_v2(g.set, &run));
	SAY(cuGraphMemsetNodeGetParams(g.set, &fresh));
	printf("width %zu\n", fresh.width);
	SAY(cuGraphNodeFindInClone(&found, g.kernel, g.graph));
	SAY(cuGraphChildGraphNodeGetGraph(g.kernel, &inner));
	destroy(&g);
}

static void forget(void *user)
{
}

int main(void)
{
	CUstream s;

	context = program_begin();
	fill = program_kernel(program_load(), "fill");
	p = device_words(WORDS);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	empty_nodes();
	kernel_nodes();
	other_nodes();
	counts();
	edges();
	instances(s);
	changes();
	enabled();
	told();
	SAY(cuUserObjectCreate(NULL, args, forget, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
	SAY(cuDeviceGraphMemTrim(NOWHERE));
	DO(cuMemFree_v2(p));
	return 0;
}
