/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies under way, for copy.c, which issues them. Whoever polls ends them
 * (flight.c): what is theirs is copy_poll and its kin in copy.h.
 */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "copy.h"
#include "pending.h"
#include "staging.h"

struct copy_wait {
	struct pending pending;
	unsigned left; /* parts not pushed; guarded by the copies' lock, as is pending.result */
};

/* A part of a copy: one slot. */
struct flight {
	TAILQ_ENTRY(flight) link;
	struct context *context;
	CUevent event;
	struct slot *slot; /* NULL: chunk of a lane */
	uint64_t chunk;
	CUstream stream;
	uint32_t bytes; /* of the slot, used */
	/* To the client: */
	uint64_t id, offset;
	uint64_t number; /* among those issued */
	_Atomic bool orphan; /* the stream is gone */
	bool inlined;
	struct copy_wait *wait;
	_Atomic bool covered; /* the end of a wait says that it is complete */
	bool done;
	bool late; /* done before its event is ready */
	CUresult result;
};

TAILQ_HEAD(flights, flight);

struct copies {
	pthread_mutex_t lock; /* lists; flights are changed by who polls once they are in one */
	_Atomic unsigned under_way;
	_Atomic uint64_t issued; /* to the client */
	struct flights in, out;
	struct flights spare;
	struct flight *open; /* dispatcher only: issued, its end not marked, see copy_close */
};

/* With an event and no slot yet; NULL: out of memory. */
struct flight *flight_new(struct copies *c, struct context *context);

/* It was issued with @r: mark its end in @stream and watch for it, in @list. */
CUresult flight_go(
	struct session *s, struct flights *list, struct flight *f, CUresult r, CUstream stream);

/* A part of what @w waits for has ended with @r. */
void wait_part(struct copies *c, struct copy_wait *w, CUresult r);

/* Tell a client that nobody waits on that the bytes will not come. */
void copy_cancel(struct session *s, uint64_t id);

#endif
