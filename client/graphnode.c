/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes of any kind, whose parameters are one union: each is passed on to the
 * function that is for its kind alone.
 */
#include <string.h>

#include "call.h"
#include "client_calls.h"

static CUDA_MEMSET_NODE_PARAMS memset_params(const CUDA_MEMSET_NODE_PARAMS_v2 *p)
{
	return (CUDA_MEMSET_NODE_PARAMS){.dst = p->dst,
		.pitch = p->pitch,
		.value = p->value,
		.elementSize = p->elementSize,
		.width = p->width,
		.height = p->height};
}

static CUDA_KERNEL_NODE_PARAMS kernel_params(const CUDA_KERNEL_NODE_PARAMS_v3 *p)
{
	CUDA_KERNEL_NODE_PARAMS k;

	_Static_assert(sizeof(k) == sizeof(*p), "both forms have the same fields");
	memcpy(&k, p, sizeof(k));
	return k;
}

static CUDA_HOST_NODE_PARAMS host_params(const CUDA_HOST_NODE_PARAMS_v2 *p)
{
	return (CUDA_HOST_NODE_PARAMS){.fn = p->fn, .userData = p->userData};
}

static CUDA_BATCH_MEM_OP_NODE_PARAMS operation_params(const CUDA_BATCH_MEM_OP_NODE_PARAMS_v2 *p)
{
	return (CUDA_BATCH_MEM_OP_NODE_PARAMS){.ctx = p->ctx,
		.count = p->count,
		.paramArray = p->paramArray,
		.flags = p->flags};
}

/* The address of the memory comes back in the parameters. */
static CUresult add_allocation(CUgraphNode *out, CUgraph graph, const CUgraphNode *nodes,
	size_t count, CUDA_MEM_ALLOC_NODE_PARAMS_v2 *p)
{
	CUDA_MEM_ALLOC_NODE_PARAMS a = {.poolProps = p->poolProps,
		.accessDescs = p->accessDescs,
		.accessDescCount = p->accessDescCount,
		.bytesize = p->bytesize};
	CUresult r = stub_cuGraphAddMemAllocNode(out, graph, nodes, count, &a);

	if (!r)
		p->dptr = a.dptr;
	return r;
}

static CUresult add(CUgraphNode *out, CUgraph graph, const CUgraphNode *nodes, size_t count,
	CUgraphNodeParams *p)
{
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_MEMSET_NODE_PARAMS set;
	CUDA_HOST_NODE_PARAMS host;
	CUDA_BATCH_MEM_OP_NODE_PARAMS operations;

	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		kernel = kernel_params(&p->kernel);
		return client_cuGraphAddKernelNode_v2(out, graph, nodes, count, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return client_cuGraphAddMemcpyNode(out, graph, nodes, count, &p->memcpy.copyParams,
			p->memcpy.copyCtx);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = memset_params(&p->memset);
		return stub_cuGraphAddMemsetNode(out, graph, nodes, count, &set, p->memset.ctx);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = host_params(&p->host);
		return client_cuGraphAddHostNode(out, graph, nodes, count, &host);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return stub_cuGraphAddChildGraphNode(out, graph, nodes, count, p->graph.graph);
	case CU_GRAPH_NODE_TYPE_EMPTY:
		return stub_cuGraphAddEmptyNode(out, graph, nodes, count);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return stub_cuGraphAddEventWaitNode(out, graph, nodes, count, p->eventWait.event);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return stub_cuGraphAddEventRecordNode(out, graph, nodes, count,
			p->eventRecord.event);
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
		return add_allocation(out, graph, nodes, count, &p->alloc);
	case CU_GRAPH_NODE_TYPE_MEM_FREE:
		return stub_cuGraphAddMemFreeNode(out, graph, nodes, count, p->free.dptr);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		operations = operation_params(&p->memOp);
		return stub_cuGraphAddBatchMemOpNode(out, graph, nodes, count, &operations);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult client_cuGraphAddNode(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, CUgraphNodeParams *nodeParams)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	return nodeParams ? add(phGraphNode, hGraph, dependencies, numDependencies, nodeParams)
			  : CUDA_ERROR_INVALID_VALUE;
}

/* Edges have kinds of their own: they are added after the node, and without them it goes. */
static CUresult add_edges(CUgraph graph, const CUgraphNode *from, CUgraphNode to,
	const CUgraphEdgeData *edges, size_t count)
{
	CUresult r = CUDA_SUCCESS;

	for (size_t i = 0; i < count && !r; i++)
		r = stub_cuGraphAddDependencies_v2(graph, &from[i], &to, &edges[i], 1);
	if (r)
		stub_cuGraphDestroyNode(to);
	return r;
}

CUresult client_cuGraphAddNode_v2(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUgraphNodeParams *nodeParams)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!phGraphNode || !nodeParams || (numDependencies && !dependencies))
		return CUDA_ERROR_INVALID_VALUE;
	if (!dependencyData)
		return add(phGraphNode, hGraph, dependencies, numDependencies, nodeParams);
	r = add(phGraphNode, hGraph, NULL, 0, nodeParams);
	return r ? r
		 : add_edges(hGraph, dependencies, *phGraphNode, dependencyData, numDependencies);
}

CUresult client_cuGraphNodeSetParams(CUgraphNode hNode, CUgraphNodeParams *p)
{
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_MEMSET_NODE_PARAMS set;
	CUDA_HOST_NODE_PARAMS host;
	CUDA_BATCH_MEM_OP_NODE_PARAMS operations;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		kernel = kernel_params(&p->kernel);
		return client_cuGraphKernelNodeSetParams_v2(hNode, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return client_cuGraphMemcpyNodeSetParams(hNode, &p->memcpy.copyParams);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = memset_params(&p->memset);
		return stub_cuGraphMemsetNodeSetParams(hNode, &set);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = host_params(&p->host);
		return client_cuGraphHostNodeSetParams(hNode, &host);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return stub_cuGraphEventWaitNodeSetEvent(hNode, p->eventWait.event);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return stub_cuGraphEventRecordNodeSetEvent(hNode, p->eventRecord.event);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		operations = operation_params(&p->memOp);
		return stub_cuGraphBatchMemOpNodeSetParams(hNode, &operations);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult client_cuGraphExecNodeSetParams(CUgraphExec hGraphExec, CUgraphNode hNode,
	CUgraphNodeParams *p)
{
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_MEMSET_NODE_PARAMS set;
	CUDA_HOST_NODE_PARAMS host;
	CUDA_BATCH_MEM_OP_NODE_PARAMS operations;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		kernel = kernel_params(&p->kernel);
		return client_cuGraphExecKernelNodeSetParams_v2(hGraphExec, hNode, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return client_cuGraphExecMemcpyNodeSetParams(hGraphExec, hNode,
			&p->memcpy.copyParams, p->memcpy.copyCtx);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = memset_params(&p->memset);
		return stub_cuGraphExecMemsetNodeSetParams(hGraphExec, hNode, &set, p->memset.ctx);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = host_params(&p->host);
		return client_cuGraphExecHostNodeSetParams(hGraphExec, hNode, &host);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return stub_cuGraphExecChildGraphNodeSetParams(hGraphExec, hNode, p->graph.graph);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return stub_cuGraphExecEventWaitNodeSetEvent(hGraphExec, hNode, p->eventWait.event);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return stub_cuGraphExecEventRecordNodeSetEvent(hGraphExec, hNode,
			p->eventRecord.event);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		operations = operation_params(&p->memOp);
		return stub_cuGraphExecBatchMemOpNodeSetParams(hGraphExec, hNode, &operations);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}
