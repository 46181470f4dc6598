/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of 64-bit floats, which PTX neither flushes nor clamps. */
#include "ptx_lane.h"
#include "ptx_parser.h"
#include "ptx_round.h"

#define SIGN 0x8000000000000000

/* Of several inputs that are no numbers the result is b, of a * b + c
 * then c. */
static inline double quiet(double v)
{
	return double_of(bits_of_double(v) | 0x0008000000000000);
}

#define LAST_NAN(b, r) ((b) != (b) ? quiet(b) : (r))

OP2(add, double, double, double, LAST_NAN(b, a + b))
OP2(sub, double, double, double, LAST_NAN(b, a - b))
OP2(mul, double, double, double, LAST_NAN(b, a * b))
OP2(divide, double, double, double, a / b)
OP3(multiply_add, double, double, double, double, LAST_NAN(b, LAST_NAN(c, fma(a, b, c))))
#if defined(__x86_64__)
/* The same with an instruction for it, which not every processor has. */
__attribute__((target("avx2,fma"))) OP3(multiply_add_quick, double, double, double, double,
	LAST_NAN(b, LAST_NAN(c, __builtin_fma(a, b, c))))
#define HAVE_QUICK __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")
#else
#define multiply_add_quick multiply_add
#define HAVE_QUICK false
#endif

static void build_multiply_add(struct parser *p, const struct rule *r, struct insn *i)
{
	operands_parse(p, "Dddd", i);
	i->run = HAVE_QUICK ? multiply_add_quick : multiply_add;
}

OP1(square_root, double, double, sqrt(a))
OP1(negate, double, double, LAST_NAN(a, -a))
OP1(absolute, double, double, LAST_NAN(a, fabs(a)))
OP2(copysign_f64, uint64_t, uint64_t, uint64_t, (a & SIGN) | (b & ~SIGN))

#define GENERAL(name, expression)                                                                  \
	HANDLER(name)                                                                              \
	{                                                                                          \
		double *d = column(w, i->d);                                                       \
		const double *pa = column(w, i->a), *pb = column(w, i->b), *pc = column(w, i->c);  \
		round_begin(i);                                                                    \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			double a = pa[l], b = pb[l], c = pc[l];                                    \
			(void)b, (void)c;                                                          \
			d[l] = expression;                                                         \
		}                                                                                  \
		round_end(i);                                                                      \
		return i + 1;                                                                      \
	}

/* Only the upper half of the approximations' result is said to be good. */
static inline double upper(double v)
{
	return double_of(bits_of_double(v) & 0xffffffff00000000);
}

/* A subnormal input or result of theirs is zero. */
static inline double flush_double(double v)
{
	uint64_t bits = bits_of_double(v);

	return double_of(bits & 0x7ff0000000000000 ? bits : bits & SIGN);
}

GENERAL(add_any, LAST_NAN(b, a + b))
GENERAL(sub_any, LAST_NAN(b, a - b))
GENERAL(mul_any, LAST_NAN(b, a * b))
GENERAL(fma_any, LAST_NAN(b, LAST_NAN(c, fma(a, b, c))))
GENERAL(div_any, a / b)
GENERAL(rcp_any, 1 / a)
GENERAL(sqrt_any, sqrt(a))
GENERAL(rcp_approx, flush_double(upper(1 / flush_double(a))))
GENERAL(rsqrt_approx, upper(1 / sqrt(flush_double(a))))

static inline double lesser(double a, double b)
{
	if (a != a || b != b)
		return a != a ? b : a;
	if (a == b)
		return signbit(a) ? a : b;
	return a < b ? a : b;
}

GENERAL(min_f64, lesser(a, b))
GENERAL(max_f64, -lesser(-a, -b))

enum property { IS_FINITE, IS_INFINITE, IS_NUMBER, IS_NAN, IS_NORMAL, IS_SUBNORMAL };

static bool has_property(double v, unsigned property)
{
	int class = fpclassify(v);

	switch (property) {
	case IS_FINITE:
		return class != FP_INFINITE && class != FP_NAN;
	case IS_INFINITE:
		return class == FP_INFINITE;
	case IS_NUMBER:
		return class != FP_NAN;
	case IS_NAN:
		return class == FP_NAN;
	case IS_NORMAL:
		return class == FP_NORMAL || class == FP_ZERO;
	}
	return class == FP_SUBNORMAL;
}

HANDLER(test_property)
{
	const double *a = column(w, i->a);
	uint32_t r = 0;

	for (unsigned l = 0; l < WARP_LANES; l++)
		r |= (uint32_t)has_property(a[l], i->extra) << l;
	predicate_set(w, i->d, lanes, r);
	return i + 1;
}

const struct rule rules_double[] = {
	{"add.f64", "Ddd", add}, {"add.rn.f64", "Ddd", add}, {"add.$rnd.f64", "Ddd", add_any},
	{"sub.f64", "Ddd", sub}, {"sub.rn.f64", "Ddd", sub}, {"sub.$rnd.f64", "Ddd", sub_any},
	{"mul.f64", "Ddd", mul}, {"mul.rn.f64", "Ddd", mul}, {"mul.$rnd.f64", "Ddd", mul_any},
	{"fma.rn.f64", NULL, NULL, 0, build_multiply_add},
	{"mad.rn.f64", NULL, NULL, 0, build_multiply_add},
	{"fma.$rnd.f64", "Dddd", fma_any},
	{"mad.$rnd.f64", "Dddd", fma_any},
	{"div.rn.f64", "Ddd", divide}, {"div.$rnd.f64", "Ddd", div_any},
	{"rcp.$rnd.f64", "Dd", rcp_any}, {"rcp.approx.ftz.f64", "Dd", rcp_approx},
	{"sqrt.rn.f64", "Dd", square_root}, {"sqrt.$rnd.f64", "Dd", sqrt_any},
	{"rsqrt.approx.{ftz}.f64", "Dd", rsqrt_approx},
	{"neg.f64", "Dd", negate}, {"abs.f64", "Dd", absolute},
	{"copysign.f64", "Ddd", copysign_f64},
	{"min.f64", "Ddd", min_f64}, {"max.f64", "Ddd", max_f64},
	{"testp.finite.f64", "Pd", test_property, IS_FINITE},
	{"testp.infinite.f64", "Pd", test_property, IS_INFINITE},
	{"testp.number.f64", "Pd", test_property, IS_NUMBER},
	{"testp.notanumber.f64", "Pd", test_property, IS_NAN},
	{"testp.normal.f64", "Pd", test_property, IS_NORMAL},
	{"testp.subnormal.f64", "Pd", test_property, IS_SUBNORMAL},
	RULES_END
};
