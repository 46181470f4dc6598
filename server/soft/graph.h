/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs. A node knows what it waits for; a graph is a list of nodes in the
 * order of their making. A clone's nodes remember the ids of their originals,
 * by which an executable graph finds what an application means.
 */
#ifndef SOFT_GRAPH_H
#define SOFT_GRAPH_H

#include "soft.h"

struct node {
	struct object base;  /* counted by its graph and by who waits for it */
	struct graph *graph; /* borrowed; NULL once destroyed */
	TAILQ_ENTRY(node) link;
	uint64_t id, origin;
	CUgraphNodeType type;
	struct op op;
	struct nodes deps;
	struct graph *child;   /* owned */
	CUDA_MEMCPY3D copy;    /* as given, for who asks */
	void **values;	       /* of a kernel's parameters, for who asks; owned */
	struct object *memory; /* counted: of a node that allocates or frees */
	struct node *twin;     /* while its graph is being cloned */
	bool disabled, mark;
};

struct graph {
	struct object base;
	struct node *owner; /* borrowed: whose child it is */
	TAILQ_HEAD(node_list, node) nodes;
	size_t count;
	struct users users;
};

void users_put(struct users *users);
/* What @from has is added behind what @to has, in entries of its own. */
int users_copy(struct users *to, const struct users *from);
/* The first @count entries. */
void users_drop(struct users *users, size_t count);
CUresult graph_create(struct graph **out);
CUresult graph_clone(struct graph *g, struct graph **out);
void graph_destroy(struct graph *g);
CUresult graph_find(CUgraph handle, struct graph **out);
/* Takes over @op; @deps may be NULL. */
CUresult node_create(struct graph *g, CUgraphNodeType type, struct op *op, const struct nodes *deps,
	struct node **out);
CUresult node_find(CUgraphNode handle, struct node **out);
/* Adds the nodes of @g that an application names, each once. */
CUresult nodes_gather(struct graph *g, const CUgraphNode *handles, size_t count, struct nodes *out);
/* The node of @g or its children that was made from the one called @origin. */
struct node *graph_find_origin(struct graph *g, uint64_t origin);
/* All nodes, each after what it waits for; malloc'ed. -ELOOP for a cycle. */
int graph_order(struct graph *g, struct node ***out);
CUgraphNodeType op_node_type(const struct op *op);
/* A node without an operation, captured. */
CUresult capture_node(struct stream *s, CUgraphNodeType type, struct node **out);

#endif
