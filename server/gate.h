/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come in. The gate accepts them and reads their prelude,
 * and the hello of a new session, byte-exactly: what follows is the worker's.
 * It gives each visitor 10 seconds, holds a limited number of them and drops
 * the oldest for a new one. Nothing a visitor sends touches anybody else.
 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "control.h"
#include "log.h"

struct gate;
struct listener;

/* One connection that is not a worker's yet. */
struct visitor;

TAILQ_HEAD(visitors, visitor);
SLIST_HEAD(listeners, listener);

struct gate_events {
	/* A hello that may be served came in. The owner decides later, by visitor_refuse or
	 * visitor_drop; @hello is its own from now on. */
	void (*hello)(void *owner, struct visitor *v, Control__Hello *hello);
	/* A further connection of the session whose ticket the prelude has. The owner drops it
	 * before it returns, after having passed its descriptor on. */
	void (*join)(void *owner, struct visitor *v, const struct prelude *p);
	/* A visitor whose hello waits has gone, and is dropped by the gate. */
	void (*gone)(void *owner, struct visitor *v);
};

struct gate {
	uv_loop_t *loop;
	const struct gate_events *events;
	void *owner;
	uint64_t spec_hash[2];	  /* by enum SessionKind; 0: kind not served */
	struct visitors visitors; /* being read or told a refusal, oldest first */
	unsigned count;
	struct listeners listeners;
	uv_timer_t rest; /* pause of accepting when descriptors have run out */
	bool resting;
};

int gate_init(struct gate *g, uv_loop_t *loop, const struct gate_events *events, void *owner);
/* Listen at "[scheme://]host[:port]"; @url (of @size bytes) gets what clients may use. */
int gate_listen(struct gate *g, const char *address, char *url, size_t size);
/* Close all listeners and visitors; the loop must run until the handles are closed. */
void gate_close(struct gate *g);
/* Free what the closed handles leave, after the loop. */
void gate_fini(struct gate *g);

/* Tell a visitor why not, then close. It is the gate's again. */
void visitor_refuse(struct visitor *v, int result, const char *text);
/* Close the gate's descriptor; what was passed to a worker lives on. */
void visitor_drop(struct visitor *v);
int visitor_fd(const struct visitor *v);
const char *visitor_peer(const struct visitor *v);
const char *visitor_scheme(const struct visitor *v);

#endif
