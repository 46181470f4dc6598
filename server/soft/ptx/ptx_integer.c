/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer arithmetic of 16, 32 and 64 bits. Registers of 16 bits lie in words,
 * whose upper half is not looked at. Signed arithmetic is done unsigned, where
 * C defines what wraps; division answers what a GPU does where C has no answer.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

#define u16 uint32_t	/* the column that holds them */
#define U16(x) ((uint16_t)(x))
#define S16(x) ((int32_t)(int16_t)(x))

OP2(add_16, u16, u16, u16, U16(a + b))
OP2(add_32, uint32_t, uint32_t, uint32_t, a + b)
OP2(add_64, uint64_t, uint64_t, uint64_t, a + b)
OP2(sub_16, u16, u16, u16, U16(a - b))
OP2(sub_32, uint32_t, uint32_t, uint32_t, a - b)
OP2(sub_64, uint64_t, uint64_t, uint64_t, a - b)
OP2(add_16x2, uint32_t, uint32_t, uint32_t, U16(a + b) | ((a >> 16) + (b >> 16)) << 16)

static inline uint32_t saturate(int64_t v)
{
	return (uint32_t)(v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v);
}

OP2(add_sat, uint32_t, int32_t, int32_t, saturate((int64_t)a + b))
OP2(sub_sat, uint32_t, int32_t, int32_t, saturate((int64_t)a - b))

OP2(mul_16, u16, u16, u16, U16(a * b))
OP2(mul_32, uint32_t, uint32_t, uint32_t, a * b)
OP2(mul_64, uint64_t, uint64_t, uint64_t, a * b)
OP2(mul_hi_u16, u16, u16, u16, (uint32_t)U16(a) * U16(b) >> 16)
OP2(mul_hi_s16, u16, u16, u16, U16((uint32_t)(S16(a) * S16(b)) >> 16))
OP2(mul_hi_u32, uint32_t, uint32_t, uint32_t, (uint64_t)a * b >> 32)
OP2(mul_hi_s32, uint32_t, int32_t, int32_t, (uint64_t)((int64_t)a * b) >> 32)
OP2(mul_hi_u64, uint64_t, uint64_t, uint64_t, (u128)a * b >> 64)
OP2(mul_hi_s64, uint64_t, int64_t, int64_t, (u128)((s128)a * b) >> 64)
OP2(mul_wide_u16, uint32_t, u16, u16, (uint32_t)U16(a) * U16(b))
OP2(mul_wide_s16, uint32_t, u16, u16, S16(a) * S16(b))
OP2(mul_wide_u32, uint64_t, uint32_t, uint32_t, (uint64_t)a * b)
OP2(mul_wide_s32, uint64_t, int32_t, int32_t, (int64_t)a * b)

OP3(mad_16, u16, u16, u16, u16, U16(a * b + c))
OP3(mad_32, uint32_t, uint32_t, uint32_t, uint32_t, a * b + c)
OP3(mad_64, uint64_t, uint64_t, uint64_t, uint64_t, a * b + c)
OP3(mad_hi_u16, u16, u16, u16, u16, U16(((uint32_t)U16(a) * U16(b) >> 16) + c))
OP3(mad_hi_s16, u16, u16, u16, u16, U16(((uint32_t)(S16(a) * S16(b)) >> 16) + c))
OP3(mad_hi_u32, uint32_t, uint32_t, uint32_t, uint32_t, ((uint64_t)a * b >> 32) + c)
OP3(mad_hi_s32, uint32_t, int32_t, int32_t, uint32_t,
	(uint32_t)((uint64_t)((int64_t)a * b) >> 32) + c)
OP3(mad_hi_sat, uint32_t, int32_t, int32_t, int32_t, saturate(((int64_t)a * b >> 32) + c))
OP3(mad_hi_u64, uint64_t, uint64_t, uint64_t, uint64_t, (uint64_t)((u128)a * b >> 64) + c)
OP3(mad_hi_s64, uint64_t, int64_t, int64_t, uint64_t, (uint64_t)((u128)((s128)a * b) >> 64) + c)
OP3(mad_wide_u16, uint32_t, u16, u16, uint32_t, (uint32_t)U16(a) * U16(b) + c)
OP3(mad_wide_s16, uint32_t, u16, u16, uint32_t, (uint32_t)(S16(a) * S16(b)) + c)
OP3(mad_wide_u32, uint64_t, uint32_t, uint32_t, uint64_t, (uint64_t)a * b + c)
OP3(mad_wide_s32, uint64_t, int32_t, int32_t, uint64_t, (uint64_t)((int64_t)a * b) + c)

#define LOW24(x) ((x) & 0xffffff)
#define SIGNED24(x) ((int64_t)((int32_t)((uint32_t)(x) << 8) >> 8))
OP2(mul24_lo_u32, uint32_t, uint32_t, uint32_t, (uint64_t)LOW24(a) * LOW24(b))
OP2(mul24_lo_s32, uint32_t, uint32_t, uint32_t, SIGNED24(a) * SIGNED24(b))
OP2(mul24_hi_u32, uint32_t, uint32_t, uint32_t, (uint64_t)LOW24(a) * LOW24(b) >> 16)
OP2(mul24_hi_s32, uint32_t, uint32_t, uint32_t, (SIGNED24(a) * SIGNED24(b)) >> 16)
OP3(mad24_lo_u32, uint32_t, uint32_t, uint32_t, uint32_t, (uint64_t)LOW24(a) * LOW24(b) + c)
OP3(mad24_lo_s32, uint32_t, uint32_t, uint32_t, uint32_t,
	(uint32_t)(SIGNED24(a) * SIGNED24(b)) + c)
OP3(mad24_hi_u32, uint32_t, uint32_t, uint32_t, uint32_t,
	(uint32_t)((uint64_t)LOW24(a) * LOW24(b) >> 16) + c)
OP3(mad24_hi_s32, uint32_t, uint32_t, uint32_t, uint32_t,
	(uint32_t)((SIGNED24(a) * SIGNED24(b)) >> 16) + c)

/* Dividing by -1 is a negation, which may wrap. */
#define DIVIDE(bits)                                                                               \
	static inline uint##bits##_t udiv_##bits(uint##bits##_t a, uint##bits##_t b)               \
	{                                                                                          \
		return b ? a / b : (uint##bits##_t)-1;                                             \
	}                                                                                          \
	static inline uint##bits##_t urem_##bits(uint##bits##_t a, uint##bits##_t b)               \
	{                                                                                          \
		return b ? a % b : (uint##bits##_t)-1;                                             \
	}                                                                                          \
	static inline uint##bits##_t sdiv_##bits(int##bits##_t a, int##bits##_t b)                 \
	{                                                                                          \
		if (!b)                                                                            \
			return (uint##bits##_t)-1;                                                 \
		return b == -1 ? (uint##bits##_t)(0 - (uint##bits##_t)a)                           \
			       : (uint##bits##_t)(a / b);                                          \
	}                                                                                          \
	static inline uint##bits##_t srem_##bits(int##bits##_t a, int##bits##_t b)                 \
	{                                                                                          \
		if (!b)                                                                            \
			return (uint##bits##_t)-1;                                                 \
		return b == -1 ? 0 : (uint##bits##_t)(a % b);                                      \
	}

DIVIDE(16)
DIVIDE(32)
DIVIDE(64)

OP2(div_u16, u16, u16, u16, udiv_16(U16(a), U16(b)))
OP2(div_s16, u16, u16, u16, sdiv_16((int16_t)a, (int16_t)b))
OP2(div_u32, uint32_t, uint32_t, uint32_t, udiv_32(a, b))
OP2(div_s32, uint32_t, int32_t, int32_t, sdiv_32(a, b))
OP2(div_u64, uint64_t, uint64_t, uint64_t, udiv_64(a, b))
OP2(div_s64, uint64_t, int64_t, int64_t, sdiv_64(a, b))
OP2(rem_u16, u16, u16, u16, urem_16(U16(a), U16(b)))
OP2(rem_s16, u16, u16, u16, srem_16((int16_t)a, (int16_t)b))
OP2(rem_u32, uint32_t, uint32_t, uint32_t, urem_32(a, b))
OP2(rem_s32, uint32_t, int32_t, int32_t, srem_32(a, b))
OP2(rem_u64, uint64_t, uint64_t, uint64_t, urem_64(a, b))
OP2(rem_s64, uint64_t, int64_t, int64_t, srem_64(a, b))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
OP2(min_u16, u16, u16, u16, MIN(U16(a), U16(b)))
OP2(min_s16, u16, u16, u16, U16(MIN(S16(a), S16(b))))
OP2(min_u32, uint32_t, uint32_t, uint32_t, MIN(a, b))
OP2(min_s32, int32_t, int32_t, int32_t, MIN(a, b))
OP2(min_u64, uint64_t, uint64_t, uint64_t, MIN(a, b))
OP2(min_s64, int64_t, int64_t, int64_t, MIN(a, b))
OP2(max_u16, u16, u16, u16, MAX(U16(a), U16(b)))
OP2(max_s16, u16, u16, u16, U16(MAX(S16(a), S16(b))))
OP2(max_u32, uint32_t, uint32_t, uint32_t, MAX(a, b))
OP2(max_s32, int32_t, int32_t, int32_t, MAX(a, b))
OP2(max_u64, uint64_t, uint64_t, uint64_t, MAX(a, b))
OP2(max_s64, int64_t, int64_t, int64_t, MAX(a, b))
OP2(min_s32_relu, int32_t, int32_t, int32_t, MAX(MIN(a, b), 0))
OP2(max_s32_relu, int32_t, int32_t, int32_t, MAX(MAX(a, b), 0))

#define PAIR(low, high) (U16(low) | (uint32_t)U16(high) << 16)
OP2(min_u16x2, uint32_t, uint32_t, uint32_t, PAIR(MIN(U16(a), U16(b)), MIN(a >> 16, b >> 16)))
OP2(max_u16x2, uint32_t, uint32_t, uint32_t, PAIR(MAX(U16(a), U16(b)), MAX(a >> 16, b >> 16)))
OP2(min_s16x2, uint32_t, uint32_t, uint32_t,
	PAIR(MIN(S16(a), S16(b)), MIN(S16(a >> 16), S16(b >> 16))))
OP2(max_s16x2, uint32_t, uint32_t, uint32_t,
	PAIR(MAX(S16(a), S16(b)), MAX(S16(a >> 16), S16(b >> 16))))

OP1(abs_s16, u16, u16, U16(S16(a) < 0 ? 0 - a : a))
OP1(abs_s32, uint32_t, uint32_t, (int32_t)a < 0 ? 0 - a : a)
OP1(abs_s64, uint64_t, uint64_t, (int64_t)a < 0 ? 0 - a : a)
OP1(neg_16, u16, u16, U16(0 - a))
OP1(neg_32, uint32_t, uint32_t, 0 - a)
OP1(neg_64, uint64_t, uint64_t, 0 - a)

OP3(sad_u16, u16, u16, u16, u16, U16(c + (U16(a) < U16(b) ? b - a : a - b)))
OP3(sad_s16, u16, u16, u16, u16, U16(c + (S16(a) < S16(b) ? b - a : a - b)))
OP3(sad_u32, uint32_t, uint32_t, uint32_t, uint32_t, c + (a < b ? b - a : a - b))
OP3(sad_s32, uint32_t, uint32_t, uint32_t, uint32_t,
	c + ((int32_t)a < (int32_t)b ? b - a : a - b))
OP3(sad_u64, uint64_t, uint64_t, uint64_t, uint64_t, c + (a < b ? b - a : a - b))
OP3(sad_s64, uint64_t, uint64_t, uint64_t, uint64_t,
	c + ((int64_t)a < (int64_t)b ? b - a : a - b))

const struct rule rules_integer[] = {
	{"add.<s32|u32>", "Www", add_32},
	{"add.<s64|u64>", "Lll", add_64},
	{"add.<s16|u16>", "Hhh", add_16},
	{"add.<s16x2|u16x2>", "Www", add_16x2},
	{"add.sat.s32", "Www", add_sat},
	{"sub.<s32|u32>", "Www", sub_32},
	{"sub.<s64|u64>", "Lll", sub_64},
	{"sub.<s16|u16>", "Hhh", sub_16},
	{"sub.sat.s32", "Www", sub_sat},
	{"mul.lo.<s32|u32>", "Www", mul_32},
	{"mul.lo.<s64|u64>", "Lll", mul_64},
	{"mul.lo.<s16|u16>", "Hhh", mul_16},
	{"mul.wide.s32", "Lww", mul_wide_s32},
	{"mul.wide.u32", "Lww", mul_wide_u32},
	{"mul.wide.s16", "Whh", mul_wide_s16},
	{"mul.wide.u16", "Whh", mul_wide_u16},
	{"mul.hi.s32", "Www", mul_hi_s32},
	{"mul.hi.u32", "Www", mul_hi_u32},
	{"mul.hi.s64", "Lll", mul_hi_s64},
	{"mul.hi.u64", "Lll", mul_hi_u64},
	{"mul.hi.s16", "Hhh", mul_hi_s16},
	{"mul.hi.u16", "Hhh", mul_hi_u16},
	{"mad.lo.<s32|u32>", "Wwww", mad_32},
	{"mad.lo.<s64|u64>", "Llll", mad_64},
	{"mad.lo.<s16|u16>", "Hhhh", mad_16},
	{"mad.wide.s32", "Lwwl", mad_wide_s32},
	{"mad.wide.u32", "Lwwl", mad_wide_u32},
	{"mad.wide.s16", "Whhw", mad_wide_s16},
	{"mad.wide.u16", "Whhw", mad_wide_u16},
	{"mad.hi.s32", "Wwww", mad_hi_s32},
	{"mad.hi.u32", "Wwww", mad_hi_u32},
	{"mad.hi.sat.s32", "Wwww", mad_hi_sat},
	{"mad.hi.s64", "Llll", mad_hi_s64},
	{"mad.hi.u64", "Llll", mad_hi_u64},
	{"mad.hi.s16", "Hhhh", mad_hi_s16},
	{"mad.hi.u16", "Hhhh", mad_hi_u16},
	{"mul24.lo.u32", "Www", mul24_lo_u32},
	{"mul24.lo.s32", "Www", mul24_lo_s32},
	{"mul24.hi.u32", "Www", mul24_hi_u32},
	{"mul24.hi.s32", "Www", mul24_hi_s32},
	{"mad24.lo.u32", "Wwww", mad24_lo_u32},
	{"mad24.lo.s32", "Wwww", mad24_lo_s32},
	{"mad24.hi.u32", "Wwww", mad24_hi_u32},
	{"mad24.hi.s32", "Wwww", mad24_hi_s32},
	{"div.u32", "Www", div_u32}, {"div.s32", "Www", div_s32},
	{"div.u64", "Lll", div_u64}, {"div.s64", "Lll", div_s64},
	{"div.u16", "Hhh", div_u16}, {"div.s16", "Hhh", div_s16},
	{"rem.u32", "Www", rem_u32}, {"rem.s32", "Www", rem_s32},
	{"rem.u64", "Lll", rem_u64}, {"rem.s64", "Lll", rem_s64},
	{"rem.u16", "Hhh", rem_u16}, {"rem.s16", "Hhh", rem_s16},
	{"min.u32", "Www", min_u32}, {"min.s32", "Www", min_s32},
	{"min.u64", "Lll", min_u64}, {"min.s64", "Lll", min_s64},
	{"min.u16", "Hhh", min_u16}, {"min.s16", "Hhh", min_s16},
	{"min.u16x2", "Www", min_u16x2}, {"min.s16x2", "Www", min_s16x2},
	{"min.relu.s32", "Www", min_s32_relu},
	{"max.u32", "Www", max_u32}, {"max.s32", "Www", max_s32},
	{"max.u64", "Lll", max_u64}, {"max.s64", "Lll", max_s64},
	{"max.u16", "Hhh", max_u16}, {"max.s16", "Hhh", max_s16},
	{"max.u16x2", "Www", max_u16x2}, {"max.s16x2", "Www", max_s16x2},
	{"max.relu.s32", "Www", max_s32_relu},
	{"abs.s16", "Hh", abs_s16}, {"abs.s32", "Ww", abs_s32}, {"abs.s64", "Ll", abs_s64},
	{"neg.s16", "Hh", neg_16}, {"neg.s32", "Ww", neg_32}, {"neg.s64", "Ll", neg_64},
	{"sad.u16", "Hhhh", sad_u16}, {"sad.s16", "Hhhh", sad_s16},
	{"sad.u32", "Wwww", sad_u32}, {"sad.s32", "Wwww", sad_s32},
	{"sad.u64", "Llll", sad_u64}, {"sad.s64", "Llll", sad_s64},
	RULES_END
};
