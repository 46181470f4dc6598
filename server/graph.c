/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's halves of graph nodes that hold what only this side can name:
 * functions with their packed parameters, copies with mirrored host memory,
 * and the client's host functions.
 */
#include "hostfunc.h"
#include "kept.h"
#include "module.h"
#include "server_calls.h"

enum {
	SHAPE = 7,
	GRAPH_DEPTH = 16, /* graphs in graphs that are looked into */
};

/* The list that carries a node's parameters to the driver. */
struct node_extra {
	size_t bytes;
	void *list[5];
};

/* The function may be a kernel, and its parameters are packed. */
CUresult kernel_node_given(struct request *q, CUDA_KERNEL_NODE_PARAMS *kernel,
	const uint8_t *params, unsigned int bytes)
{
	struct node_extra *extra = request_alloc(q, 1, sizeof(*extra));

	if (!extra)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (function_is_kernel(q->session, kernel->func)) {
		kernel->kern = (CUkernel)kernel->func;
		kernel->func = NULL;
	}
	extra->bytes = bytes;
	extra->list[0] = CU_LAUNCH_PARAM_BUFFER_POINTER;
	extra->list[1] = (void *)params;
	extra->list[2] = CU_LAUNCH_PARAM_BUFFER_SIZE;
	extra->list[3] = &extra->bytes;
	extra->list[4] = CU_LAUNCH_PARAM_END;
	kernel->extra = bytes ? extra->list : NULL;
	return CUDA_SUCCESS;
}

/* The client's number of a function that the driver names. */
static CUresult function_name(struct session *s, const void *real, uint64_t *id)
{
	CUresult r = handle_name(s, KIND_CUfunction, real, id);

	return r ? handle_name(s, KIND_CUkernel, real, id) : r;
}

static void put_parameter(uint8_t *params, unsigned room, unsigned *bytes, size_t offset,
	size_t size, const void *value)
{
	if (offset + size <= room && value)
		memcpy(params + offset, value, size);
	if (offset + size > *bytes)
		*bytes = offset + size;
}

/* A list of buffers, as a launch had them. */
static void read_extra(void **extra, uint8_t *params, unsigned room, unsigned *bytes)
{
	const void *buffer = NULL;
	size_t size = 0;

	for (; extra[0] != CU_LAUNCH_PARAM_END; extra += 2) {
		if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
			buffer = extra[1];
		else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
			size = *(size_t *)extra[1];
		else
			return;
	}
	put_parameter(params, room, bytes, 0, size, buffer);
}

CUresult server_graph_get_kernel(struct request *q, CUgraphNode node, uint64_t *function,
	unsigned int *shape, unsigned int *bytes, uint8_t *params)
{
	CUDA_KERNEL_NODE_PARAMS got = {0};
	unsigned room = *bytes;
	size_t offset, size;
	const void *real;
	CUresult r = driver.cuGraphKernelNodeGetParams_v2(node, &got);

	if (r)
		return r;
	real = got.kern ? (const void *)got.kern : (const void *)got.func;
	r = function_name(q->session, real, function);
	if (r && got.func)
		r = function_name(q->session, real = got.func, function);
	memcpy(shape,
		(const unsigned[SHAPE]){got.gridDimX, got.gridDimY, got.gridDimZ, got.blockDimX,
			got.blockDimY, got.blockDimZ, got.sharedMemBytes},
		SHAPE * sizeof(*shape));
	*bytes = 0;
	if (got.extra)
		read_extra(got.extra, params, room, bytes);
	for (unsigned i = 0; got.kernelParams; i++) {
		if (function_parameter(q->session, (void *)real, i, &offset, &size))
			break;
		put_parameter(params, room, bytes, offset, size, got.kernelParams[i]);
	}
	return r;
}

/* The nodes of a graph that goes, and of the graphs inside of it, are nobody's any more. */
static void nodes_forget(struct request *q, CUgraph graph, unsigned depth)
{
	CUgraphNode *node;
	size_t count = 0;

	if (driver.cuGraphGetNodes(graph, NULL, &count) || !count)
		return;
	node = request_alloc(q, count, sizeof(CUgraphNode));
	if (!node || driver.cuGraphGetNodes(graph, node, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		CUgraphNodeType type;
		CUgraph inner;

		if (depth && !driver.cuGraphNodeGetType(node[i], &type) &&
			type == CU_GRAPH_NODE_TYPE_GRAPH &&
			!driver.cuGraphChildGraphNodeGetGraph(node[i], &inner)) {
			nodes_forget(q, inner, depth - 1);
			real_drop(q->session, KIND_CUgraph, inner);
		}
		real_drop(q->session, KIND_CUgraphNode, node[i]);
	}
}

/* NVIDIA's driver would copy it without end. */
CUresult child_check(struct request *q, CUgraph graph, CUgraph child)
{
	(void)q;
	return graph == child ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult graph_ending(struct request *q, CUgraph graph)
{
	nodes_forget(q, graph, GRAPH_DEPTH);
	return CUDA_SUCCESS;
}

/* Memory of the arena belongs to no context of the driver's, so that it must be named. */
CUresult server_cuGraphAddMemsetNode(struct request *q, CUgraphNode *node, CUgraph graph,
	const CUgraphNode *dependencies, size_t count, const CUDA_MEMSET_NODE_PARAMS *params,
	CUcontext context)
{
	CUresult r = set_node_within(q, params);

	return r ? r : driver.cuGraphAddMemsetNode(node, graph, dependencies, count, params,
			       context ? context : q->context);
}

static CUresult host_fill(struct request *q, uint64_t id, CUDA_HOST_NODE_PARAMS *out)
{
	out->fn = hostfunc_node(q->session, id, &out->userData);
	return out->fn ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult server_graph_add_host(struct request *q, CUgraph graph, const CUgraphNode *nodes,
	size_t count, uint64_t id, CUgraphNode *node)
{
	CUDA_HOST_NODE_PARAMS params;
	CUresult r = host_fill(q, id, &params);

	if (r)
		return r;
	r = driver.cuGraphAddHostNode(node, graph, nodes, count, &params);
	if (r)
		hostfunc_drop(q->session, id);
	else
		kept_add(q->session, graph, id);
	return r;
}

CUresult server_graph_set_host(struct request *q, CUgraphExec exec, CUgraphNode node, uint64_t id)
{
	CUDA_HOST_NODE_PARAMS params, before = {0};
	CUresult r = host_fill(q, id, &params);

	if (r)
		return r;
	if (exec) {
		r = driver.cuGraphExecHostNodeSetParams(exec, node, &params);
	} else {
		r = driver.cuGraphHostNodeGetParams(node, &before);
		if (!r)
			r = driver.cuGraphHostNodeSetParams(node, &params);
	}
	if (r)
		hostfunc_drop(q->session, id);
	else if (exec)
		kept_replace_exec(q->session, exec, node, id);
	else
		kept_replace(q->session, node, hostfunc_node_id(before.fn, before.userData), id);
	return r;
}

CUresult server_graph_keep(struct request *q, CUgraph graph, CUstream stream, uint64_t id)
{
	CUDA_HOST_NODE_PARAMS unused;
	CUresult r = host_fill(q, id, &unused);

	if (!r && graph)
		kept_add(q->session, graph, id);
	else if (!r)
		kept_captured(q->session, stream, id);
	return r;
}

/* The client knows its function by the number that the node has. */
CUresult host_node_told(struct request *q, CUDA_HOST_NODE_PARAMS *host)
{
	uint64_t id = hostfunc_node_id(host->fn, host->userData);

	host->userData = (void *)(uintptr_t)id;
	return id ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CUresult graph_launched(struct request *q, CUgraphExec exec, CUstream stream)
{
	kept_launched(q->session, exec, stream);
	return graph_memory_settle(q);
}
