/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a graph: listing nodes and edges, adding and removing edges. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

/* Gives nodes one by one into an application's array, or only counts. */
struct list {
	CUgraphNode *out;
	size_t room, count;
};

static void give(struct list *l, const struct node *n)
{
	if (l->out && l->count < l->room)
		l->out[l->count] = (CUgraphNode)n->base.handle;
	l->count++;
}

/* What did not fit is not told; what was not filled is NULL, as natively. */
static void done(struct list *l, size_t *count)
{
	size_t i;

	if (!l->out) {
		*count = l->count;
		return;
	}
	for (i = l->count; i < *count; i++)
		l->out[i] = NULL;
	if (*count > l->count)
		*count = l->count;
}

static CUresult list_nodes(CUgraph handle, CUgraphNode *out, size_t *count, bool roots)
{
	struct list l = {.out = out};
	struct graph *g;
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = graph_find(handle, &g);
	if (result || !count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	l.room = *count;
	TAILQ_FOREACH(n, &g->nodes, link)
		if (!roots || !n->deps.count)
			give(&l, n);
	done(&l, count);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
	return list_nodes(graph, nodes, count, false);
}

CUresult cuGraphGetRootNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
	return list_nodes(graph, nodes, count, true);
}

static CUresult edges(
	CUgraph handle, CUgraphNode *from, CUgraphNode *to, CUgraphEdgeData *data, size_t *count)
{
	struct list a = {.out = from}, b = {.out = to};
	struct graph *g;
	struct node *n;
	size_t i;
	CUresult result = enter_device();

	if (result)
		return result;
	result = graph_find(handle, &g);
	if (result || !count || !from != !to)
		return leave(CUDA_ERROR_INVALID_VALUE);
	a.room = b.room = *count;
	TAILQ_FOREACH(n, &g->nodes, link)
		for (i = 0; i < n->deps.count; i++) {
			give(&a, n->deps.at[i]);
			give(&b, n);
		}
	if (data)
		memset(data, 0, (*count < a.count ? *count : a.count) * sizeof(*data));
	i = *count;
	done(&a, count);
	if (to)
		done(&b, &i);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
	return edges(graph, from, to, NULL, count);
}

CUresult cuGraphGetEdges_v2(
	CUgraph graph, CUgraphNode *from, CUgraphNode *to, CUgraphEdgeData *data, size_t *count)
{
	return edges(graph, from, to, data, count);
}

static CUresult neighbours(
	CUgraphNode handle, CUgraphNode *out, CUgraphEdgeData *data, size_t *count, bool before)
{
	struct list l = {.out = out};
	struct node *n, *other;
	size_t i;
	CUresult result = enter_device();

	if (result)
		return result;
	result = node_find(handle, &n);
	if (result || !count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	l.room = *count;
	if (before)
		for (i = 0; i < n->deps.count; i++)
			give(&l, n->deps.at[i]);
	else
		TAILQ_FOREACH(other, &n->graph->nodes, link)
			if (nodes_have(&other->deps, n))
				give(&l, other);
	if (data && out)
		memset(data, 0, (*count < l.count ? *count : l.count) * sizeof(*data));
	done(&l, count);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *out, size_t *count)
{
	return neighbours(node, out, NULL, count, true);
}

CUresult cuGraphNodeGetDependencies_v2(
	CUgraphNode node, CUgraphNode *out, CUgraphEdgeData *data, size_t *count)
{
	return neighbours(node, out, data, count, true);
}

CUresult cuGraphNodeGetDependentNodes(CUgraphNode node, CUgraphNode *out, size_t *count)
{
	return neighbours(node, out, NULL, count, false);
}

CUresult cuGraphNodeGetDependentNodes_v2(
	CUgraphNode node, CUgraphNode *out, CUgraphEdgeData *data, size_t *count)
{
	return neighbours(node, out, data, count, false);
}

static CUresult pair(
	struct graph *g, CUgraphNode a, CUgraphNode b, struct node **from, struct node **to)
{
	CUresult result = node_find(a, from);

	if (!result)
		result = node_find(b, to);
	if (!result && ((*from)->graph != g || (*to)->graph != g || *from == *to))
		result = CUDA_ERROR_INVALID_VALUE;
	return result;
}

static void cut(struct node *from, struct node *to)
{
	size_t i = 0;

	while (to->deps.at[i] != from)
		i++;
	to->deps.count--;
	memmove(to->deps.at + i, to->deps.at + i + 1, (to->deps.count - i) * sizeof(*to->deps.at));
	object_put(from);
}

/* One edge; an edge that exists is refused. One that closes a circle only keeps the graph from
 * being instantiated. */
static CUresult join(struct node *from, struct node *to)
{
	if (nodes_have(&to->deps, from))
		return CUDA_ERROR_INVALID_VALUE;
	return nodes_add(&to->deps, from) < 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

static CUresult change(
	CUgraph handle, const CUgraphNode *from, const CUgraphNode *to, size_t count, bool add)
{
	struct node *a, *b;
	struct graph *g;
	size_t i;
	CUresult result = enter_device();

	if (result)
		return result;
	result = graph_find(handle, &g);
	if (!result && count && (!from || !to))
		result = CUDA_ERROR_INVALID_VALUE;
	for (i = 0; !result && i < count; i++) {
		result = pair(g, from[i], to[i], &a, &b);
		if (!result && !add && !nodes_have(&b->deps, a))
			result = CUDA_ERROR_INVALID_VALUE;
	}
	for (i = 0; !result && i < count; i++) {
		pair(g, from[i], to[i], &a, &b);
		if (add)
			result = join(a, b);
		else if (nodes_have(&b->deps, a))
			cut(a, b);
	}
	return leave(result);
}

CUresult cuGraphAddDependencies(
	CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count)
{
	return change(graph, from, to, count, true);
}

CUresult cuGraphAddDependencies_v2(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
	const CUgraphEdgeData *data, size_t count)
{
	return change(graph, from, to, count, true);
}

CUresult cuGraphRemoveDependencies(
	CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count)
{
	return change(graph, from, to, count, false);
}

CUresult cuGraphRemoveDependencies_v2(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,
	const CUgraphEdgeData *data, size_t count)
{
	return change(graph, from, to, count, false);
}

CUresult cuGraphNodeGetType(CUgraphNode handle, CUgraphNodeType *type)
{
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = node_find(handle, &n);
	if (!result && !type)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*type = n->type;
	return leave(result);
}

CUresult cuGraphChildGraphNodeGetGraph(CUgraphNode handle, CUgraph *out)
{
	struct node *n;
	CUresult result = enter_device();

	if (result)
		return result;
	result = node_find(handle, &n);
	if (!result && (!out || !n->child))
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*out = (CUgraph)n->child->base.handle;
	return leave(result);
}
