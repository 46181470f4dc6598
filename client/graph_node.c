/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that take nodes of any type, each passed on to the call for its type. */
#include <stdlib.h>

#include "call.h"
#include "client_calls.h"

/* No edge says more than "after". */
static bool edges_plain(const CUgraphEdgeData *edges, size_t count)
{
	for (size_t i = 0; edges && i < count; i++) {
		if (edges[i].from_port || edges[i].to_port || edges[i].type)
			return false;
	}
	return true;
}

static CUDA_KERNEL_NODE_PARAMS kernel_params(const CUgraphNodeParams *p)
{
	return (CUDA_KERNEL_NODE_PARAMS){
		.func = p->kernel.func,
		.gridDimX = p->kernel.gridDimX, .gridDimY = p->kernel.gridDimY,
		.gridDimZ = p->kernel.gridDimZ, .blockDimX = p->kernel.blockDimX,
		.blockDimY = p->kernel.blockDimY, .blockDimZ = p->kernel.blockDimZ,
		.sharedMemBytes = p->kernel.sharedMemBytes,
		.kernelParams = p->kernel.kernelParams,
		.extra = p->kernel.extra,
		.kern = p->kernel.kern,
		.ctx = p->kernel.ctx,
	};
}

static CUDA_MEMSET_NODE_PARAMS memset_params(const CUgraphNodeParams *p)
{
	return (CUDA_MEMSET_NODE_PARAMS){
		.dst = p->memset.dst, .pitch = p->memset.pitch, .value = p->memset.value,
		.elementSize = p->memset.elementSize, .width = p->memset.width,
		.height = p->memset.height,
	};
}

static CUDA_MEM_ALLOC_NODE_PARAMS alloc_params(const CUgraphNodeParams *p)
{
	return (CUDA_MEM_ALLOC_NODE_PARAMS){
		.poolProps = p->alloc.poolProps,
		.accessDescs = p->alloc.accessDescs,
		.accessDescCount = p->alloc.accessDescCount,
		.bytesize = p->alloc.bytesize,
	};
}

static CUDA_BATCH_MEM_OP_NODE_PARAMS operations_params(const CUgraphNodeParams *p)
{
	return (CUDA_BATCH_MEM_OP_NODE_PARAMS){
		.ctx = p->memOp.ctx,
		.count = p->memOp.count,
		.paramArray = p->memOp.paramArray,
		.flags = p->memOp.flags,
	};
}

static CUresult add_node(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, size_t numDependencies, CUgraphNodeParams *nodeParams)
{
	CUDA_BATCH_MEM_OP_NODE_PARAMS operations;
	CUDA_MEM_ALLOC_NODE_PARAMS alloc;
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_MEMSET_NODE_PARAMS set;
	CUDA_HOST_NODE_PARAMS host;
	CUresult r;

	switch (nodeParams->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		kernel = kernel_params(nodeParams);
		return client_cuGraphAddKernelNode_v2(phGraphNode, hGraph, dependencies,
			numDependencies, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return client_cuGraphAddMemcpyNode(phGraphNode, hGraph, dependencies,
			numDependencies, &nodeParams->memcpy.copyParams,
			nodeParams->memcpy.copyCtx);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = memset_params(nodeParams);
		return stub_cuGraphAddMemsetNode(phGraphNode, hGraph, dependencies,
			numDependencies, &set, nodeParams->memset.ctx);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = (CUDA_HOST_NODE_PARAMS){nodeParams->host.fn, nodeParams->host.userData};
		return client_cuGraphAddHostNode(phGraphNode, hGraph, dependencies,
			numDependencies, &host);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return stub_cuGraphAddChildGraphNode(phGraphNode, hGraph, dependencies,
			numDependencies, nodeParams->graph.graph);
	case CU_GRAPH_NODE_TYPE_EMPTY:
		return stub_cuGraphAddEmptyNode(phGraphNode, hGraph, dependencies,
			numDependencies);
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
		alloc = alloc_params(nodeParams);
		r = stub_cuGraphAddMemAllocNode(
			phGraphNode, hGraph, dependencies, numDependencies, &alloc);
		nodeParams->alloc.dptr = r ? 0 : alloc.dptr;
		return r;
	case CU_GRAPH_NODE_TYPE_MEM_FREE:
		return stub_cuGraphAddMemFreeNode(
			phGraphNode, hGraph, dependencies, numDependencies, nodeParams->free.dptr);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		operations = operations_params(nodeParams);
		return stub_cuGraphAddBatchMemOpNode(
			phGraphNode, hGraph, dependencies, numDependencies, &operations);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return stub_cuGraphAddEventWaitNode(phGraphNode, hGraph, dependencies,
			numDependencies, nodeParams->eventWait.event);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return stub_cuGraphAddEventRecordNode(phGraphNode, hGraph, dependencies,
			numDependencies, nodeParams->eventRecord.event);
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
	return nodeParams ? add_node(phGraphNode, hGraph, dependencies, numDependencies, nodeParams)
			  : CUDA_ERROR_INVALID_VALUE;
}

/* The node that was just added comes after others by edges of given kinds. */
static CUresult add_edges(CUgraph graph, CUgraphNode node, const CUgraphNode *dependencies,
	const CUgraphEdgeData *edges, size_t count)
{
	CUgraphNode *to = malloc(count * sizeof(*to));
	CUresult r = CUDA_ERROR_OUT_OF_MEMORY;

	for (size_t i = 0; to && i < count; i++)
		to[i] = node;
	if (to)
		r = stub_cuGraphAddDependencies_v2(graph, dependencies, to, edges, count);
	free(to);
	if (r)
		stub_cuGraphDestroyNode(node);
	return r;
}

CUresult client_cuGraphAddNode_v2(CUgraphNode *phGraphNode, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUgraphNodeParams *nodeParams)
{
	CUresult r;

	if (!dependencies || edges_plain(dependencyData, numDependencies))
		return client_cuGraphAddNode(
			phGraphNode, hGraph, dependencies, numDependencies, nodeParams);
	r = client_cuGraphAddNode(phGraphNode, hGraph, NULL, 0, nodeParams);
	return r ? r
		 : add_edges(hGraph, *phGraphNode, dependencies, dependencyData, numDependencies);
}

/* Of the executable graph's copy of the node or, where @exec is NULL, of the node itself. */
static CUresult set_params(CUgraphExec exec, CUgraphNode node, CUgraphNodeParams *params)
{
	const CUDA_MEMCPY3D *copy;
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_MEMSET_NODE_PARAMS set;
	CUDA_HOST_NODE_PARAMS host;
	CUevent event;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	switch (params->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		kernel = kernel_params(params);
		return exec ? client_cuGraphExecKernelNodeSetParams_v2(exec, node, &kernel)
			    : client_cuGraphKernelNodeSetParams_v2(node, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		copy = &params->memcpy.copyParams;
		return exec ? client_cuGraphExecMemcpyNodeSetParams(
				      exec, node, copy, params->memcpy.copyCtx)
			    : client_cuGraphMemcpyNodeSetParams(node, copy);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		set = memset_params(params);
		return exec ? stub_cuGraphExecMemsetNodeSetParams(
				      exec, node, &set, params->memset.ctx)
			    : stub_cuGraphMemsetNodeSetParams(node, &set);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = (CUDA_HOST_NODE_PARAMS){params->host.fn, params->host.userData};
		return exec ? client_cuGraphExecHostNodeSetParams(exec, node, &host)
			    : client_cuGraphHostNodeSetParams(node, &host);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		event = params->eventWait.event;
		return exec ? stub_cuGraphExecEventWaitNodeSetEvent(exec, node, event)
			    : stub_cuGraphEventWaitNodeSetEvent(node, event);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		event = params->eventRecord.event;
		return exec ? stub_cuGraphExecEventRecordNodeSetEvent(exec, node, event)
			    : stub_cuGraphEventRecordNodeSetEvent(node, event);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult client_cuGraphExecNodeSetParams(
	CUgraphExec hGraphExec, CUgraphNode hNode, CUgraphNodeParams *nodeParams)
{
	return hGraphExec ? set_params(hGraphExec, hNode, nodeParams) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuGraphNodeSetParams(CUgraphNode hNode, CUgraphNodeParams *nodeParams)
{
	return set_params(NULL, hNode, nodeParams);
}
