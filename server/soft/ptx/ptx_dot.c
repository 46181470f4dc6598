/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products of bytes and of halves of words with bytes. */
#include "ptx_lane.h"
#include "ptx_parser.h"

enum { A_SIGNED = 1, B_SIGNED = 2, B_HIGH = 4 };

static inline int32_t byte_of(uint32_t v, unsigned n, bool is_signed)
{
	uint32_t byte = v >> n * 8 & 0xff;

	return is_signed ? (int32_t)(int8_t)byte : (int32_t)byte;
}

static inline int32_t half_of_word(uint32_t v, unsigned n, bool is_signed)
{
	uint32_t half = v >> n * 16 & 0xffff;

	return is_signed ? (int32_t)(int16_t)half : (int32_t)half;
}

static inline uint32_t dot4(uint32_t a, uint32_t b, uint32_t c, unsigned how)
{
	for (unsigned n = 0; n < 4; n++)
		c += (uint32_t)(byte_of(a, n, how & A_SIGNED) * byte_of(b, n, how & B_SIGNED));
	return c;
}

static inline uint32_t dot2(uint32_t a, uint32_t b, uint32_t c, unsigned how)
{
	unsigned first = how & B_HIGH ? 2 : 0;

	for (unsigned n = 0; n < 2; n++)
		c += (uint32_t)half_of_word(a, n, how & A_SIGNED) *
		     (uint32_t)byte_of(b, first + n, how & B_SIGNED);
	return c;
}

OP3(dp4a, uint32_t, uint32_t, uint32_t, uint32_t, dot4(a, b, c, i->extra))
OP3(dp2a, uint32_t, uint32_t, uint32_t, uint32_t, dot2(a, b, c, i->extra))

#define DOT(signs, how)                                                                            \
	{"dp4a." signs, "Wwww", dp4a, how}, {"dp2a.lo." signs, "Wwww", dp2a, how},                 \
	{"dp2a.hi." signs, "Wwww", dp2a, (how) | B_HIGH}

const struct rule rules_dot[] = {
	DOT("u32.u32", 0),
	DOT("s32.u32", A_SIGNED),
	DOT("u32.s32", B_SIGNED),
	DOT("s32.s32", A_SIGNED | B_SIGNED),
	RULES_END
};
