/* SPDX-License-Identifier: Apache-2.0 */
/* The quick part of ptx_address.c, for the handlers of loads and stores. */
#ifndef PTX_ADDRESS_H
#define PTX_ADDRESS_H

#include "ptx_machine.h"

static inline struct span *span_of(struct warp *w, const struct insn *i, bool write)
{
	struct worker *worker = w->block->worker;
	size_t site = (uintptr_t)i / sizeof(*i) % SPAN_SITES;

	return write ? &worker->writes[site] : &worker->reads[site];
}

static inline bool span_holds(const struct span *s, uint64_t address, uint32_t size)
{
	uint64_t at = address - s->base;

	return at < s->size && size <= s->size - at;
}

static inline void *shared_at(const struct warp *w, uint64_t offset, uint32_t size)
{
	const struct block *b = w->block;

	if (unlikely(offset >= b->shared_bytes || size > b->shared_bytes - offset))
		return NULL;
	return b->shared + offset;
}

/* The address of a lane, from its column and the instruction's offset. */
static inline uint64_t lane_address(const struct insn *i, const void *base, unsigned lane)
{
	uint64_t at = i->flags & FLAG_WIDE ? ((const uint64_t *)base)[lane]
					   : ((const uint32_t *)base)[lane];

	return at + (uint64_t)i->offset;
}

/* How the three kinds of instructions find their place in memory; NULL is a fault. */
static inline void *place_global(struct warp *w, const struct insn *i, unsigned lane,
	uint64_t address, uint32_t size, bool write)
{
	if (likely(span_holds(span_of(w, i, write), address, size) && !(address & (size - 1))))
		return (void *)(uintptr_t)address;
	return memory_at(w, i, lane, i->space, address, size, write);
}

static inline void *place_shared(struct warp *w, const struct insn *i, unsigned lane,
	uint64_t address, uint32_t size, bool write)
{
	void *place = shared_at(w, address, size);

	if (likely(place && !(address & (size - 1))))
		return place;
	return memory_at(w, i, lane, SPACE_SHARED, address, size, write);
}

/* In whatever space the instruction names. */
static inline void *place_any(struct warp *w, const struct insn *i, unsigned lane,
	uint64_t address, uint32_t size, bool write)
{
	if (i->space == SPACE_GLOBAL || i->space == SPACE_GENERIC)
		return place_global(w, i, lane, address, size, write);
	return memory_at(w, i, lane, i->space, address, size, write);
}

static inline void *place_other(struct warp *w, const struct insn *i, unsigned lane,
	uint64_t address, uint32_t size, bool write)
{
	return memory_at(w, i, lane, i->space, address, size, write);
}

#endif
