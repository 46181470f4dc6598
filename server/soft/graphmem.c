/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of graphs. An allocation node's memory is ours from the node's making
 * until the last graph that has the node is gone, so its address is known from
 * the start and the same at every launch. The program may use it between a launch
 * and a free, by itself or by a node of a graph.
 */
#include "exec.h"

#include <stdlib.h>

#include "capture.h"

struct graph_memory {
	struct object base;
	struct range *range;
	CUDA_MEM_ALLOC_NODE_PARAMS params;
	bool has_free; /* a node frees it; there may be one only */
};

static void graph_memory_release(struct object *o)
{
	struct graph_memory *m = (struct graph_memory *)o;

	m->range->dev->graph_used -= m->range->size;
	memory_delete(m->range);
	free(m);
}

static CUresult graph_memory_create(struct device *d, size_t bytes, struct graph_memory **out)
{
	struct graph_memory *m = calloc(1, sizeof(*m));
	CUresult result;

	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&m->base, 0, graph_memory_release);
	result = memory_new_on(d, NULL, RANGE_GRAPH, bytes, &m->range);
	if (result) {
		free(m);
		return result;
	}
	m->range->graph = m;
	m->range->freeing = true;
	m->params.bytesize = bytes;
	m->params.dptr = m->range->addr;
	m->params.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
	m->params.poolProps.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	m->params.poolProps.location.id = d->index;
	d->graph_used += m->range->size;
	if (d->graph_used > d->graph_high)
		d->graph_high = d->graph_used;
	*out = m;
	return CUDA_SUCCESS;
}

static struct graph_memory *find(CUdeviceptr ptr)
{
	struct range *r = range_find(ptr);

	return r && r->kind == RANGE_GRAPH && r->addr == ptr ? r->graph : NULL;
}

CUresult capture_alloc(struct stream *s, struct device *d, size_t bytes, CUdeviceptr *out)
{
	struct graph_memory *m;
	struct node *n;
	CUresult result = graph_memory_create(d, bytes, &m);

	if (result)
		return result;
	result = capture_node(s, CU_GRAPH_NODE_TYPE_MEM_ALLOC, &n);
	if (result) {
		object_put(m);
		return result;
	}
	n->memory = (struct object *)m;
	*out = m->range->addr;
	return CUDA_SUCCESS;
}

static void free_node_for(struct graph_memory *m, struct node *n)
{
	m->has_free = true;
	n->memory = object_get(m);
}

CUresult capture_free(struct stream *s, CUdeviceptr ptr)
{
	struct graph_memory *m = find(ptr);
	struct node *n;
	CUresult result;

	if (s->capture->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!m || m->has_free)
		return CUDA_ERROR_INVALID_VALUE;
	result = capture_node(s, CU_GRAPH_NODE_TYPE_MEM_FREE, &n);
	if (!result)
		free_node_for(m, n);
	return result;
}

static CUresult props_check(const CUDA_MEM_ALLOC_NODE_PARAMS *p)
{
	const CUmemPoolProps *props = &p->poolProps;

	if (!p->bytesize || props->allocType != CU_MEM_ALLOCATION_TYPE_PINNED)
		return CUDA_ERROR_INVALID_VALUE;
	if (props->handleTypes || props->location.type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_NOT_SUPPORTED;
	return (unsigned)props->location.id < gpu.devices_count ? CUDA_SUCCESS
								: CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuGraphAddMemAllocNode(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps,
	size_t count, CUDA_MEM_ALLOC_NODE_PARAMS *params)
{
	struct graph_memory *m;
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = params ? props_check(params) : CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = graph_memory_create(
			&gpu.devices[params->poolProps.location.id], params->bytesize, &m);
	if (result)
		return leave(result);
	result = node_add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_MEM_ALLOC, &n);
	if (result) {
		object_put(m);
		return leave(result);
	}
	n->memory = (struct object *)m;
	params->dptr = m->range->addr;
	m->params.poolProps = params->poolProps;
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphAddMemFreeNode(
	CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count, CUdeviceptr ptr)
{
	struct graph_memory *m;
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	m = find(ptr);
	if (!m || m->has_free)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = node_add(out, graph, deps, count, CU_GRAPH_NODE_TYPE_MEM_FREE, &n);
	if (!result)
		free_node_for(m, n);
	return leave(result);
}

/* Is some of what the graph allocates still there? */
static bool any_there(const struct graph *g)
{
	struct node *n;

	TAILQ_FOREACH(n, &g->nodes, link) {
		if (n->child && any_there(n->child))
			return true;
		if (n->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC &&
			!((struct graph_memory *)n->memory)->range->freeing)
			return true;
	}
	return false;
}

static void set_there(const struct graph *g, CUgraphNodeType type, bool there)
{
	struct node *n;

	TAILQ_FOREACH(n, &g->nodes, link) {
		if (n->child)
			set_there(n->child, type, there);
		else if (n->type == type)
			((struct graph_memory *)n->memory)->range->freeing = !there;
	}
}

CUresult exec_allocate(struct exec *x)
{
	if (!(x->flags & CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH) && any_there(x->graph))
		return CUDA_ERROR_INVALID_VALUE;
	set_there(x->graph, CU_GRAPH_NODE_TYPE_MEM_ALLOC, true);
	set_there(x->graph, CU_GRAPH_NODE_TYPE_MEM_FREE, false);
	return CUDA_SUCCESS;
}

static CUresult enter_memory_node(
	CUgraphNode handle, CUgraphNodeType type, struct graph_memory **out)
{
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = node_find(handle, &n);
	if (!result && n->type != type)
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		return leave(result);
	*out = (struct graph_memory *)n->memory;
	return CUDA_SUCCESS;
}

CUresult cuGraphMemAllocNodeGetParams(CUgraphNode node, CUDA_MEM_ALLOC_NODE_PARAMS *out)
{
	struct graph_memory *m;
	CUresult result = need(out, enter_memory_node(node, CU_GRAPH_NODE_TYPE_MEM_ALLOC, &m));

	if (result)
		return result;
	*out = m->params;
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphMemFreeNodeGetParams(CUgraphNode node, CUdeviceptr *out)
{
	struct graph_memory *m;
	CUresult result = need(out, enter_memory_node(node, CU_GRAPH_NODE_TYPE_MEM_FREE, &m));

	if (result)
		return result;
	*out = m->range->addr;
	return leave(CUDA_SUCCESS);
}

CUresult cuDeviceGraphMemTrim(CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	return result ? result : leave(device_find(dev, &d));
}

CUresult cuDeviceGetGraphMemAttribute(CUdevice dev, CUgraphMem_attribute attribute, void *value)
{
	bool high = attribute == CU_GRAPH_MEM_ATTR_USED_MEM_HIGH ||
		    attribute == CU_GRAPH_MEM_ATTR_RESERVED_MEM_HIGH;
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!value || (unsigned)attribute > CU_GRAPH_MEM_ATTR_RESERVED_MEM_HIGH)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		*(cuuint64_t *)value = high ? d->graph_high : d->graph_used;
	return leave(result);
}

CUresult cuDeviceSetGraphMemAttribute(CUdevice dev, CUgraphMem_attribute attribute, void *value)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!value || *(cuuint64_t *)value ||
		(attribute != CU_GRAPH_MEM_ATTR_USED_MEM_HIGH &&
			attribute != CU_GRAPH_MEM_ATTR_RESERVED_MEM_HIGH))
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		d->graph_high = d->graph_used;
	return leave(result);
}
