/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic of more than one register: additions, subtractions and multiply-
 * adds that read and write the carry of each lane. A subtraction adds the
 * complement: its carry is set where it does not borrow.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"

#define CARRY_IN 1
#define CARRY_OUT 2

static inline uint32_t carry_of(const struct warp *w, const struct insn *i, unsigned lane,
	uint32_t otherwise)
{
	return i->extra & CARRY_IN ? w->carry >> lane & 1 : otherwise;
}

static inline void carry_set(struct warp *w, const struct insn *i, unsigned lane, bool carry)
{
	if (i->extra & CARRY_OUT)
		w->carry = (w->carry & ~(1u << lane)) | (uint32_t)carry << lane;
}

/* T is the type, W one twice as wide; without a carry, `otherwise` is added. */
#define WIDE(name, T, W, first, second, otherwise)                                                 \
	HANDLER(name)                                                                              \
	{                                                                                          \
		T *d = column(w, i->d);                                                            \
		const T *pa = column(w, i->a), *pb = column(w, i->b), *pc = column(w, i->c);       \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			T a = pa[l], b = pb[l], c = pc[l];                                         \
			W r = (W)(T)(first) + (W)(T)(second) + carry_of(w, i, l, otherwise);       \
			(void)a, (void)b, (void)c;                                                 \
			d[l] = (T)r;                                                               \
			carry_set(w, i, l, r >> (sizeof(T) * 8) & 1);                              \
		}                                                                                  \
		return i + 1;                                                                      \
	}

typedef unsigned __int128 u128;
typedef __int128 s128;

WIDE(add_32, uint32_t, uint64_t, a, b, 0)
WIDE(add_64, uint64_t, u128, a, b, 0)
WIDE(sub_32, uint32_t, uint64_t, a, ~b, 1)
WIDE(sub_64, uint64_t, u128, a, ~b, 1)
WIDE(mad_lo_32, uint32_t, uint64_t, a * b, c, 0)
WIDE(mad_lo_64, uint64_t, u128, a * b, c, 0)
WIDE(mad_hi_u32, uint32_t, uint64_t, (uint64_t)a * b >> 32, c, 0)
WIDE(mad_hi_s32, uint32_t, uint64_t, (uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32, c, 0)
WIDE(mad_hi_u64, uint64_t, u128, (u128)a * b >> 64, c, 0)
WIDE(mad_hi_s64, uint64_t, u128, (u128)((s128)(int64_t)a * (int64_t)b) >> 64, c, 0)

const struct rule rules_wide[] = {
	{"add.cc.<u32|s32>", "Www", add_32, CARRY_OUT},
	{"add.cc.<u64|s64>", "Lll", add_64, CARRY_OUT},
	{"addc.cc.<u32|s32>", "Www", add_32, CARRY_IN | CARRY_OUT},
	{"addc.cc.<u64|s64>", "Lll", add_64, CARRY_IN | CARRY_OUT},
	{"addc.<u32|s32>", "Www", add_32, CARRY_IN},
	{"addc.<u64|s64>", "Lll", add_64, CARRY_IN},
	{"sub.cc.<u32|s32>", "Www", sub_32, CARRY_OUT},
	{"sub.cc.<u64|s64>", "Lll", sub_64, CARRY_OUT},
	{"subc.cc.<u32|s32>", "Www", sub_32, CARRY_IN | CARRY_OUT},
	{"subc.cc.<u64|s64>", "Lll", sub_64, CARRY_IN | CARRY_OUT},
	{"subc.<u32|s32>", "Www", sub_32, CARRY_IN},
	{"subc.<u64|s64>", "Lll", sub_64, CARRY_IN},
	{"mad.lo.cc.<u32|s32>", "Wwww", mad_lo_32, CARRY_OUT},
	{"mad.lo.cc.<u64|s64>", "Llll", mad_lo_64, CARRY_OUT},
	{"mad.hi.cc.u32", "Wwww", mad_hi_u32, CARRY_OUT},
	{"mad.hi.cc.s32", "Wwww", mad_hi_s32, CARRY_OUT},
	{"mad.hi.cc.u64", "Llll", mad_hi_u64, CARRY_OUT},
	{"mad.hi.cc.s64", "Llll", mad_hi_s64, CARRY_OUT},
	{"madc.lo.cc.<u32|s32>", "Wwww", mad_lo_32, CARRY_IN | CARRY_OUT},
	{"madc.lo.cc.<u64|s64>", "Llll", mad_lo_64, CARRY_IN | CARRY_OUT},
	{"madc.hi.cc.u32", "Wwww", mad_hi_u32, CARRY_IN | CARRY_OUT},
	{"madc.hi.cc.s32", "Wwww", mad_hi_s32, CARRY_IN | CARRY_OUT},
	{"madc.hi.cc.u64", "Llll", mad_hi_u64, CARRY_IN | CARRY_OUT},
	{"madc.hi.cc.s64", "Llll", mad_hi_s64, CARRY_IN | CARRY_OUT},
	{"madc.lo.<u32|s32>", "Wwww", mad_lo_32, CARRY_IN},
	{"madc.lo.<u64|s64>", "Llll", mad_lo_64, CARRY_IN},
	{"madc.hi.u32", "Wwww", mad_hi_u32, CARRY_IN},
	{"madc.hi.s32", "Wwww", mad_hi_s32, CARRY_IN},
	{"madc.hi.u64", "Llll", mad_hi_u64, CARRY_IN},
	{"madc.hi.s64", "Llll", mad_hi_s64, CARRY_IN},
	RULES_END
};
