/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graph nodes that hold what only the client knows: functions with their
 * parameters, host functions, host memory. Other nodes are generated calls.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client_calls.h"
#include "context.h"
#include "hostfunc.h"
#include "hostmem.h"
#include "launch.h"
#include "memory.h"
#include "mirror.h"
#include "wire_calls.h"

/* Where a new node goes. */
struct place {
	CUgraphNode *out;
	CUgraph graph;
	const CUgraphNode *dependencies;
	size_t count;
};

static CUresult place_check(const struct place *p, const void *params)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!p->out || !p->graph || !params || (p->count && !p->dependencies))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* A kernel node's parameters in the form that all versions of the structure share. */
struct kernel {
	uint64_t function;
	struct launch_shape shape;
	struct launch_params params;
};

static CUresult kernel_read(const CUDA_KERNEL_NODE_PARAMS *from, struct kernel *out)
{
	struct function *f;
	CUresult r = call_check(0);

	if (!r)
		r = function_find(from->func ? from->func : (CUfunction)from->kern, &f);
	if (r)
		return r;
	out->shape = (struct launch_shape){{from->gridDimX, from->gridDimY, from->gridDimZ},
		{from->blockDimX, from->blockDimY, from->blockDimZ}, from->sharedMemBytes};
	out->function = f->object.handle;
	r = launch_check(f, &out->shape);
	if (!r)
		r = launch_pack(f, from->kernelParams, from->extra, &out->params);
	if (!r)
		r = hostmem_scan(out->params.bytes, out->params.size);
	return r;
}

static CUDA_KERNEL_NODE_PARAMS from_v1(const CUDA_KERNEL_NODE_PARAMS_v1 *v1)
{
	return (CUDA_KERNEL_NODE_PARAMS){
		.func = v1->func,
		.gridDimX = v1->gridDimX, .gridDimY = v1->gridDimY, .gridDimZ = v1->gridDimZ,
		.blockDimX = v1->blockDimX, .blockDimY = v1->blockDimY, .blockDimZ = v1->blockDimZ,
		.sharedMemBytes = v1->sharedMemBytes,
		.kernelParams = v1->kernelParams,
		.extra = v1->extra,
	};
}

static CUresult kernel_add(const struct place *p, const CUDA_KERNEL_NODE_PARAMS *params)
{
	struct kernel k;
	CUresult r = place_check(p, params);

	if (!r)
		r = kernel_read(params, &k);
	if (r)
		return r;
	return wire_graph_add_kernel((uintptr_t)p->graph, p->dependencies, p->count, k.function,
		k.shape.grid[0], k.shape.grid[1], k.shape.grid[2], k.shape.block[0],
		k.shape.block[1], k.shape.block[2], k.shape.shared, k.params.bytes, k.params.size,
		p->out);
}

/* Of the executable graph's copy of the node or, where @exec is NULL, of the node itself: so for
 * all kinds. */
static CUresult kernel_set(CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
	struct kernel k;
	CUresult r;

	if (!node || !params)
		return CUDA_ERROR_INVALID_VALUE;
	r = kernel_read(params, &k);
	if (r)
		return r;
	return wire_graph_set_kernel((uintptr_t)exec, (uintptr_t)node, k.function, k.shape.grid[0],
		k.shape.grid[1], k.shape.grid[2], k.shape.block[0], k.shape.block[1],
		k.shape.block[2], k.shape.shared, k.params.bytes, k.params.size);
}

static CUresult kernel_set_v1(
	CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
	CUDA_KERNEL_NODE_PARAMS full;

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	full = from_v1(params);
	return kernel_set(exec, node, &full);
}

CUresult client_cuGraphAddKernelNode_v2(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct place p = {phGraphNode, hGraph, dependencies, numDependencies};

	return kernel_add(&p, nodeParams);
}

CUresult client_cuGraphAddKernelNode(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	struct place p = {phGraphNode, hGraph, dependencies, numDependencies};
	CUDA_KERNEL_NODE_PARAMS params;

	if (!nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	params = from_v1(nodeParams);
	return kernel_add(&p, &params);
}

CUresult client_cuGraphKernelNodeSetParams_v2(CUgraphNode hNode,
	const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	return kernel_set(NULL, hNode, nodeParams);
}

CUresult client_cuGraphKernelNodeSetParams(CUgraphNode hNode,
	const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	return kernel_set_v1(NULL, hNode, nodeParams);
}

CUresult client_cuGraphExecKernelNodeSetParams_v2(CUgraphExec hGraphExec, CUgraphNode hNode,
	const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	return hGraphExec ? kernel_set(hGraphExec, hNode, nodeParams) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuGraphExecKernelNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
	const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	return hGraphExec ? kernel_set_v1(hGraphExec, hNode, nodeParams) : CUDA_ERROR_INVALID_VALUE;
}

/*
 * What cuGraphKernelNodeGetParams points to stays valid until the node is
 * changed or destroyed, which the client does not follow: it keeps the last
 * answer about every node that was asked about.
 */
struct told {
	struct told *next;
	CUgraphNode node;
	void **params;
	uint8_t bytes[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct told *all_told;

static void **tell(CUgraphNode node, const struct function *f, const uint8_t *bytes, unsigned size)
{
	struct told *t = calloc(1, sizeof(*t) + size), **p;

	if (!t)
		return NULL;
	t->params = calloc(f->param_count + 1, sizeof(void *));
	if (!t->params) {
		free(t);
		return NULL;
	}
	t->node = node;
	memcpy(t->bytes, bytes, size);
	for (uint32_t i = 0; i < f->param_count; i++)
		t->params[i] = t->bytes + f->param[2 * i];
	pthread_mutex_lock(&lock);
	for (p = &all_told; *p && (*p)->node != node; p = &(*p)->next)
		continue;
	if (*p) {
		struct told *old = *p;

		*p = old->next;
		free(old->params);
		free(old);
	}
	t->next = all_told;
	all_told = t;
	pthread_mutex_unlock(&lock);
	return t->params;
}

CUresult client_cuGraphKernelNodeGetParams_v2(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct launch_params params;
	unsigned shape[7], bytes = sizeof(params.bytes);
	struct function *f;
	uint64_t function;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!hNode || !nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	r = wire_graph_get_kernel((uintptr_t)hNode, &function, shape, &bytes, params.bytes);
	if (!r)
		r = function_find((CUfunction)(uintptr_t)function, &f);
	if (r)
		return r;
	if (bytes > sizeof(params.bytes) || bytes < f->param_size)
		return CUDA_ERROR_UNKNOWN;
	*nodeParams = (CUDA_KERNEL_NODE_PARAMS){
		.func = (CUfunction)(uintptr_t)function,
		.gridDimX = shape[0], .gridDimY = shape[1], .gridDimZ = shape[2],
		.blockDimX = shape[3], .blockDimY = shape[4], .blockDimZ = shape[5],
		.sharedMemBytes = shape[6],
		.kernelParams = tell(hNode, f, params.bytes, bytes),
	};
	return nodeParams->kernelParams ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult client_cuGraphKernelNodeGetParams(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	CUDA_KERNEL_NODE_PARAMS params;
	CUresult r;

	if (!nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	r = client_cuGraphKernelNodeGetParams_v2(hNode, &params);
	if (!r)
		*nodeParams = (CUDA_KERNEL_NODE_PARAMS_v1){
			.func = params.func,
			.gridDimX = params.gridDimX, .gridDimY = params.gridDimY,
			.gridDimZ = params.gridDimZ, .blockDimX = params.blockDimX,
			.blockDimY = params.blockDimY, .blockDimZ = params.blockDimZ,
			.sharedMemBytes = params.sharedMemBytes,
			.kernelParams = params.kernelParams,
		};
	return r;
}

/* Copy nodes run again and again, so their host memory must be mirrored, which only pinned memory
 * of ours can be. */
static CUresult mirror_side(CUmemorytype type, uint64_t address)
{
	struct memory_range range;

	if (type == CU_MEMORYTYPE_DEVICE || type == CU_MEMORYTYPE_ARRAY ||
		memory_classify(address) == MEMORY_DEVICE)
		return CUDA_SUCCESS;
	if (!memory_find(address, &range))
		return CUDA_ERROR_NOT_SUPPORTED;
	return mirror_activate(range.base, range.size);
}

/* A node without a context runs in the current one. */
static CUresult copy_context(CUcontext ctx, uint64_t *wire)
{
	struct context *c = context_self();

	if (ctx)
		return context_check(ctx, wire);
	*wire = c ? c->object.handle : 0;
	return CUDA_SUCCESS;
}

static CUresult copy_prepare(const CUDA_MEMCPY3D *c)
{
	CUresult r;

	if (!c)
		return CUDA_ERROR_INVALID_VALUE;
	if (c->srcMemoryType == CU_MEMORYTYPE_ARRAY || c->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = mirror_side(c->srcMemoryType, c->srcMemoryType == CU_MEMORYTYPE_HOST
						  ? (uintptr_t)c->srcHost
						  : c->srcDevice);
	if (!r)
		r = mirror_side(c->dstMemoryType, c->dstMemoryType == CU_MEMORYTYPE_HOST
							  ? (uintptr_t)c->dstHost
							  : c->dstDevice);
	return r;
}

CUresult client_cuGraphAddMemcpyNode(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, const CUDA_MEMCPY3D *copyParams,
	CUcontext ctx)
{
	struct place p = {phGraphNode, hGraph, dependencies, numDependencies};
	uint64_t context;
	CUresult r = place_check(&p, copyParams);

	if (!r)
		r = copy_context(ctx, &context);
	if (!r)
		r = copy_prepare(copyParams);
	return r ? r
		 : wire_graph_add_copy((uintptr_t)hGraph, dependencies, numDependencies,
			   (CUDA_MEMCPY3D *)copyParams, context, phGraphNode);
}

CUresult client_cuGraphExecMemcpyNodeSetParams(
	CUgraphExec hGraphExec, CUgraphNode hNode, const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
	uint64_t context;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r && (!hGraphExec || !hNode))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = copy_context(ctx, &context);
	if (!r)
		r = copy_prepare(copyParams);
	return r ? r
		 : wire_graph_exec_set_copy((uintptr_t)hGraphExec, (uintptr_t)hNode,
			   (CUDA_MEMCPY3D *)copyParams, context);
}

CUresult client_cuGraphMemcpyNodeSetParams(CUgraphNode hNode, const CUDA_MEMCPY3D *nodeParams)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r && !hNode)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = copy_prepare(nodeParams);
	return r ? r : wire_graph_set_copy((uintptr_t)hNode, (CUDA_MEMCPY3D *)nodeParams);
}

CUresult client_cuGraphAddHostNode(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies,
	const CUDA_HOST_NODE_PARAMS *nodeParams)
{
	struct place p = {phGraphNode, hGraph, dependencies, numDependencies};
	uint64_t id;
	CUresult r = place_check(&p, nodeParams);

	if (r)
		return r;
	if (!nodeParams->fn)
		return CUDA_ERROR_INVALID_VALUE;
	id = hostfunc_add(nodeParams->fn, nodeParams->userData, true);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_graph_add_host((uintptr_t)hGraph, dependencies, numDependencies, id, phGraphNode);
	if (r)
		hostfunc_remove(id);
	return r;
}

static CUresult host_set(CUgraphExec exec, CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
	uint64_t id;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!node || !params || !params->fn)
		return CUDA_ERROR_INVALID_VALUE;
	id = hostfunc_add(params->fn, params->userData, true);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_graph_set_host((uintptr_t)exec, (uintptr_t)node, id);
	if (r)
		hostfunc_remove(id);
	return r;
}

CUresult client_cuGraphExecHostNodeSetParams(
	CUgraphExec hGraphExec, CUgraphNode hNode, const CUDA_HOST_NODE_PARAMS *nodeParams)
{
	return hGraphExec ? host_set(hGraphExec, hNode, nodeParams) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuGraphHostNodeSetParams(CUgraphNode hNode, const CUDA_HOST_NODE_PARAMS *nodeParams)
{
	return host_set(NULL, hNode, nodeParams);
}

CUresult client_cuGraphHostNodeGetParams(CUgraphNode hNode, CUDA_HOST_NODE_PARAMS *nodeParams)
{
	uint64_t id;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!hNode || !nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	r = wire_graph_get_host((uintptr_t)hNode, &id);
	if (r)
		return r;
	return hostfunc_describe(id, &nodeParams->fn, &nodeParams->userData)
		       ? CUDA_SUCCESS
		       : CUDA_ERROR_INVALID_VALUE;
}
