/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy and host nodes, which name the application's memory and functions.
 * Kernel nodes have their own file; other nodes are generated calls.
 */
#include "graph.h"

#include "call.h"
#include "client_calls.h"
#include "context.h"
#include "hostfunc.h"
#include "memory.h"
#include "mirror.h"
#include "wire_calls.h"

CUresult place_check(const struct place *p, const void *params)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!p->out || !p->graph || !params || (p->count && !p->dependencies))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
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
