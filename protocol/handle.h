/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a minted handle's bits mean, for the client that makes them and the
 * server that looks them up.
 *
 *   63..46  zero
 *   45..40  enum kind, never 0
 *   39..26  generation, bumped when the place is used again
 *   25..4   index of the place in the kind's table
 *    3..0   zero, as an aligned pointer's would be
 *
 * The values 0, 1 and 2 (NULL, legacy and per-thread stream) are no handles.
 */
#ifndef HANDLE_H
#define HANDLE_H

#include <stdint.h>

enum {
	HANDLE_INDEX_SHIFT = 4,
	HANDLE_INDEX_BITS = 22,
	HANDLE_GENERATION_SHIFT = 26,
	HANDLE_GENERATION_BITS = 14,
	HANDLE_KIND_SHIFT = 40,
	HANDLE_KIND_BITS = 6,
	HANDLE_INDEX_MAX = 1 << HANDLE_INDEX_BITS, /* places per kind */
};

static inline uint64_t handle_make(unsigned kind, unsigned generation, uint32_t index)
{
	uint64_t g = generation & ((1u << HANDLE_GENERATION_BITS) - 1);

	return (uint64_t)kind << HANDLE_KIND_SHIFT | g << HANDLE_GENERATION_SHIFT |
	       (uint64_t)index << HANDLE_INDEX_SHIFT;
}

static inline unsigned handle_kind(uint64_t handle)
{
	return handle >> HANDLE_KIND_SHIFT & ((1u << HANDLE_KIND_BITS) - 1);
}

static inline uint32_t handle_index(uint64_t handle)
{
	return handle >> HANDLE_INDEX_SHIFT & (HANDLE_INDEX_MAX - 1);
}

/* No bit is set that no handle has. */
static inline int handle_valid(uint64_t handle)
{
	return handle >> (HANDLE_KIND_SHIFT + HANDLE_KIND_BITS) == 0 &&
	       (handle & ((1u << HANDLE_INDEX_SHIFT) - 1)) == 0 && handle_kind(handle) != 0;
}

#endif
