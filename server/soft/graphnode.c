/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding nodes to graphs, and their parameters: each kind is turned into the
 * same operation that a stream would be given, with the same checks.
 */
#include "graphnode.h"

#include <string.h>

/* Takes over @op and @child in any case. */
static CUresult add(CUgraphNode *out, CUgraph handle, const CUgraphNode *from, size_t count,
	CUgraphNodeType type, struct op *op, struct graph *child, struct node **node)
{
	struct nodes deps = {0};
	struct graph *g;
	struct node *n;
	CUresult result = graph_find(handle, &g);

	if (!result && !out)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = nodes_gather(g, from, count, &deps);
	if (!result && deps.count != count) /* one stands twice */
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		op_fini(op);
	else
		result = node_create(g, type, op, &deps, &n);
	nodes_fini(&deps);
	if (result) {
		graph_destroy(child);
		return result;
	}
	n->child = child;
	if (child)
		child->owner = n;
	*out = (CUgraphNode)n->base.handle;
	if (node)
		*node = n;
	return CUDA_SUCCESS;
}

CUresult node_add(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	CUgraphNodeType type, struct node **node)
{
	struct op op = {.kind = OP_NONE};

	return add(out, graph, deps, count, type, &op, NULL, node);
}

CUresult kernel_op(const CUDA_KERNEL_NODE_PARAMS *p, struct context *fallback, struct op *op)
{
	struct context *c = fallback;
	CUfunction f = p->func ? p->func : (CUfunction)p->kern;
	CUresult result = CUDA_SUCCESS;

	if (p->ctx)
		result = context_find(p->ctx, &c);
	*op = (struct op){.kind = OP_KERNEL,
		.launch = {.grid = {p->gridDimX, p->gridDimY, p->gridDimZ},
			.block = {p->blockDimX, p->blockDimY, p->blockDimZ},
			.shared = p->sharedMemBytes}};
	if (!result)
		result = function_find(c, f, &op->launch.function);
	if (!result)
		result = launch_op(op, p->kernelParams, p->extra);
	if (result)
		op->kind = OP_NONE;
	return result;
}

CUresult memcpy_op(const CUDA_MEMCPY3D *p, struct op *op)
{
	CUresult result;

	*op = (struct op){.kind = OP_COPY};
	result = copy_from_3d(p, &op->copy);
	if (!result && op->copy.width && op->copy.height && op->copy.depth)
		result = copy_check(&op->copy);
	return result;
}

CUresult memset_op(const CUDA_MEMSET_NODE_PARAMS *p, struct op *op)
{
	*op = (struct op){.kind = OP_SET,
		.set = {.dst = p->dst,
			.pitch = p->pitch,
			.width = p->width,
			.height = p->height,
			.value = p->value,
			.element = p->elementSize}};
	if (!p->width || !p->height ||
		(p->elementSize != 1 && p->elementSize != 2 && p->elementSize != 4))
		return CUDA_ERROR_INVALID_VALUE;
	return set_check(&op->set);
}

CUresult host_op(const CUDA_HOST_NODE_PARAMS *p, struct op *op)
{
	*op = (struct op){.kind = OP_HOST, .host = {.fn = p->fn, .data = p->userData}};
	return p->fn ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult event_op(enum op_kind kind, CUevent event, struct op *op)
{
	struct event *e;
	CUresult result = event_find(event, &e);

	*op = (struct op){.kind = OP_NONE};
	if (!result)
		*op = (struct op){.kind = kind, .event = object_get(e)};
	return result;
}

static CUresult add_kernel(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	const CUDA_KERNEL_NODE_PARAMS *params)
{
	struct context *c;
	struct op op;
	CUresult result = need(params, enter(&c));

	if (result)
		return result;
	result = kernel_op(params, c, &op);
	if (!result)
		result = add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_KERNEL, &op, NULL, NULL);
	return leave(result);
}

CUresult cuGraphAddKernelNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	size_t count, const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
	CUDA_KERNEL_NODE_PARAMS p = {0};

	if (params)
		memcpy(&p, params, sizeof(*params));
	return add_kernel(out, graph, deps, count, params ? &p : NULL);
}

CUresult cuGraphAddKernelNode_v2(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	size_t count, const CUDA_KERNEL_NODE_PARAMS *params)
{
	return add_kernel(out, graph, deps, count, params);
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	size_t count, const CUDA_MEMCPY3D *params, CUcontext ctx)
{
	struct context *c;
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_device());

	if (result)
		return result;
	result = ctx ? context_find(ctx, &c) : CUDA_SUCCESS;
	if (!result)
		result = memcpy_op(params, &op);
	if (!result)
		result = add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_MEMCPY, &op, NULL, &n);
	if (!result)
		n->copy = *params;
	return leave(result);
}

CUresult cuGraphAddMemsetNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	size_t count, const CUDA_MEMSET_NODE_PARAMS *params, CUcontext ctx)
{
	struct context *c;
	struct op op;
	CUresult result = need(params, enter_device());

	if (result)
		return result;
	result = ctx ? context_find(ctx, &c) : CUDA_SUCCESS;
	if (!result)
		result = memset_op(params, &op);
	if (!result)
		result = add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_MEMSET, &op, NULL, NULL);
	return leave(result);
}

CUresult cuGraphAddHostNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	const CUDA_HOST_NODE_PARAMS *params)
{
	struct op op;
	CUresult result = need(params, enter_device());

	if (result)
		return result;
	result = host_op(params, &op);
	if (!result)
		result = add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_HOST, &op, NULL, NULL);
	return leave(result);
}

CUresult cuGraphAddEmptyNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count)
{
	struct op op = {.kind = OP_NONE};
	CUresult result = enter_device();

	if (result)
		return result;
	return leave(add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_EMPTY, &op, NULL, NULL));
}

CUresult cuGraphAddChildGraphNode(
	CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count, CUgraph child)
{
	struct op op = {.kind = OP_NONE};
	struct graph *g, *copy;
	CUresult result = enter_device();

	if (result)
		return result;
	result = graph_find(child, &g);
	if (!result && child == graph)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = graph_clone(g, &copy);
	if (!result)
		result = add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_GRAPH, &op, copy, NULL);
	return leave(result);
}

static CUresult add_event(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	CUevent event, enum op_kind kind)
{
	struct op op;
	CUresult result = enter_device();

	if (result)
		return result;
	result = event_op(kind, event, &op);
	if (!result)
		result = add(out, graph, deps, count, op_node_type(&op), &op, NULL, NULL);
	return leave(result);
}

CUresult cuGraphAddEventRecordNode(
	CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count, CUevent event)
{
	return add_event(out, graph, deps, count, event, OP_RECORD);
}

CUresult cuGraphAddEventWaitNode(
	CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count, CUevent event)
{
	return add_event(out, graph, deps, count, event, OP_WAIT);
}

CUresult cuGraphAddBatchMemOpNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	size_t count, const CUDA_BATCH_MEM_OP_NODE_PARAMS *params)
{
	struct op op;
	CUresult result = enter_device();

	if (result)
		return result;
	result = params ? values_op(params->paramArray, params->count, &op)
			: CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = add(
			out, graph, deps, count, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP, &op, NULL, NULL);
	return leave(result);
}

/* Nodes of every kind come in one structure: dispatch to the kind's own call. */
static CUresult add_any(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	CUgraphNodeParams *p)
{
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL: {
		CUDA_KERNEL_NODE_PARAMS kernel;

		memcpy(&kernel, &p->kernel, sizeof(kernel));
		return add_kernel(out, graph, deps, count, &kernel);
	}
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return cuGraphAddMemcpyNode(
			out, graph, deps, count, &p->memcpy.copyParams, p->memcpy.copyCtx);
	case CU_GRAPH_NODE_TYPE_MEMSET: {
		CUDA_MEMSET_NODE_PARAMS set = {p->memset.dst, p->memset.pitch, p->memset.value,
			p->memset.elementSize, p->memset.width, p->memset.height};

		return cuGraphAddMemsetNode(out, graph, deps, count, &set, p->memset.ctx);
	}
	case CU_GRAPH_NODE_TYPE_HOST: {
		CUDA_HOST_NODE_PARAMS host = {p->host.fn, p->host.userData};

		return cuGraphAddHostNode(out, graph, deps, count, &host);
	}
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return cuGraphAddChildGraphNode(out, graph, deps, count, p->graph.graph);
	case CU_GRAPH_NODE_TYPE_EMPTY:
		return cuGraphAddEmptyNode(out, graph, deps, count);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return add_event(out, graph, deps, count, p->eventRecord.event, OP_RECORD);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return add_event(out, graph, deps, count, p->eventWait.event, OP_WAIT);
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC: {
		CUDA_MEM_ALLOC_NODE_PARAMS alloc;
		CUresult result;

		memcpy(&alloc, &p->alloc, sizeof(alloc));
		result = cuGraphAddMemAllocNode(out, graph, deps, count, &alloc);
		p->alloc.dptr = alloc.dptr;
		return result;
	}
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP: {
		CUDA_BATCH_MEM_OP_NODE_PARAMS batch = {
			p->memOp.ctx, p->memOp.count, p->memOp.paramArray, p->memOp.flags};

		return cuGraphAddBatchMemOpNode(out, graph, deps, count, &batch);
	}
	case CU_GRAPH_NODE_TYPE_MEM_FREE:
		return cuGraphAddMemFreeNode(out, graph, deps, count, p->free.dptr);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult cuGraphAddNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	CUgraphNodeParams *params)
{
	return add_any(out, graph, deps, count, params);
}

CUresult cuGraphAddNode_v2(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	const CUgraphEdgeData *data, size_t count, CUgraphNodeParams *params)
{
	return add_any(out, graph, deps, count, params);
}
