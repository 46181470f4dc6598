/* SPDX-License-Identifier: Apache-2.0 */
/* An executable graph, for launching and for changing it. */
#ifndef SOFT_EXEC_H
#define SOFT_EXEC_H

#include "graphnode.h"

struct exec {
	struct object base;
	struct graph *graph; /* its own */
	struct plan *plan;   /* counted; NULL: to be made */
	struct fence *last;
	unsigned long long flags;
};

CUresult exec_find(CUgraphExec handle, struct exec **out);
/* A launch allocates what the graph's nodes allocate. INVALID_VALUE: that was not freed since the
 * last. */
CUresult exec_allocate(struct exec *x);

#endif
