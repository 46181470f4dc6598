/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and stores of each size. A place is read or written at once, as other
 * threads expect of aligned memory, but in no order; the ordered forms put a
 * fence beside it.
 */
#include "ptx_address.h"
#include "ptx_lane.h"
#include "ptx_memory.h"

static inline const struct insn *acquire(struct warp *w, const struct insn *i)
{
	if (unlikely(i->flags & FLAG_ACQUIRE))
		memory_fence(w->block->grid);
	return i + 1;
}

static inline void release(struct warp *w, const struct insn *i)
{
	if (unlikely(i->flags & FLAG_RELEASE))
		memory_fence(w->block->grid);
}

#define LOAD(name, place_of, M, D, CAST)                                                           \
	HANDLER(name)                                                                              \
	{                                                                                          \
		D *d = column(w, i->d);                                                            \
		const void *base = column(w, i->a);                                                \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			const M *at = place_of(w, i, l, lane_address(i, base, l), sizeof(M),       \
				false);                                                            \
			if (unlikely(!at))                                                         \
				return NULL;                                                       \
			d[l] = (D)(CAST)__atomic_load_n(at, __ATOMIC_RELAXED);                     \
		}                                                                                  \
		return acquire(w, i);                                                              \
	}

#define LOADS(name, M, D, CAST)                                                                    \
	LOAD(name##_global, place_global, M, D, CAST)                                              \
	LOAD(name##_shared, place_shared, M, D, CAST)                                              \
	LOAD(name##_other, place_other, M, D, CAST)

LOADS(load_u8, uint8_t, uint32_t, uint32_t)
LOADS(load_s8, int8_t, uint32_t, uint32_t)
LOADS(load_u16, uint16_t, uint32_t, uint32_t)
LOADS(load_s16, int16_t, uint32_t, uint32_t)
LOADS(load_32, uint32_t, uint32_t, uint32_t)
LOADS(load_u8_long, uint8_t, uint64_t, uint64_t)
LOADS(load_s8_long, int8_t, uint64_t, int64_t)
LOADS(load_u16_long, uint16_t, uint64_t, uint64_t)
LOADS(load_s16_long, int16_t, uint64_t, int64_t)
LOADS(load_u32_long, uint32_t, uint64_t, uint64_t)
LOADS(load_s32_long, int32_t, uint64_t, int64_t)
LOADS(load_64, uint64_t, uint64_t, uint64_t)

#define ROW(name) {name##_global, name##_shared, name##_other}

handler *const load_handlers[LOAD_COUNT][ACCESS_COUNT] = {
	[LOAD_U8] = ROW(load_u8), [LOAD_S8] = ROW(load_s8), [LOAD_U16] = ROW(load_u16),
	[LOAD_S16] = ROW(load_s16), [LOAD_32] = ROW(load_32), [LOAD_U8_LONG] = ROW(load_u8_long),
	[LOAD_S8_LONG] = ROW(load_s8_long), [LOAD_U16_LONG] = ROW(load_u16_long),
	[LOAD_S16_LONG] = ROW(load_s16_long), [LOAD_U32_LONG] = ROW(load_u32_long),
	[LOAD_S32_LONG] = ROW(load_s32_long), [LOAD_64] = ROW(load_64),
};

/* What lies at @at as the loading that i->extra or a list entry says. */
static inline uint64_t load_element(const void *at, unsigned loading)
{
	switch (loading) {
	case LOAD_U8: case LOAD_U8_LONG:
		return __atomic_load_n((const uint8_t *)at, __ATOMIC_RELAXED);
	case LOAD_S8: case LOAD_S8_LONG:
		return (uint64_t)__atomic_load_n((const int8_t *)at, __ATOMIC_RELAXED);
	case LOAD_U16: case LOAD_U16_LONG:
		return __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED);
	case LOAD_S16: case LOAD_S16_LONG:
		return (uint64_t)__atomic_load_n((const int16_t *)at, __ATOMIC_RELAXED);
	case LOAD_32: case LOAD_U32_LONG:
		return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
	case LOAD_S32_LONG:
		return (uint64_t)__atomic_load_n((const int32_t *)at, __ATOMIC_RELAXED);
	}
	return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

static inline void put(struct warp *w, uint32_t operand, bool is_long, unsigned lane, uint64_t v)
{
	if (is_long)
		((uint64_t *)column(w, operand))[lane] = v;
	else
		((uint32_t *)column(w, operand))[lane] = (uint32_t)v;
}

/* A parameter of the kernel at a fixed offset: the same for all lanes. */
const struct insn *run_load_uniform(struct warp *w, const struct insn *i, uint32_t lanes)
{
	const void *at = memory_at(w, i, (unsigned)__builtin_ctz(lanes), SPACE_PARAM,
		(uint64_t)i->offset, i->size, false);
	uint64_t v;

	if (!at)
		return NULL;
	v = load_element(at, i->extra);
	if (i->extra >= LOAD_U8_LONG) {
		uint64_t *d = column(w, i->d);

		LANES(lanes, l, d[l] = v);
	} else {
		uint32_t *d = column(w, i->d);

		LANES(lanes, l, d[l] = (uint32_t)v);
	}
	return i + 1;
}

const struct insn *run_load_vector(struct warp *w, const struct insn *i, uint32_t lanes)
{
	const void *base = column(w, i->a);
	unsigned bytes = i->size * i->count;
	bool is_long = i->extra >= LOAD_U8_LONG;

	for (; lanes; lanes &= lanes - 1) {
		unsigned l = (unsigned)__builtin_ctz(lanes);
		const unsigned char *at;

		at = place_any(w, i, l, lane_address(i, base, l), bytes, false);
		if (unlikely(!at))
			return NULL;
		for (unsigned n = 0; n < i->count; n++)
			put(w, i->list[n], is_long, l, load_element(at + n * i->size, i->extra));
	}
	return acquire(w, i);
}

#define STORE(name, place_of, M, S)                                                                \
	HANDLER(name)                                                                              \
	{                                                                                          \
		const S *s = column(w, i->b);                                                      \
		const void *base = column(w, i->a);                                                \
		release(w, i);                                                                     \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			M *at = place_of(w, i, l, lane_address(i, base, l), sizeof(M), true);      \
			if (unlikely(!at))                                                         \
				return NULL;                                                       \
			__atomic_store_n(at, (M)s[l], __ATOMIC_RELAXED);                           \
		}                                                                                  \
		return i + 1;                                                                      \
	}

#define STORES(name, M, S)                                                                         \
	STORE(name##_global, place_global, M, S)                                                   \
	STORE(name##_shared, place_shared, M, S)                                                   \
	STORE(name##_other, place_other, M, S)

STORES(store_8, uint8_t, uint32_t)
STORES(store_16, uint16_t, uint32_t)
STORES(store_32, uint32_t, uint32_t)
STORES(store_8_long, uint8_t, uint64_t)
STORES(store_16_long, uint16_t, uint64_t)
STORES(store_32_long, uint32_t, uint64_t)
STORES(store_64, uint64_t, uint64_t)

handler *const store_handlers[STORE_COUNT][ACCESS_COUNT] = {
	[STORE_8] = ROW(store_8), [STORE_16] = ROW(store_16), [STORE_32] = ROW(store_32),
	[STORE_8_LONG] = ROW(store_8_long), [STORE_16_LONG] = ROW(store_16_long),
	[STORE_32_LONG] = ROW(store_32_long), [STORE_64] = ROW(store_64),
};

static inline void store_element(void *at, unsigned size, uint64_t v)
{
	if (size == 1)
		__atomic_store_n((uint8_t *)at, (uint8_t)v, __ATOMIC_RELAXED);
	else if (size == 2)
		__atomic_store_n((uint16_t *)at, (uint16_t)v, __ATOMIC_RELAXED);
	else if (size == 4)
		__atomic_store_n((uint32_t *)at, (uint32_t)v, __ATOMIC_RELAXED);
	else
		__atomic_store_n((uint64_t *)at, v, __ATOMIC_RELAXED);
}

static inline uint64_t get(struct warp *w, uint32_t operand, bool is_long, unsigned lane)
{
	return is_long ? ((const uint64_t *)column(w, operand))[lane]
		       : ((const uint32_t *)column(w, operand))[lane];
}

const struct insn *run_store_vector(struct warp *w, const struct insn *i, uint32_t lanes)
{
	const void *base = column(w, i->a);
	unsigned bytes = i->size * i->count;

	release(w, i);
	for (; lanes; lanes &= lanes - 1) {
		unsigned l = (unsigned)__builtin_ctz(lanes);
		unsigned char *at = place_any(w, i, l, lane_address(i, base, l), bytes, true);

		if (unlikely(!at))
			return NULL;
		for (unsigned n = 0; n < i->count; n++)
			store_element(at + n * i->size, i->size,
				get(w, i->list[n], i->extra, l));
	}
	return i + 1;
}
