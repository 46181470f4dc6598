/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel nodes: the function and the layout of its parameters are what only the
 * client knows.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "call.h"
#include "client_calls.h"
#include "graph.h"
#include "hostmem.h"
#include "launch.h"
#include "module.h"
#include "wire_calls.h"

/* A kernel node as it travels: its function by number, its parameters apart. */
struct kernel {
	CUDA_KERNEL_NODE_PARAMS node;
	struct launch_params params;
};

static CUresult kernel_read(const CUDA_KERNEL_NODE_PARAMS *from, struct kernel *out)
{
	struct launch_shape shape = {{from->gridDimX, from->gridDimY, from->gridDimZ},
		{from->blockDimX, from->blockDimY, from->blockDimZ}, from->sharedMemBytes};
	struct function *f;
	CUresult r = call_check(0);

	if (!r)
		r = function_find(from->func ? from->func : (CUfunction)from->kern, &f);
	if (r)
		return r;
	out->node = *from;
	out->node.func = (CUfunction)(uintptr_t)f->object.handle;
	r = launch_check(f, &shape);
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
		.gridDimX = v1->gridDimX,
		.gridDimY = v1->gridDimY,
		.gridDimZ = v1->gridDimZ,
		.blockDimX = v1->blockDimX,
		.blockDimY = v1->blockDimY,
		.blockDimZ = v1->blockDimZ,
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
	return wire_graph_add_kernel((uintptr_t)p->graph, p->dependencies, p->count, &k.node,
		k.params.bytes, k.params.size, p->out);
}

/* Of the executable graph's copy of the node or, where @exec is NULL, of the node itself. */
static CUresult kernel_set(
	CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
	struct kernel k;
	CUresult r;

	if (!node || !params)
		return CUDA_ERROR_INVALID_VALUE;
	r = kernel_read(params, &k);
	if (r)
		return r;
	return exec ? wire_graph_exec_set_kernel((uintptr_t)exec, (uintptr_t)node, &k.node,
			      k.params.bytes, k.params.size)
		    : wire_graph_set_kernel(
			      (uintptr_t)node, &k.node, k.params.bytes, k.params.size);
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

CUresult client_cuGraphKernelNodeSetParams_v2(
	CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	return kernel_set(NULL, hNode, nodeParams);
}

CUresult client_cuGraphKernelNodeSetParams(
	CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	return kernel_set_v1(NULL, hNode, nodeParams);
}

CUresult client_cuGraphExecKernelNodeSetParams_v2(
	CUgraphExec hGraphExec, CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	return hGraphExec ? kernel_set(hGraphExec, hNode, nodeParams) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuGraphExecKernelNodeSetParams(
	CUgraphExec hGraphExec, CUgraphNode hNode, const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	return hGraphExec ? kernel_set_v1(hGraphExec, hNode, nodeParams) : CUDA_ERROR_INVALID_VALUE;
}

/*
 * What cuGraphKernelNodeGetParams points to stays valid until the node is
 * changed or destroyed, which the client does not follow: it keeps the last
 * answer about each node that was asked about, of the last TOLD_MAX nodes.
 */
enum { TOLD_MAX = 1 << 12 };

struct told {
	TAILQ_ENTRY(told) link;
	CUgraphNode node;
	void **params;
	uint8_t bytes[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(told_list, told) all_told = TAILQ_HEAD_INITIALIZER(all_told); /* newest first */
static unsigned told_count;

/* Called with the lock. */
static void told_remove(struct told *t)
{
	if (!t)
		return;
	TAILQ_REMOVE(&all_told, t, link);
	told_count--;
	free(t->params);
	free(t);
}

static void told_add(struct told *t)
{
	struct told *old;

	pthread_mutex_lock(&lock);
	TAILQ_FOREACH(old, &all_told, link) {
		if (old->node == t->node)
			break;
	}
	told_remove(old);
	if (told_count == TOLD_MAX)
		told_remove(TAILQ_LAST(&all_told, told_list));
	TAILQ_INSERT_HEAD(&all_told, t, link);
	told_count++;
	pthread_mutex_unlock(&lock);
}

static void **tell(CUgraphNode node, const struct function *f, const uint8_t *bytes, unsigned size)
{
	struct told *t = calloc(1, sizeof(*t) + size);

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
	told_add(t);
	return t->params;
}

CUresult client_cuGraphKernelNodeGetParams_v2(
	CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS *nodeParams)
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
		.gridDimX = shape[0],
		.gridDimY = shape[1],
		.gridDimZ = shape[2],
		.blockDimX = shape[3],
		.blockDimY = shape[4],
		.blockDimZ = shape[5],
		.sharedMemBytes = shape[6],
		.kernelParams = tell(hNode, f, params.bytes, bytes),
	};
	return nodeParams->kernelParams ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult client_cuGraphKernelNodeGetParams(
	CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	CUDA_KERNEL_NODE_PARAMS params;
	CUresult r;

	if (!nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	r = client_cuGraphKernelNodeGetParams_v2(hNode, &params);
	if (!r)
		*nodeParams = (CUDA_KERNEL_NODE_PARAMS_v1){
			.func = params.func,
			.gridDimX = params.gridDimX,
			.gridDimY = params.gridDimY,
			.gridDimZ = params.gridDimZ,
			.blockDimX = params.blockDimX,
			.blockDimY = params.blockDimY,
			.blockDimZ = params.blockDimZ,
			.sharedMemBytes = params.sharedMemBytes,
			.kernelParams = params.kernelParams,
		};
	return r;
}
