/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of bytes in private memory that is mapped twice in a row, so that
 * both what it holds and its room are contiguous wherever they lie. One thread
 * may add while another removes.
 */
#ifndef RING_H
#define RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *base;	      /* NULL: not mapped yet */
	size_t size;	      /* a power of two, multiple of the page size */
	_Atomic size_t added; /* since it started; only who adds changes it */
	_Atomic size_t removed;
};

/* The memory is not given to forked children. */
int ring_init(struct ring *r, size_t size);
void ring_fini(struct ring *r);

static inline size_t ring_used(const struct ring *r)
{
	return atomic_load_explicit(&r->added, memory_order_acquire) -
	       atomic_load_explicit(&r->removed, memory_order_acquire);
}

static inline size_t ring_room(const struct ring *r)
{
	return r->size - ring_used(r);
}

/* For who removes. */
static inline uint8_t *ring_data(const struct ring *r)
{
	return r->base + (atomic_load_explicit(&r->removed, memory_order_relaxed) & (r->size - 1));
}

static inline void ring_remove(struct ring *r, size_t size)
{
	size_t removed = atomic_load_explicit(&r->removed, memory_order_relaxed);

	atomic_store_explicit(&r->removed, removed + size, memory_order_release);
}

/* For who adds. */
static inline uint8_t *ring_end(const struct ring *r)
{
	return r->base + (atomic_load_explicit(&r->added, memory_order_relaxed) & (r->size - 1));
}

static inline void ring_add(struct ring *r, size_t size)
{
	size_t added = atomic_load_explicit(&r->added, memory_order_relaxed);

	atomic_store_explicit(&r->added, added + size, memory_order_release);
}

/* Where nobody else uses it: start over at the first byte when it is empty, so that a stream of small
 * messages keeps touching the same few cache lines. */
static inline void ring_restart(struct ring *r)
{
	if (ring_used(r))
		return;
	atomic_store_explicit(&r->added, 0, memory_order_relaxed);
	atomic_store_explicit(&r->removed, 0, memory_order_relaxed);
}

#endif
