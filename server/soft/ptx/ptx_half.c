/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic of 16-bit floats, single and in pairs. An operation is done in
 * doubles, which hold the exact result or one rounded to odd, and is then
 * rounded once to its format.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"
#include "ptx_round.h"

/* How the fraction's cut-off part rounds: 1 up, 0 down. */
static unsigned rounds_up(uint64_t kept, uint64_t rest, uint64_t half, bool negative,
	enum rounding round)
{
	switch (round) {
	case ROUND_NEAREST:
		return rest > half || (rest == half && (kept & 1));
	case ROUND_AWAY:
		return rest >= half;
	case ROUND_DOWN:
		return rest && negative;
	case ROUND_UP:
		return rest && !negative;
	case ROUND_ZERO:
		break;
	}
	return 0;
}

uint32_t narrow(double v, unsigned fraction, int lowest, uint32_t largest, enum rounding round)
{
	uint64_t bits = bits_of_double(v), mantissa = bits & 0xfffffffffffff, kept;
	uint32_t sign = (uint32_t)(bits >> 63) << 15;
	int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
	unsigned shift = 52 - fraction;

	if (exponent == 1024)
		return mantissa ? HALF_NAN : sign | (largest + 1);
	if (exponent == -1023 && !mantissa)
		return sign;
	mantissa |= 1ull << 52;
	if (exponent < lowest) {
		shift += (unsigned)(lowest - exponent);
		if (shift > 54)
			shift = 54;
		exponent = lowest - 1;
	}
	kept = mantissa >> shift;
	kept += rounds_up(kept, mantissa & ((1ull << shift) - 1), 1ull << (shift - 1), sign != 0,
		round);
	if (exponent >= lowest)
		kept += (uint64_t)(exponent - lowest) << fraction;
	if (kept <= largest)
		return sign | (uint32_t)kept;
	return sign | (largest + (round == ROUND_NEAREST || round == ROUND_AWAY ||
				  (round == ROUND_DOWN && sign) || (round == ROUND_UP && !sign)));
}

/* a * b + c with the last bit set if anything was lost: rounds right later. */
static double fused(double a, double b, double c)
{
	double product = a * b, sum = product + c, big, lost;
	uint64_t bits = bits_of_double(sum);

	if (!isfinite(sum))
		return sum;
	big = sum - product;
	lost = (product - (sum - big)) + (c - big);
	if (lost == 0 || (bits & 1))
		return sum;
	return double_of((lost > 0) == (sum > 0) ? bits + 1 : bits - 1);
}

static inline double pick(const struct insn *i, double a, double b, bool maximum)
{
	bool negative = (signbit(a) != 0) != (signbit(b) != 0), first;

	if ((i->flags & FLAG_NAN) && (a != a || b != b))
		return NAN;
	if (i->flags & FLAG_ABS) {
		double r = maximum ? fmax(fabs(a), fabs(b)) : fmin(fabs(a), fabs(b));

		return negative ? -r : r;
	}
	if (a != a || b != b)
		return a != a ? b : a;
	first = a == b ? (signbit(a) != 0) != maximum : (a < b) != maximum;
	return first ? a : b;
}

/* FTZ, SAT and RELU on the way in and out of one half. */
static inline double half_in(const struct insn *i, uint32_t h)
{
	if ((i->flags & FLAG_FTZ) && !(h & 0x7c00))
		h &= 0x8000;
	return half_to_float(h & 0xffff);
}

static inline double adjust(const struct insn *i, double v)
{
	if (i->flags & FLAG_SAT)
		v = v > 0 ? (v < 1 ? v : 1) : 0;
	if ((i->flags & FLAG_RELU) && v <= 0)
		v = 0;
	return v;
}

static inline uint32_t half_out(const struct insn *i, double v)
{
	/* What is too small before it is rounded is flushed. */
	if ((i->flags & FLAG_FTZ) && fabs(v) < 0x1p-14)
		v = copysign(0, v);
	return half_of(adjust(i, v), ROUND_NEAREST);
}

static inline double brain_in(const struct insn *i, uint32_t b)
{
	return brain_to_float(b & 0xffff);
}

static inline uint32_t brain_out(const struct insn *i, double v)
{
	return brain_of(adjust(i, v), ROUND_NEAREST);
}

/* One operation for both formats, single and in pairs. */
#define FORMS(name, in, out, expression)                                                           \
	static inline uint32_t name##_one(const struct insn *i, uint32_t x, uint32_t y,           \
		uint32_t z)                                                                        \
	{                                                                                          \
		double a = in(i, x), b = in(i, y), c = in(i, z);                                   \
		(void)a, (void)b, (void)c;                                                         \
		return out(i, expression);                                                         \
	}                                                                                          \
	OP3(name, uint32_t, uint32_t, uint32_t, uint32_t, name##_one(i, a, b, c))                  \
	OP3(name##x2, uint32_t, uint32_t, uint32_t, uint32_t,                                      \
		name##_one(i, a, b, c) | name##_one(i, a >> 16, b >> 16, c >> 16) << 16)

#define OPERATIONS(format, in, out)                                                                \
	FORMS(format##_add, in, out, fused(a, 1, b))                                               \
	FORMS(format##_sub, in, out, fused(b, -1, a))                                              \
	FORMS(format##_mul, in, out, a * b)                                                        \
	FORMS(format##_fma, in, out, fused(a, b, c))                                               \
	FORMS(format##_min, in, out, pick(i, a, b, false))                                         \
	FORMS(format##_max, in, out, pick(i, a, b, true))

OPERATIONS(f16, half_in, half_out)
OPERATIONS(bf16, brain_in, brain_out)

/* Neither the sign nor anything else of a NaN is kept. */
static inline uint32_t with_sign(uint32_t h, uint32_t sign, uint32_t infinity)
{
	return (h & 0x7fff) > infinity ? HALF_NAN : ((h & 0x7fff) | (sign & 0x8000));
}

/* extra is the infinity of the format. */
OP1(neg_one, uint32_t, uint32_t, with_sign(a, ~a, i->extra << 7))
OP1(neg_two, uint32_t, uint32_t,
	with_sign(a, ~a, i->extra << 7) | with_sign(a >> 16, ~a >> 16, i->extra << 7) << 16)
OP1(abs_one, uint32_t, uint32_t, with_sign(a, 0, i->extra << 7))
OP1(abs_two, uint32_t, uint32_t,
	with_sign(a, 0, i->extra << 7) | with_sign(a >> 16, 0, i->extra << 7) << 16)

#define HALF_INFINITY (0x7c00 >> 7)
#define BRAIN_INFINITY (0x7f80 >> 7)

#define RULES(operation, type, modifiers, name)                                                    \
	{operation modifiers type, "Hhh", name}, {operation modifiers type "x2", "Www", name##x2}
#define RULES3(operation, type, modifiers, name)                                                   \
	{operation modifiers type, "Hhhh", name}, {operation modifiers type "x2", "Wwww", name##x2}

const struct rule rules_half[] = {
	RULES("add", "f16", ".{rn}.{ftz}.{sat}.", f16_add),
	RULES("sub", "f16", ".{rn}.{ftz}.{sat}.", f16_sub),
	RULES("mul", "f16", ".{rn}.{ftz}.{sat}.", f16_mul),
	RULES3("fma.rn", "f16", ".{ftz}.{sat}.{relu}.", f16_fma),
	RULES("min", "f16", ".{ftz}.{NaN}.{xorsign}.{abs}.", f16_min),
	RULES("max", "f16", ".{ftz}.{NaN}.{xorsign}.{abs}.", f16_max),
	RULES("add", "bf16", ".{rn}.", bf16_add),
	RULES("sub", "bf16", ".{rn}.", bf16_sub),
	RULES("mul", "bf16", ".{rn}.", bf16_mul),
	RULES3("fma.rn", "bf16", ".{relu}.", bf16_fma),
	RULES("min", "bf16", ".{NaN}.{xorsign}.{abs}.", bf16_min),
	RULES("max", "bf16", ".{NaN}.{xorsign}.{abs}.", bf16_max),
	{"neg.{ftz}.f16", "Hh", neg_one, HALF_INFINITY},
	{"neg.{ftz}.f16x2", "Ww", neg_two, HALF_INFINITY},
	{"neg.bf16", "Hh", neg_one, BRAIN_INFINITY},
	{"neg.bf16x2", "Ww", neg_two, BRAIN_INFINITY},
	{"abs.{ftz}.f16", "Hh", abs_one, HALF_INFINITY},
	{"abs.{ftz}.f16x2", "Ww", abs_two, HALF_INFINITY},
	{"abs.bf16", "Hh", abs_one, BRAIN_INFINITY},
	{"abs.bf16x2", "Ww", abs_two, BRAIN_INFINITY},
	RULES_END
};
