/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pageable memory that copies of graphs use. The server has room for it, which
 * the copies name in its place. What the host has there is sent before a graph
 * is launched and after host functions; what copies write comes back as that of
 * mirrors does. The memory may be gone while a graph is still there that could
 * use it, so that it is only touched in ways that say so.
 */
#ifndef LENT_H
#define LENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cuda_types.h"

extern _Atomic unsigned lent_active;

/* Memory that a copy of a graph uses. */
struct lending {
	const void *host;
	size_t size;
	bool written;	    /* by the copy */
	uint64_t by;	    /* the graph, or the capture that makes it */
	bool capture;	    /* whose number no other has after it, as a graph's handle may */
};

/* Room on the server for it, at *address, until *id is gone (hostfunc.h): the caller lets a graph keep
 * that. NOT_SUPPORTED where that would not be memory as the graph's other copies know it: a part of it
 * is lent to one of them, not all, and one of the two writes. */
CUresult lent_memory(const struct lending *what, uint64_t *address, uint64_t *id);
/* Several rooms are for the same memory of several graphs: what one writes has to come to the host before
 * another is launched. */
bool lent_entangled(void);
/* What stands for @address of the server's room; any other for itself. */
uint64_t lent_host(uint64_t address);

/* Send what the host changed, before the next answer to a host function, and before work if
 * mirror_send follows. */
void lent_push_slow(void);

static inline void lent_push(void)
{
	if (atomic_load_explicit(&lent_active, memory_order_acquire))
		lent_push_slow();
}

/* Copies changed these bytes, where room is. */
void lent_received(uint64_t address, const void *data, size_t size);

#endif
