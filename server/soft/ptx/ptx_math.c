/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approximations: sines, exponentials and logarithms as good as the host's
 * library makes them, which is at least as good as a GPU's but not the same in
 * the last bits.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"
#include "ptx_round.h"

#define APPROXIMATE(name, expression)                                                              \
	HANDLER(name)                                                                              \
	{                                                                                          \
		uint32_t *d = column(w, i->d);                                                     \
		const float *pa = column(w, i->a);                                                 \
		LANES(lanes, l, const float a = taken(i, pa[l]); d[l] = settled(i, expression));   \
		return i + 1;                                                                      \
	}

APPROXIMATE(sine, sinf(a))
APPROXIMATE(cosine, cosf(a))
APPROXIMATE(power, exp2f(a))
APPROXIMATE(logarithm, log2f(a))
APPROXIMATE(tangent, tanhf(a))

#define LOW(v) half_to_float((v) & 0xffff)
#define HIGH(v) half_to_float((v) >> 16)
#define PACK(low, high) (half_of(low, ROUND_NEAREST) | half_of(high, ROUND_NEAREST) << 16)
OP1(power_f16, uint32_t, uint32_t, half_of(exp2(LOW(a)), ROUND_NEAREST))
OP1(power_f16x2, uint32_t, uint32_t, PACK(exp2(LOW(a)), exp2(HIGH(a))))
OP1(tangent_f16, uint32_t, uint32_t, half_of(tanh(LOW(a)), ROUND_NEAREST))
OP1(tangent_f16x2, uint32_t, uint32_t, PACK(tanh(LOW(a)), tanh(HIGH(a))))

#define BRAIN_LOW(v) brain_to_float((v) & 0xffff)
#define BRAIN_HIGH(v) brain_to_float((v) >> 16)
#define BRAINS(low, high) (brain_of(low, ROUND_NEAREST) | brain_of(high, ROUND_NEAREST) << 16)
OP1(power_bf16, uint32_t, uint32_t, brain_of(exp2(BRAIN_LOW(a)), ROUND_NEAREST))
OP1(power_bf16x2, uint32_t, uint32_t, BRAINS(exp2(BRAIN_LOW(a)), exp2(BRAIN_HIGH(a))))
OP1(tangent_bf16, uint32_t, uint32_t, brain_of(tanh(BRAIN_LOW(a)), ROUND_NEAREST))
OP1(tangent_bf16x2, uint32_t, uint32_t, BRAINS(tanh(BRAIN_LOW(a)), tanh(BRAIN_HIGH(a))))

const struct rule rules_math[] = {
	{"sin.approx.{ftz}.f32.{ftz}", "Ff", sine},
	{"cos.approx.{ftz}.f32.{ftz}", "Ff", cosine},
	{"ex2.approx.{ftz}.f32.{ftz}", "Ff", power},
	{"lg2.approx.{ftz}.f32.{ftz}", "Ff", logarithm},
	{"tanh.approx.f32", "Ff", tangent},
	{"ex2.approx.f16", "Hh", power_f16},
	{"ex2.approx.f16x2", "Ww", power_f16x2},
	{"tanh.approx.f16", "Hh", tangent_f16},
	{"tanh.approx.f16x2", "Ww", tangent_f16x2},
	{"ex2.approx.ftz.bf16", "Hh", power_bf16},
	{"ex2.approx.ftz.bf16x2", "Ww", power_bf16x2},
	{"tanh.approx.bf16", "Hh", tangent_bf16},
	{"tanh.approx.bf16x2", "Ww", tangent_bf16x2},
	RULES_END
};
