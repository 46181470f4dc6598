/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's record of a session: who holds its ticket, and which worker
 * serves it. A ticket first waits, with its visitor at the gate, for a worker;
 * assigned, it lives as long as that worker.
 */
#ifndef TICKET_H
#define TICKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "gate.h"
#include "crew.h"

struct ticket {
	TAILQ_ENTRY(ticket) link;
	uint64_t session;
	uint8_t bytes[PRELUDE_TICKET];
	char peer[80];
	struct visitor *visitor; /* while it waits */
	Control__Hello *hello;	 /* while it waits */
	struct settings settings;
	struct worker *worker; /* claimed, or serving */
};

TAILQ_HEAD(tickets, ticket);

/* Takes ownership of @hello on success only; the visitor stays the gate's. */
int ticket_create(struct ticket **out, uint64_t session, struct visitor *v, Control__Hello *hello);
void ticket_destroy(struct ticket *t);
struct ticket *tickets_find(const struct tickets *list, const uint8_t bytes[PRELUDE_TICKET]);

/* Hand the waiting connection to its worker, which is ready. The visitor stays with the ticket
 * on failure only. */
int ticket_assign(struct ticket *t, uint64_t memory_limit);
/* Pass a further connection of its session on to its worker. */
int ticket_join(const struct ticket *t, const struct visitor *v, const struct prelude *p);

#define ticket_log(t, level, ...)                                                                  \
	log_line(level, &(struct log_subject){(t)->session, (t)->peer}, __VA_ARGS__)

#endif
