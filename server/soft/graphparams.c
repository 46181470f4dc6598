/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and replacing the parameters of a graph's nodes. */
#include "graphnode.h"

#include <stdlib.h>
#include <string.h>

static CUresult enter_node(CUgraphNode handle, CUgraphNodeType type, struct node **out)
{
	CUresult result = enter_device();

	if (result)
		return result;
	result = node_find(handle, out);
	if (!result && (*out)->type != type)
		result = CUDA_ERROR_INVALID_VALUE;
	return result ? leave(result) : CUDA_SUCCESS;
}

/* Takes over @op when @result is good. */
static CUresult node_set(struct node *n, struct op *op, CUresult result)
{
	if (result)
		return leave(result);
	op_fini(&n->op);
	free(n->values);
	n->values = NULL;
	n->op = *op;
	return leave(CUDA_SUCCESS);
}

static CUresult point_at_values(struct node *n)
{
	const struct ptx_kernel *k = n->op.launch.function->ptx;
	unsigned i;

	if (n->values)
		return CUDA_SUCCESS;
	n->values = calloc(k->parameter_count + 1, sizeof(*n->values));
	if (!n->values)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (i = 0; i < k->parameter_count; i++)
		n->values[i] = (char *)n->op.launch.params + k->parameters[i].offset;
	return CUDA_SUCCESS;
}

static CUresult get_kernel(CUgraphNode handle, CUDA_KERNEL_NODE_PARAMS *out, size_t size)
{
	CUDA_KERNEL_NODE_PARAMS p = {0};
	struct launch *l;
	struct node *n;
	CUresult result = need(out, enter_node(handle, CU_GRAPH_NODE_TYPE_KERNEL, &n));

	if (result)
		return result;
	result = point_at_values(n);
	if (result)
		return leave(result);
	l = &n->op.launch;
	p.func = function_handle(l->function);
	p.gridDimX = l->grid[0];
	p.gridDimY = l->grid[1];
	p.gridDimZ = l->grid[2];
	p.blockDimX = l->block[0];
	p.blockDimY = l->block[1];
	p.blockDimZ = l->block[2];
	p.sharedMemBytes = l->shared;
	p.kernelParams = n->values;
	if (l->function->module->ctx)
		p.ctx = (CUcontext)l->function->module->ctx->base.handle;
	memcpy(out, &p, size);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphKernelNodeGetParams(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *out)
{
	return get_kernel(node, (CUDA_KERNEL_NODE_PARAMS *)out, sizeof(*out));
}

CUresult cuGraphKernelNodeGetParams_v2(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS *out)
{
	return get_kernel(node, out, sizeof(*out));
}

static CUresult set_kernel(CUgraphNode handle, const CUDA_KERNEL_NODE_PARAMS *p)
{
	struct node *n;
	struct op op;
	CUresult result = enter_node(handle, CU_GRAPH_NODE_TYPE_KERNEL, &n);

	if (result)
		return result;
	return node_set(n, &op, kernel_op(p, n->op.launch.function->module->ctx, &op));
}

CUresult cuGraphKernelNodeSetParams(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *params)
{
	CUDA_KERNEL_NODE_PARAMS p = {0};

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(&p, params, sizeof(*params));
	return set_kernel(node, &p);
}

CUresult cuGraphKernelNodeSetParams_v2(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
	return params ? set_kernel(node, params) : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphMemcpyNodeGetParams(CUgraphNode node, CUDA_MEMCPY3D *out)
{
	struct node *n;
	CUresult result = need(out, enter_node(node, CU_GRAPH_NODE_TYPE_MEMCPY, &n));

	if (result)
		return result;
	*out = n->copy;
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *params)
{
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_node(node, CU_GRAPH_NODE_TYPE_MEMCPY, &n));

	if (result)
		return result;
	result = memcpy_op(params, &op);
	if (!result)
		n->copy = *params;
	return node_set(n, &op, result);
}

CUresult cuGraphMemsetNodeGetParams(CUgraphNode node, CUDA_MEMSET_NODE_PARAMS *out)
{
	const struct set *s;
	struct node *n;
	CUresult result = need(out, enter_node(node, CU_GRAPH_NODE_TYPE_MEMSET, &n));

	if (result)
		return result;
	s = &n->op.set;
	*out = (CUDA_MEMSET_NODE_PARAMS){
		s->dst, s->pitch, s->value, s->element, s->width, s->height};
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphMemsetNodeSetParams(CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params)
{
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_node(node, CU_GRAPH_NODE_TYPE_MEMSET, &n));

	return result ? result : node_set(n, &op, memset_op(params, &op));
}

CUresult cuGraphHostNodeGetParams(CUgraphNode node, CUDA_HOST_NODE_PARAMS *out)
{
	struct node *n;
	CUresult result = need(out, enter_node(node, CU_GRAPH_NODE_TYPE_HOST, &n));

	if (result)
		return result;
	out->fn = n->op.host.fn;
	out->userData = n->op.host.data;
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_node(node, CU_GRAPH_NODE_TYPE_HOST, &n));

	return result ? result : node_set(n, &op, host_op(params, &op));
}

static CUresult get_event(CUgraphNode node, CUgraphNodeType type, CUevent *out)
{
	struct node *n;
	CUresult result = need(out, enter_node(node, type, &n));

	if (result)
		return result;
	*out = (CUevent)n->op.event->base.handle;
	return leave(CUDA_SUCCESS);
}

static CUresult set_event(CUgraphNode node, CUgraphNodeType type, CUevent event)
{
	struct node *n;
	struct op op;
	CUresult result = enter_node(node, type, &n);

	if (result)
		return result;
	return node_set(n, &op, event_op(n->op.kind, event, &op));
}

CUresult cuGraphEventRecordNodeGetEvent(CUgraphNode node, CUevent *out)
{
	return get_event(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, out);
}

CUresult cuGraphEventRecordNodeSetEvent(CUgraphNode node, CUevent event)
{
	return set_event(node, CU_GRAPH_NODE_TYPE_EVENT_RECORD, event);
}

CUresult cuGraphEventWaitNodeGetEvent(CUgraphNode node, CUevent *out)
{
	return get_event(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, out);
}

CUresult cuGraphEventWaitNodeSetEvent(CUgraphNode node, CUevent event)
{
	return set_event(node, CU_GRAPH_NODE_TYPE_WAIT_EVENT, event);
}

CUresult cuGraphBatchMemOpNodeGetParams(CUgraphNode node, CUDA_BATCH_MEM_OP_NODE_PARAMS *out)
{
	struct node *n;
	CUresult result = need(out, enter_node(node, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP, &n));

	if (result)
		return result;
	*out = (CUDA_BATCH_MEM_OP_NODE_PARAMS){
		.count = n->op.values.count, .paramArray = n->op.values.ops};
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphBatchMemOpNodeSetParams(
	CUgraphNode node, const CUDA_BATCH_MEM_OP_NODE_PARAMS *params)
{
	struct node *n;
	struct op op;
	CUresult result = need(params, enter_node(node, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP, &n));

	return result ? result
		      : node_set(n, &op, values_op(params->paramArray, params->count, &op));
}

CUresult cuGraphKernelNodeGetAttribute(
	CUgraphNode node, CUlaunchAttributeID id, CUlaunchAttributeValue *out)
{
	struct node *n;
	CUresult result = need(out, enter_node(node, CU_GRAPH_NODE_TYPE_KERNEL, &n));

	if (result)
		return result;
	memset(out, 0, sizeof(*out));
	if (id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE)
		out->cooperative = n->op.launch.cooperative;
	else if (id != CU_LAUNCH_ATTRIBUTE_PRIORITY &&
		 id != CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW &&
		 id != CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
		return leave(CUDA_ERROR_INVALID_VALUE);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphKernelNodeSetAttribute(
	CUgraphNode node, CUlaunchAttributeID id, const CUlaunchAttributeValue *value)
{
	struct node *n;
	CUresult result = need(value, enter_node(node, CU_GRAPH_NODE_TYPE_KERNEL, &n));

	if (result)
		return result;
	if (id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE)
		n->op.launch.cooperative = value->cooperative;
	else if (id != CU_LAUNCH_ATTRIBUTE_PRIORITY &&
		 id != CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW)
		return leave(CUDA_ERROR_INVALID_VALUE);
	return leave(CUDA_SUCCESS);
}

/* Parameters of every kind come in one structure: to the kind's own call. */
CUresult cuGraphNodeSetParams(CUgraphNode node, CUgraphNodeParams *p)
{
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_HOST_NODE_PARAMS host;
	CUDA_MEMSET_NODE_PARAMS set;

	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		memcpy(&kernel, &p->kernel, sizeof(kernel));
		return cuGraphKernelNodeSetParams_v2(node, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return cuGraphMemcpyNodeSetParams(node, &p->memcpy.copyParams);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = (CUDA_MEMSET_NODE_PARAMS){p->memset.dst, p->memset.pitch, p->memset.value,
			p->memset.elementSize, p->memset.width, p->memset.height};
		return cuGraphMemsetNodeSetParams(node, &set);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = (CUDA_HOST_NODE_PARAMS){p->host.fn, p->host.userData};
		return cuGraphHostNodeSetParams(node, &host);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return cuGraphEventRecordNodeSetEvent(node, p->eventRecord.event);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return cuGraphEventWaitNodeSetEvent(node, p->eventWait.event);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult cuGraphKernelNodeCopyAttributes(CUgraphNode to, CUgraphNode from)
{
	struct node *a, *b;
	CUresult result = enter_node(to, CU_GRAPH_NODE_TYPE_KERNEL, &a);

	if (result)
		return result;
	result = node_find(from, &b);
	if (!result && b->type != CU_GRAPH_NODE_TYPE_KERNEL)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		a->op.launch.cooperative = b->op.launch.cooperative;
	return leave(result);
}
