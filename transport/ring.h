/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of bytes in private memory that is mapped twice in a row, so that
 * both what it holds and its room are contiguous wherever they lie. One thread
 * uses it. It starts over at its first byte whenever it is empty: a stream of
 * small messages keeps touching the same few cache lines.
 */
#ifndef RING_H
#define RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *base; /* NULL: not mapped yet */
	size_t size;   /* a power of two, multiple of the page size */
	size_t start;  /* of the bytes that it holds */
	size_t used;
};

/* The memory is not given to forked children. */
int ring_init(struct ring *r, size_t size);
void ring_fini(struct ring *r);

static inline size_t ring_room(const struct ring *r)
{
	return r->size - r->used;
}

static inline uint8_t *ring_data(const struct ring *r)
{
	return r->base + r->start;
}

static inline uint8_t *ring_end(const struct ring *r)
{
	return r->base + ((r->start + r->used) & (r->size - 1));
}

static inline void ring_add(struct ring *r, size_t size)
{
	r->used += size;
}

static inline void ring_remove(struct ring *r, size_t size)
{
	r->used -= size;
	r->start = r->used ? (r->start + size) & (r->size - 1) : 0;
}

#endif
