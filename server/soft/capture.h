/* SPDX-License-Identifier: Apache-2.0 */
/* One capture, and what the calls that ask about it need. */
#ifndef SOFT_CAPTURE_H
#define SOFT_CAPTURE_H

#include "graph.h"

struct capture {
	struct object base;    /* counted by its streams and events */
	struct stream *origin; /* borrowed */
	struct context *ctx;   /* borrowed while it goes on */
	struct graph *graph;
	CUstreamCaptureMode mode;
	uint64_t thread, id;
	bool broken, ended;
	bool lent;	   /* the graph is the application's */
	struct nodes left; /* where streams were that have been destroyed since */
	LIST_ENTRY(capture) link;
};

/* Adds those of @from that their graph still has. */
int nodes_merge(struct nodes *to, const struct nodes *from);

#endif
