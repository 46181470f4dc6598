/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses handed out of one range: the free ranges in address order, first
 * fit, so that memory stays dense and neighbours merge. Holds no memory but
 * its table and knows nothing of what lies at the addresses. Not thread-safe.
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_range {
	uint64_t base, size;
};

struct arena {
	uint64_t base, size;
	uint64_t left; /* free bytes in all */
	struct arena_range *range;
	size_t count, room;
};

int arena_init(struct arena *a, uint64_t base, uint64_t size);
void arena_fini(struct arena *a);
/* The lowest multiple of @align (a power of two) with room for @size; -ENOMEM. */
int arena_alloc(struct arena *a, uint64_t size, uint64_t align, uint64_t *out);
/* Exactly these addresses; -EBUSY when some of them are taken or outside. */
int arena_alloc_at(struct arena *a, uint64_t base, uint64_t size);
/* Give back what was allocated; -EINVAL, and nothing happens, if it overlaps what is free. */
int arena_free(struct arena *a, uint64_t base, uint64_t size);

#endif
