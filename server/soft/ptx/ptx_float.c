/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic of 32-bit floats. The usual forms have handlers of their own; the
 * rest, with another rounding or flushing or clamping, share general ones.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"
#include "ptx_round.h"

OP2(add, uint32_t, float, float, canonical(a + b))
OP2(sub, uint32_t, float, float, canonical(a - b))
OP2(mul, uint32_t, float, float, canonical(a * b))
OP2(divide, uint32_t, float, float, canonical(a / b))
OP3(multiply_add, uint32_t, float, float, float, canonical(fmaf(a, b, c)))
#if defined(__x86_64__)
/* The same with an instruction for it, which not every processor has. */
__attribute__((target("avx2,fma"))) OP3(multiply_add_quick, uint32_t, float, float, float,
	canonical(__builtin_fmaf(a, b, c)))
#define HAVE_QUICK __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")
#else
#define multiply_add_quick multiply_add
#define HAVE_QUICK false
#endif

static void build_multiply_add(struct parser *p, const struct rule *r, struct insn *i)
{
	operands_parse(p, "Ffff", i);
	i->run = HAVE_QUICK ? multiply_add_quick : multiply_add;
}

OP1(negate, uint32_t, float, canonical(-a))
OP1(absolute, uint32_t, float, canonical(fabsf(a)))
OP2(copysign_f32, uint32_t, uint32_t, uint32_t, (a & 0x80000000) | (b & 0x7fffffff))

/*
 * .ftz flushes what was too small before it was rounded: a result that just
 * became the smallest normal number counts as subnormal. @exact is the result
 * as a double, where rounding may do so.
 */
static inline uint32_t settled_exactly(const struct insn *i, float v, double exact)
{
	if ((i->flags & FLAG_FTZ) && fabs(exact) < 0x1p-126)
		v = copysignf(0, v);
	return settled(i, v);
}

#define GENERAL(name, expression) GENERAL_EXACT(name, expression, 1.0)
#define GENERAL_EXACT(name, expression, exact)                                                     \
	HANDLER(name)                                                                              \
	{                                                                                          \
		uint32_t *d = column(w, i->d);                                                     \
		const float *pa = column(w, i->a), *pb = column(w, i->b), *pc = column(w, i->c);   \
		round_begin(i);                                                                    \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			float a = taken(i, pa[l]), b = taken(i, pb[l]), c = taken(i, pc[l]);       \
			(void)b, (void)c;                                                          \
			d[l] = settled_exactly(i, expression, exact);                              \
		}                                                                                  \
		round_end(i);                                                                      \
		return i + 1;                                                                      \
	}

GENERAL(add_any, a + b)
GENERAL(sub_any, a - b)
GENERAL_EXACT(mul_any, a * b, (double)a * b)
GENERAL_EXACT(fma_any, fmaf(a, b, c), fma((double)a, (double)b, (double)c))
GENERAL_EXACT(div_any, a / b, (double)a / b)
GENERAL(rcp_any, 1 / a)
GENERAL(sqrt_any, sqrtf(a))
GENERAL(rsqrt_any, (float)(1 / sqrt((double)a)))
GENERAL(neg_any, -a)
GENERAL(abs_any, fabsf(a))

/* The number of two if one is none; -0 is less than 0. */
static inline float lesser(float a, float b)
{
	if (a != a || b != b)
		return a != a ? b : a;
	if (a == b)
		return signbit(a) ? a : b;
	return a < b ? a : b;
}

static inline float choose(const struct insn *i, float a, float b)
{
	float r;

	if ((i->flags & FLAG_NAN) && (a != a || b != b))
		return NAN;
	if (!(i->flags & FLAG_ABS))
		return i->extra ? -lesser(-a, -b) : lesser(a, b);
	r = i->extra ? -lesser(-fabsf(a), -fabsf(b)) : lesser(fabsf(a), fabsf(b));
	return (signbit(a) != 0) != (signbit(b) != 0) ? -r : r;
}

GENERAL(choose_any, choose(i, a, b))

enum property { IS_FINITE, IS_INFINITE, IS_NUMBER, IS_NAN, IS_NORMAL, IS_SUBNORMAL };

static bool has_property(uint32_t bits, unsigned property)
{
	uint32_t magnitude = bits & 0x7fffffff;

	switch (property) {
	case IS_FINITE:
		return magnitude < 0x7f800000;
	case IS_INFINITE:
		return magnitude == 0x7f800000;
	case IS_NUMBER:
		return magnitude <= 0x7f800000;
	case IS_NAN:
		return magnitude > 0x7f800000;
	case IS_NORMAL:
		return !magnitude || (magnitude >= 0x800000 && magnitude < 0x7f800000);
	}
	return magnitude && magnitude < 0x800000;
}

HANDLER(test_property)
{
	const uint32_t *a = column(w, i->a);
	uint32_t r = 0;

	for (unsigned l = 0; l < WARP_LANES; l++)
		r |= (uint32_t)has_property(a[l], i->extra) << l;
	predicate_set(w, i->d, lanes, r);
	return i + 1;
}

const struct rule rules_float[] = {
	{"add.f32", "Fff", add}, {"add.rn.f32", "Fff", add},
	{"sub.f32", "Fff", sub}, {"sub.rn.f32", "Fff", sub},
	{"mul.f32", "Fff", mul}, {"mul.rn.f32", "Fff", mul},
	{"fma.rn.f32", NULL, NULL, 0, build_multiply_add},
	{"mad.rn.f32", NULL, NULL, 0, build_multiply_add},
	{"mad.f32", NULL, NULL, 0, build_multiply_add},
	{"add.{rnd}.{ftz}.{sat}.f32", "Fff", add_any},
	{"sub.{rnd}.{ftz}.{sat}.f32", "Fff", sub_any},
	{"mul.{rnd}.{ftz}.{sat}.f32", "Fff", mul_any},
	{"fma.$rnd.{ftz}.{sat}.f32", "Ffff", fma_any},
	{"mad.{rnd}.{ftz}.{sat}.f32", "Ffff", fma_any},
	{"div.rn.f32", "Fff", divide}, {"div.approx.f32", "Fff", divide},
	{"div.full.f32", "Fff", divide},
	{"div.approx.{ftz}.f32", "Fff", div_any}, {"div.full.{ftz}.f32", "Fff", div_any},
	{"div.$rnd.{ftz}.f32", "Fff", div_any},
	{"rcp.approx.{ftz}.f32", "Ff", rcp_any}, {"rcp.$rnd.{ftz}.f32", "Ff", rcp_any},
	{"sqrt.approx.{ftz}.f32", "Ff", sqrt_any}, {"sqrt.$rnd.{ftz}.f32", "Ff", sqrt_any},
	{"rsqrt.approx.{ftz}.f32.{ftz}", "Ff", rsqrt_any},
	{"neg.f32", "Ff", negate}, {"neg.{ftz}.f32", "Ff", neg_any},
	{"abs.f32", "Ff", absolute}, {"abs.{ftz}.f32", "Ff", abs_any},
	{"copysign.f32", "Fff", copysign_f32},
	{"min.{ftz}.{NaN}.{xorsign}.{abs}.f32", "Fff", choose_any, 0},
	{"max.{ftz}.{NaN}.{xorsign}.{abs}.f32", "Fff", choose_any, 1},
	{"testp.finite.f32", "Pf", test_property, IS_FINITE},
	{"testp.infinite.f32", "Pf", test_property, IS_INFINITE},
	{"testp.number.f32", "Pf", test_property, IS_NUMBER},
	{"testp.notanumber.f32", "Pf", test_property, IS_NAN},
	{"testp.normal.f32", "Pf", test_property, IS_NORMAL},
	{"testp.subnormal.f32", "Pf", test_property, IS_SUBNORMAL},
	RULES_END
};
