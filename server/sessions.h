/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which worker serves whom. Clients that the gate lets in get a ticket each,
 * wait for a worker with their profile, warm or started for them, and are
 * refused with the reason when there can be none.
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "crew.h"
#include "gate.h"
#include "options.h"
#include "ticket.h"

struct sessions_events {
	/* Once, of the first worker: it has loaded the driver, or @why it could not; the owner
	 * ends the sessions then, and those that waited have been told. */
	void (*ready)(void *owner, const char *driver);
	void (*failed)(void *owner, const char *why);
	/* After sessions_end, when all workers have ended. */
	void (*over)(void *owner);
};

struct sessions {
	const struct options *options;
	const struct sessions_events *events;
	void *owner;
	struct crew crew;
	struct tickets tickets;
	unsigned count;	  /* of tickets */
	uint64_t last;	  /* number given */
	uv_timer_t retry; /* active: backing off */
	uint64_t backoff_ms;
	char failure[512]; /* why there are no warm workers; empty: there can be */
	bool checked;	   /* that the driver can be loaded */
	bool ending;
	bool warm_told;
};

int sessions_init(struct sessions *s, uv_loop_t *loop, const struct options *options,
	const struct sessions_events *events, void *owner);
/* Start the warm workers, or one that only tries the driver. */
void sessions_begin(struct sessions *s);
/* Refuse who waits and end all workers. */
void sessions_end(struct sessions *s);

/* For a gate whose owner is a struct sessions. */
extern const struct gate_events sessions_gate_events;

#endif
