/* SPDX-License-Identifier: Apache-2.0 */
/* Shadow events: where and when one was last recorded, and whether that is known to be done. */
#ifndef EVENT_H
#define EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include "object.h"

struct context;
struct stream;

struct event {
	struct object object;
	struct context *context;
	unsigned life;
	unsigned flags;
	_Atomic uint64_t records;  /* times it was recorded */
	_Atomic uint64_t finished; /* of those, known to be complete */
	struct stream *stream;	   /* that the last record was in */
	uint64_t stream_handle;	   /* to notice that the stream was destroyed since */
	uint64_t mark;		   /* the stream's mark at the last record */
	uint64_t taint;		   /* and its taint */
	uint64_t capture;	   /* id of the capture that the last record was part of; 0: none */
	_Atomic bool in_graphs;	   /* a graph's node records it, at launches that are not counted */
};

CUresult event_check(CUevent handle, uint64_t *wire);

/* A context's life has ended, and the server knows: its events are gone. */
void event_context_gone(struct context *c, unsigned life);

#endif
