/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs and nodes as objects: making, cloning, ordering, destroying. */
#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void nodes_fini(struct nodes *n)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		object_put(n->at[i]);
	free(n->at);
	free(n->handles);
	memset(n, 0, sizeof(*n));
}

void nodes_free(struct nodes *n)
{
	if (!n)
		return;
	nodes_fini(n);
	free(n);
}

bool nodes_have(const struct nodes *n, const struct node *node)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		if (n->at[i] == node)
			return true;
	return false;
}

int nodes_add(struct nodes *n, struct node *node)
{
	struct node **grown;

	if (nodes_have(n, node))
		return 0;
	if (n->count == n->room) {
		grown = realloc(n->at, (n->room + 4) * 2 * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		n->at = grown;
		n->room = (n->room + 4) * 2;
	}
	n->at[n->count++] = object_get(node);
	return 0;
}

static void graph_release(struct object *o)
{
	free(o);
}

CUresult graph_create(struct graph **out)
{
	struct graph *g = calloc(1, sizeof(*g));

	if (!g)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&g->base, KIND_GRAPH, graph_release);
	if (object_publish(&g->base) < 0) {
		free(g);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	TAILQ_INIT(&g->nodes);
	*out = g;
	return CUDA_SUCCESS;
}

static void node_end(struct node *n)
{
	TAILQ_REMOVE(&n->graph->nodes, n, link);
	n->graph->count--;
	n->graph = NULL;
	object_withdraw(&n->base);
	object_put(n);
}

void graph_destroy(struct graph *g)
{
	struct node *n;

	if (!g)
		return;
	TAILQ_FOREACH(n, &g->nodes, link)
		nodes_fini(&n->deps);
	while ((n = TAILQ_FIRST(&g->nodes)))
		node_end(n);
	users_put(&g->users);
	object_withdraw(&g->base);
	object_put(g);
}

CUresult graph_find(CUgraph handle, struct graph **out)
{
	struct graph *g = object_find(KIND_GRAPH, handle);

	if (!g)
		return CUDA_ERROR_INVALID_VALUE;
	*out = g;
	return CUDA_SUCCESS;
}

static void node_release(struct object *o)
{
	struct node *n = (struct node *)o;

	nodes_fini(&n->deps);
	op_fini(&n->op);
	object_put(n->memory);
	graph_destroy(n->child);
	free(n->values);
	free(n);
}

static CUDA_MEMCPY3D copy_describe(const struct copy *copy)
{
	return (CUDA_MEMCPY3D){
		.srcMemoryType = copy->src_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST,
		.srcHost = copy->src_device ? NULL : (const void *)(uintptr_t)copy->src,
		.srcDevice = copy->src_device ? copy->src : 0,
		.srcPitch = copy->src_pitch,
		.srcHeight = copy->src_pitch ? copy->src_slice / copy->src_pitch : 0,
		.dstMemoryType = copy->dst_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST,
		.dstHost = copy->dst_device ? NULL : (void *)(uintptr_t)copy->dst,
		.dstDevice = copy->dst_device ? copy->dst : 0,
		.dstPitch = copy->dst_pitch,
		.dstHeight = copy->dst_pitch ? copy->dst_slice / copy->dst_pitch : 0,
		.WidthInBytes = copy->width,
		.Height = copy->height,
		.Depth = copy->depth,
	};
}

CUresult node_create(struct graph *g, CUgraphNodeType type, struct op *op, const struct nodes *deps,
	struct node **out)
{
	struct node *n = calloc(1, sizeof(*n));
	size_t i;

	if (!n) {
		op_fini(op);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	object_init(&n->base, KIND_NODE, node_release);
	n->type = type;
	n->op = *op;
	n->id = ++gpu.next_id;
	for (i = 0; deps && i < deps->count; i++)
		if (nodes_add(&n->deps, deps->at[i]) < 0)
			goto put;
	if (object_publish(&n->base) < 0)
		goto put;
	if (op->kind == OP_COPY)
		n->copy = copy_describe(&op->copy);
	n->graph = g;
	TAILQ_INSERT_TAIL(&g->nodes, n, link);
	g->count++;
	*out = n;
	return CUDA_SUCCESS;

put:
	object_put(n);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

static void forget_dep(struct node *n, struct node *dep)
{
	size_t i;

	for (i = 0; i < n->deps.count; i++)
		if (n->deps.at[i] == dep) {
			memmove(n->deps.at + i, n->deps.at + i + 1,
				(n->deps.count - i - 1) * sizeof(*n->deps.at));
			n->deps.count--;
			object_put(dep);
			return;
		}
}

static void node_destroy(struct node *n)
{
	struct node *other;

	TAILQ_FOREACH(other, &n->graph->nodes, link)
		forget_dep(other, n);
	node_end(n);
}

CUresult node_find(CUgraphNode handle, struct node **out)
{
	struct node *n = object_find(KIND_NODE, handle);

	if (!n)
		return CUDA_ERROR_INVALID_VALUE;
	*out = n;
	return CUDA_SUCCESS;
}

CUresult nodes_gather(struct graph *g, const CUgraphNode *handles, size_t count, struct nodes *out)
{
	struct node *n;
	size_t i;
	CUresult result = count && !handles ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;

	for (i = 0; !result && i < count; i++) {
		result = node_find(handles[i], &n);
		if (!result && n->graph != g)
			result = CUDA_ERROR_INVALID_VALUE;
		if (!result && nodes_add(out, n) < 0)
			result = CUDA_ERROR_OUT_OF_MEMORY;
	}
	return result;
}

struct node *graph_find_origin(struct graph *g, uint64_t origin)
{
	struct node *n, *found;

	TAILQ_FOREACH(n, &g->nodes, link) {
		if (n->origin == origin)
			return n;
		found = n->child ? graph_find_origin(n->child, origin) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

static CUresult clone_node(struct graph *to, struct node *n)
{
	struct nodes deps = {0};
	struct node *copy;
	struct op op;
	size_t i;
	CUresult result = CUDA_SUCCESS;

	for (i = 0; i < n->deps.count; i++)
		if (nodes_add(&deps, n->deps.at[i]->twin) < 0)
			result = CUDA_ERROR_OUT_OF_MEMORY;
	if (!result && op_clone(&op, &n->op) < 0)
		result = CUDA_ERROR_OUT_OF_MEMORY;
	if (!result)
		result = node_create(to, n->type, &op, &deps, &copy);
	nodes_fini(&deps);
	if (result)
		return result;
	n->twin = copy;
	copy->origin = n->id;
	copy->copy = n->copy;
	copy->disabled = n->disabled;
	copy->memory = n->memory ? object_get(n->memory) : NULL;
	if (!n->child)
		return CUDA_SUCCESS;
	result = graph_clone(n->child, &copy->child);
	if (!result)
		copy->child->owner = copy;
	return result;
}

CUresult graph_clone(struct graph *g, struct graph **out)
{
	struct node **order;
	struct graph *copy;
	size_t i;
	CUresult result;

	if (graph_order(g, &order) < 0)
		return CUDA_ERROR_INVALID_VALUE;
	result = graph_create(&copy);
	for (i = 0; !result && i < g->count; i++) {
		result = clone_node(copy, order[i]);
		if (result)
			graph_destroy(copy);
	}
	free(order);
	if (!result && users_copy(&copy->users, &g->users) < 0) {
		graph_destroy(copy);
		result = CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (!result)
		*out = copy;
	return result;
}

static bool ready(const struct node *n)
{
	size_t i;

	for (i = 0; i < n->deps.count; i++)
		if (!n->deps.at[i]->mark)
			return false;
	return true;
}

/* Rounds over the nodes in the order of their making, which is nearly always right. */
int graph_order(struct graph *g, struct node ***out)
{
	struct node **order = malloc((g->count + 1) * sizeof(*order)), *n;
	size_t count = 0, before;

	if (!order)
		return -ENOMEM;
	TAILQ_FOREACH(n, &g->nodes, link)
		n->mark = false;
	do {
		before = count;
		TAILQ_FOREACH(n, &g->nodes, link)
			if (!n->mark && ready(n)) {
				n->mark = true;
				order[count++] = n;
			}
	} while (count > before && count < g->count);
	if (count < g->count) {
		free(order);
		return -ELOOP;
	}
	*out = order;
	return 0;
}

CUgraphNodeType op_node_type(const struct op *op)
{
	switch (op->kind) {
	case OP_KERNEL:
		return CU_GRAPH_NODE_TYPE_KERNEL;
	case OP_COPY:
		return CU_GRAPH_NODE_TYPE_MEMCPY;
	case OP_SET:
		return CU_GRAPH_NODE_TYPE_MEMSET;
	case OP_HOST:
		return CU_GRAPH_NODE_TYPE_HOST;
	case OP_VALUES:
		return CU_GRAPH_NODE_TYPE_BATCH_MEM_OP;
	case OP_RECORD:
		return CU_GRAPH_NODE_TYPE_EVENT_RECORD;
	case OP_WAIT:
		return CU_GRAPH_NODE_TYPE_WAIT_EVENT;
	default:
		return CU_GRAPH_NODE_TYPE_EMPTY;
	}
}

CUresult cuGraphCreate(CUgraph *out, unsigned int flags)
{
	struct graph *g;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || flags)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = graph_create(&g);
	if (!result)
		*out = (CUgraph)g->base.handle;
	return leave(result);
}

CUresult cuGraphDestroy(CUgraph handle)
{
	struct graph *g;
	CUresult result = enter_device();

	if (result)
		return result;
	result = graph_find(handle, &g);
	if (!result && g->owner)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		graph_destroy(g);
	return leave(result);
}

CUresult cuGraphClone(CUgraph *out, CUgraph handle)
{
	struct graph *g, *copy;
	CUresult result = need(out, enter_device());

	if (result)
		return result;
	result = graph_find(handle, &g);
	if (!result)
		result = graph_clone(g, &copy);
	if (!result)
		*out = (CUgraph)copy->base.handle;
	return leave(result);
}

CUresult cuGraphDestroyNode(CUgraphNode handle)
{
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = node_find(handle, &n);
	if (!result)
		node_destroy(n);
	return leave(result);
}

CUresult cuGraphNodeFindInClone(CUgraphNode *out, CUgraphNode original, CUgraph clone)
{
	struct graph *g;
	struct node *n;
	CUresult result = need(out, enter_device());

	if (result)
		return result;
	result = node_find(original, &n);
	if (!result)
		result = graph_find(clone, &g);
	if (result)
		return leave(result);
	n = graph_find_origin(g, n->id);
	if (!n)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = (CUgraphNode)n->base.handle;
	return leave(CUDA_SUCCESS);
}
