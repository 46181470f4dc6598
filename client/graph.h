/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls that add nodes to graphs share. */
#ifndef GRAPH_H
#define GRAPH_H

#include <stddef.h>
#include "cuda_types.h"

/* Where a new node goes. */
struct place {
	CUgraphNode *out;
	CUgraph graph;
	const CUgraphNode *dependencies;
	size_t count;
};

/* That the call may be made, has its pointers, and parameters at @params. */
CUresult place_check(const struct place *p, const void *params);

#endif
