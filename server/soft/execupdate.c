/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing executable graphs: single nodes, named by the original graph's, or
 * all at once from another graph of the same shape. The next launch makes a
 * new plan.
 */
#include "exec.h"

#include <stdlib.h>
#include <string.h>

static void replan(struct exec *x)
{
	plan_put(x->plan);
	x->plan = NULL;
}

static CUresult enter_exec(CUgraphExec handle, CUgraphNode node, CUgraphNodeType type,
	struct exec **x, struct node **out)
{
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = exec_find(handle, x);
	if (!result)
		result = node_find(node, &n);
	if (result)
		return leave(result);
	*out = graph_find_origin((*x)->graph, n->id);
	if (!*out || (type != CU_GRAPH_NODE_TYPE_EMPTY && (*out)->type != type))
		return leave(CUDA_ERROR_INVALID_VALUE);
	return CUDA_SUCCESS;
}

/* Takes over @op when @result is good. */
static CUresult exec_set(struct exec *x, struct node *n, struct op *op, CUresult result)
{
	if (result)
		return leave(result);
	op_fini(&n->op);
	n->op = *op;
	replan(x);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphExecKernelNodeSetParams_v2(
	CUgraphExec handle, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_exec(handle, node, CU_GRAPH_NODE_TYPE_KERNEL, &x, &n));

	if (result)
		return result;
	return exec_set(x, n, &op, kernel_op(params, n->op.launch.function->module->ctx, &op));
}

CUresult cuGraphExecKernelNodeSetParams(
	CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
	CUDA_KERNEL_NODE_PARAMS p = {0};

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(&p, params, sizeof(*params));
	return cuGraphExecKernelNodeSetParams_v2(exec, node, &p);
}

CUresult cuGraphExecMemcpyNodeSetParams(
	CUgraphExec handle, CUgraphNode node, const CUDA_MEMCPY3D *params, CUcontext ctx)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_exec(handle, node, CU_GRAPH_NODE_TYPE_MEMCPY, &x, &n));

	return result ? result : exec_set(x, n, &op, memcpy_op(params, &op));
}

/* Natively a row stays a row and a rectangle a rectangle. */
static CUresult reset_op(
	const CUDA_MEMSET_NODE_PARAMS *params, const struct set *before, struct op *op)
{
	if ((params->height > 1) != (before->height > 1))
		return CUDA_ERROR_INVALID_VALUE;
	return memset_op(params, op);
}

CUresult cuGraphExecMemsetNodeSetParams(
	CUgraphExec handle, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params, CUcontext ctx)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_exec(handle, node, CU_GRAPH_NODE_TYPE_MEMSET, &x, &n));

	return result ? result : exec_set(x, n, &op, reset_op(params, &n->op.set, &op));
}

CUresult cuGraphExecHostNodeSetParams(
	CUgraphExec handle, CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_exec(handle, node, CU_GRAPH_NODE_TYPE_HOST, &x, &n));

	return result ? result : exec_set(x, n, &op, host_op(params, &op));
}

CUresult cuGraphExecEventRecordNodeSetEvent(CUgraphExec handle, CUgraphNode node, CUevent event)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result = enter_exec(handle, node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, &x, &n);

	return result ? result : exec_set(x, n, &op, event_op(OP_RECORD, event, &op));
}

CUresult cuGraphExecEventWaitNodeSetEvent(CUgraphExec handle, CUgraphNode node, CUevent event)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result = enter_exec(handle, node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, &x, &n);

	return result ? result : exec_set(x, n, &op, event_op(OP_WAIT, event, &op));
}

CUresult cuGraphExecBatchMemOpNodeSetParams(
	CUgraphExec handle, CUgraphNode node, const CUDA_BATCH_MEM_OP_NODE_PARAMS *params)
{
	struct exec *x;
	struct node *n;
	struct op op;
	CUresult result =
		need(params, enter_exec(handle, node, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP, &x, &n));

	return result ? result
		      : exec_set(x, n, &op, values_op(params->paramArray, params->count, &op));
}

CUresult cuGraphNodeSetEnabled(CUgraphExec handle, CUgraphNode node, unsigned int enabled)
{
	struct exec *x;
	struct node *n;
	CUresult result = enter_exec(handle, node, CU_GRAPH_NODE_TYPE_EMPTY, &x, &n);

	if (result)
		return result;
	if (n->type != CU_GRAPH_NODE_TYPE_KERNEL && n->type != CU_GRAPH_NODE_TYPE_MEMCPY &&
		n->type != CU_GRAPH_NODE_TYPE_MEMSET)
		return leave(CUDA_ERROR_INVALID_VALUE);
	n->disabled = !enabled;
	replan(x);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphNodeGetEnabled(CUgraphExec handle, CUgraphNode node, unsigned int *enabled)
{
	struct exec *x;
	struct node *n;
	CUresult result = need(enabled, enter_exec(handle, node, CU_GRAPH_NODE_TYPE_EMPTY, &x, &n));

	if (result)
		return result;
	*enabled = !n->disabled;
	return leave(CUDA_SUCCESS);
}

/* Node by node in working order: same kinds, same dependencies. */
static CUgraphExecUpdateResult compare(
	struct node **old, struct node **new, size_t count, struct node **where)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		old[i]->twin = new[i];
		*where = new[i];
		if (old[i]->type != new[i]->type)
			return CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
		if (old[i]->deps.count != new[i]->deps.count)
			return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
		for (j = 0; j < old[i]->deps.count; j++)
			if (!nodes_have(&new[i]->deps, old[i]->deps.at[j]->twin))
				return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
	}
	return CU_GRAPH_EXEC_UPDATE_SUCCESS;
}

static CUgraphExecUpdateResult update_graph(
	struct graph *old, struct graph *new, struct node **where);

static CUgraphExecUpdateResult apply(struct node *old, struct node *new, struct node **where)
{
	struct op op;

	if (old->child)
		return update_graph(old->child, new->child, where);
	if (op_clone(&op, &new->op) < 0)
		return CU_GRAPH_EXEC_UPDATE_ERROR;
	op_fini(&old->op);
	old->op = op;
	return CU_GRAPH_EXEC_UPDATE_SUCCESS;
}

static CUgraphExecUpdateResult update_graph(
	struct graph *old, struct graph *new, struct node **where)
{
	CUgraphExecUpdateResult result = CU_GRAPH_EXEC_UPDATE_ERROR;
	struct node **a = NULL, **b = NULL;
	size_t i, before = old->users.count;

	*where = NULL;
	if (old->count != new->count)
		return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
	if (graph_order(old, &a) == 0 && graph_order(new, &b) == 0)
		result = compare(a, b, old->count, where);
	if (!result && users_copy(&old->users, &new->users) < 0)
		result = CU_GRAPH_EXEC_UPDATE_ERROR;
	for (i = 0; !result && i < old->count; i++)
		result = apply(a[i], b[i], where);
	/* What the new graph keeps is kept in place of that; by a failure some of each is in use.
	 */
	if (!result)
		users_drop(&old->users, before);
	free(a);
	free(b);
	return result;
}

static CUresult update(struct exec *x, struct graph *g, CUgraphExecUpdateResultInfo *info)
{
	struct node *where = NULL;

	memset(info, 0, sizeof(*info));
	info->result = update_graph(x->graph, g, &where);
	replan(x);
	if (!info->result)
		return CUDA_SUCCESS;
	info->errorNode = where ? (CUgraphNode)where->base.handle : NULL;
	return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
}

CUresult cuGraphExecChildGraphNodeSetParams(CUgraphExec handle, CUgraphNode node, CUgraph child)
{
	struct node *n, *where;
	struct graph *g;
	struct exec *x;
	CUresult result = enter_exec(handle, node, CU_GRAPH_NODE_TYPE_GRAPH, &x, &n);

	if (result)
		return result;
	result = graph_find(child, &g);
	if (!result && update_graph(n->child, g, &where))
		result = CUDA_ERROR_INVALID_VALUE;
	replan(x);
	return leave(result);
}

/* Parameters of every kind come in one structure: to the kind's own call. */
CUresult cuGraphExecNodeSetParams(CUgraphExec exec, CUgraphNode node, CUgraphNodeParams *p)
{
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_HOST_NODE_PARAMS host;
	CUDA_MEMSET_NODE_PARAMS set;

	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		memcpy(&kernel, &p->kernel, sizeof(kernel));
		return cuGraphExecKernelNodeSetParams_v2(exec, node, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return cuGraphExecMemcpyNodeSetParams(
			exec, node, &p->memcpy.copyParams, p->memcpy.copyCtx);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = (CUDA_MEMSET_NODE_PARAMS){p->memset.dst, p->memset.pitch, p->memset.value,
			p->memset.elementSize, p->memset.width, p->memset.height};
		return cuGraphExecMemsetNodeSetParams(exec, node, &set, p->memset.ctx);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = (CUDA_HOST_NODE_PARAMS){p->host.fn, p->host.userData};
		return cuGraphExecHostNodeSetParams(exec, node, &host);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return cuGraphExecChildGraphNodeSetParams(exec, node, p->graph.graph);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return cuGraphExecEventRecordNodeSetEvent(exec, node, p->eventRecord.event);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return cuGraphExecEventWaitNodeSetEvent(exec, node, p->eventWait.event);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult cuGraphExecUpdate_v2(CUgraphExec handle, CUgraph graph, CUgraphExecUpdateResultInfo *info)
{
	struct graph *g;
	struct exec *x;
	CUresult result = need(info, enter_device());

	if (result)
		return result;
	result = exec_find(handle, &x);
	if (!result)
		result = graph_find(graph, &g);
	return leave(result ? result : update(x, g, info));
}

CUresult cuGraphExecUpdate(
	CUgraphExec exec, CUgraph graph, CUgraphNode *node, CUgraphExecUpdateResult *out)
{
	CUgraphExecUpdateResultInfo info = {0};
	CUresult result;

	if (!out)
		return CUDA_ERROR_INVALID_VALUE;
	result = cuGraphExecUpdate_v2(exec, graph, &info);
	*out = info.result;
	if (node)
		*node = info.errorNode;
	return result;
}
