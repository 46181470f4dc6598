/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PTX's modifiers do to a floating-point operation: the host's rounding
 * mode for its time, and its result flushed, clamped and with the one NaN that
 * a GPU makes.
 */
#ifndef PTX_ROUND_H
#define PTX_ROUND_H

#include <fenv.h>

#include "ptx_half.h"

static inline void round_begin(const struct insn *i)
{
	static const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD,
		FE_TONEAREST};

	if (i->round != ROUND_NEAREST)
		fesetround(modes[i->round]);
}

static inline void round_end(const struct insn *i)
{
	if (i->round != ROUND_NEAREST)
		fesetround(FE_TONEAREST);
}

static inline float flush(float v)
{
	uint32_t bits = bits_of(v);

	return float_of(bits & 0x7f800000 ? bits : bits & 0x80000000);
}

/* An input under the instruction's flags. */
static inline float taken(const struct insn *i, float v)
{
	return i->flags & FLAG_FTZ ? flush(v) : v;
}

static inline uint32_t canonical(float v)
{
	return v != v ? FLOAT_NAN : bits_of(v);
}

static inline float clamp(float v)
{
	return v > 0 ? (v < 1 ? v : 1) : 0;
}

/* A result under the instruction's flags, as bits. */
static inline uint32_t settled(const struct insn *i, float v)
{
	if (i->flags & FLAG_FTZ)
		v = flush(v);
	if (i->flags & FLAG_SAT)
		v = clamp(v);
	return canonical(v);
}

#endif
