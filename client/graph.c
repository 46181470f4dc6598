/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copy and host nodes, which name the application's memory and functions, and
 * objects, which a function of it ends. Kernel nodes have their own file; other
 * nodes are generated calls.
 */
#include "graph.h"

#include "call.h"
#include "client_calls.h"
#include "context.h"
#include "hostfunc.h"
#include "lent.h"
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

/* One side of a node's parameters. */
struct node_side {
	CUmemorytype *type;
	const void **host;
	CUdeviceptr *device;
	size_t *x, *y, *z, *pitch, *height;
};

static struct node_side source(CUDA_MEMCPY3D *c)
{
	return (struct node_side){&c->srcMemoryType, &c->srcHost, &c->srcDevice, &c->srcXInBytes,
		&c->srcY, &c->srcZ, &c->srcPitch, &c->srcHeight};
}

static struct node_side destination(CUDA_MEMCPY3D *c)
{
	return (struct node_side){&c->dstMemoryType, (const void **)&c->dstHost, &c->dstDevice,
		&c->dstXInBytes, &c->dstY, &c->dstZ, &c->dstPitch, &c->dstHeight};
}

static uint64_t side_address(const struct node_side *s)
{
	return *s->type == CU_MEMORYTYPE_HOST ? (uintptr_t)*s->host : *s->device;
}

static void side_set(const struct node_side *s, uint64_t address)
{
	if (*s->type == CU_MEMORYTYPE_HOST)
		*s->host = (void *)address;
	else
		*s->device = address;
}

/* Pageable memory: the node names the server's room for just what is copied, which @graph keeps. */
static CUresult side_lend(
	const struct node_side *s, const CUDA_MEMCPY3D *c, CUgraph graph, bool written)
{
	size_t pitch = *s->pitch ? *s->pitch : c->WidthInBytes + *s->x;
	size_t slice = pitch * (*s->height ? *s->height : c->Height);
	size_t unit = c->Depth > 1 ? slice : c->Height > 1 ? pitch : 0, before, extent;
	uint64_t address, id;
	CUresult r;

	if (!c->WidthInBytes || !c->Height || !c->Depth || !side_address(s))
		return CUDA_SUCCESS; /* nothing is copied, or the driver says what is wrong */
	if (!graph || (unit && (unit | pitch | c->WidthInBytes) % MIRROR_GRANULE))
		return CUDA_ERROR_NOT_SUPPORTED;
	before = *s->z * slice + *s->y * pitch + *s->x;
	extent = (c->Depth - 1) * slice + (c->Height - 1) * pitch + c->WidthInBytes;
	r = lent_memory(&(struct lending){(void *)(side_address(s) + before), extent, written,
			(uintptr_t)graph},
		&address, &id);
	if (!r)
		r = wire_graph_keep((uintptr_t)graph, 0, id);
	if (r)
		return r;
	side_set(s, address);
	*s->x = *s->y = *s->z = 0;
	*s->pitch = pitch;
	return CUDA_SUCCESS;
}

/* Copy nodes run again and again, so the server must have their host memory too. */
static CUresult side_prepare(
	const struct node_side *s, const CUDA_MEMCPY3D *c, CUgraph graph, bool written)
{
	uint64_t address = side_address(s);
	struct memory_range range;

	if (memory_classify(address) == MEMORY_DEVICE)
		return CUDA_SUCCESS;
	if (memory_find(address, &range))
		return mirror_activate(range.base, range.size);
	/* What is no device's memory is for the driver to refuse. */
	return *s->type == CU_MEMORYTYPE_DEVICE ? CUDA_SUCCESS : side_lend(s, c, graph, written);
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

/* As the server is told. Where no @graph is known nothing can keep what is lent. */
static CUresult copy_prepare(const CUDA_MEMCPY3D *c, CUgraph graph, CUDA_MEMCPY3D *out)
{
	struct node_side src = source(out), dst = destination(out);
	CUresult r;

	if (!c)
		return CUDA_ERROR_INVALID_VALUE;
	if (c->srcMemoryType == CU_MEMORYTYPE_ARRAY || c->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		return CUDA_ERROR_NOT_SUPPORTED;
	*out = *c;
	r = side_prepare(&src, c, graph, false);
	return r ? r : side_prepare(&dst, c, graph, true);
}

/* What was lent is named as the application knows it. */
CUresult graph_copy_told(CUDA_MEMCPY3D *copy)
{
	struct node_side src = source(copy), dst = destination(copy);

	side_set(&src, lent_host(side_address(&src)));
	side_set(&dst, lent_host(side_address(&dst)));
	return CUDA_SUCCESS;
}

CUresult client_cuGraphAddMemcpyNode(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, const CUDA_MEMCPY3D *copyParams,
	CUcontext ctx)
{
	struct place p = {phGraphNode, hGraph, dependencies, numDependencies};
	CUDA_MEMCPY3D copy;
	uint64_t context;
	CUresult r = place_check(&p, copyParams);

	if (!r)
		r = copy_context(ctx, &context);
	if (!r)
		r = copy_prepare(copyParams, hGraph, &copy);
	return r ? r
		 : wire_graph_add_copy((uintptr_t)hGraph, dependencies, numDependencies, &copy,
			   context, phGraphNode);
}

CUresult client_cuGraphExecMemcpyNodeSetParams(
	CUgraphExec hGraphExec, CUgraphNode hNode, const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
	CUDA_MEMCPY3D copy;
	uint64_t context;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r && (!hGraphExec || !hNode))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = copy_context(ctx, &context);
	if (!r)
		r = copy_prepare(copyParams, NULL, &copy);
	return r ? r
		 : wire_graph_exec_set_copy(
			   (uintptr_t)hGraphExec, (uintptr_t)hNode, &copy, context);
}

CUresult client_cuGraphMemcpyNodeSetParams(CUgraphNode hNode, const CUDA_MEMCPY3D *nodeParams)
{
	CUDA_MEMCPY3D copy;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r && !hNode)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = copy_prepare(nodeParams, NULL, &copy);
	return r ? r : wire_graph_set_copy((uintptr_t)hNode, &copy);
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
	CUDA_HOST_NODE_PARAMS told;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!hNode || !nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	r = wire_graph_get_host((uintptr_t)hNode, &told);
	if (r)
		return r;
	return hostfunc_describe((uintptr_t)told.userData, &nodeParams->fn, &nodeParams->userData)
		       ? CUDA_SUCCESS
		       : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuUserObjectCreate(CUuserObject *object_out, void *ptr, CUhostFn destroy,
	unsigned int initialRefcount, unsigned int flags)
{
	uint64_t id;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!object_out || !destroy)
		return CUDA_ERROR_INVALID_VALUE;
	id = hostfunc_add_end(destroy, ptr);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_user_object_create(id, initialRefcount, flags, object_out);
	if (r)
		hostfunc_remove(id);
	return r;
}
