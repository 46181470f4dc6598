/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Video instructions on vectors of two halves or four bytes: each element is
 * computed exactly and clamped or cut off, or all of them are added to c. Only
 * the forms that take elements in order and write all of them.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"

enum operation { VIDEO_ADD, VIDEO_SUB, VIDEO_AVERAGE, VIDEO_DIFFERENCE, VIDEO_MIN, VIDEO_MAX,
	VIDEO_SET };

enum sign { D_SIGNED = 1, A_SIGNED = 2, B_SIGNED = 4, SUM = 8 };

static int32_t element(uint32_t v, unsigned at, unsigned bits, bool is_signed)
{
	uint32_t e = v << (32 - bits - at);

	return is_signed ? (int32_t)e >> (32 - bits) : (int32_t)(e >> (32 - bits));
}

static bool compares(unsigned how, int32_t a, int32_t b)
{
	switch (how) {
	case COMPARE_EQ:
		return a == b;
	case COMPARE_NE:
		return a != b;
	case COMPARE_LT:
		return a < b;
	case COMPARE_LE:
		return a <= b;
	case COMPARE_GT:
		return a > b;
	}
	return a >= b;
}

static int32_t operate(const struct insn *i, int32_t a, int32_t b)
{
	switch (i->extra) {
	case VIDEO_ADD:
		return a + b;
	case VIDEO_SUB:
		return a - b;
	case VIDEO_AVERAGE:
		return (a + b + (a + b >= 0)) >> 1;
	case VIDEO_DIFFERENCE:
		return a < b ? b - a : a - b;
	case VIDEO_MIN:
		return a < b ? a : b;
	case VIDEO_MAX:
		return a > b ? a : b;
	}
	return compares(i->compare, a, b);
}

static int32_t clamp(int32_t v, unsigned bits, bool is_signed)
{
	int32_t high = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
	int32_t low = is_signed ? -high - 1 : 0;

	return v < low ? low : v > high ? high : v;
}

/* i->size is the width of an element, i->combine the signs. */
static uint32_t combine(const struct insn *i, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t r = i->combine & SUM ? c : 0, bits = i->size;

	for (unsigned at = 0; at < 32; at += bits) {
		int32_t v = operate(i, element(a, at, bits, i->combine & A_SIGNED),
			element(b, at, bits, i->combine & B_SIGNED));

		if (i->flags & FLAG_SAT)
			v = clamp(v, bits, i->combine & D_SIGNED);
		if (i->combine & SUM)
			r += (uint32_t)v;
		else
			r |= ((uint32_t)v & ((1u << bits) - 1)) << at;
	}
	return r;
}

OP3(video, uint32_t, uint32_t, uint32_t, uint32_t, combine(i, a, b, c))

static void take_sign(struct parser *p, struct insn *i, unsigned sign)
{
	if (word_take(p, "s32"))
		i->combine |= sign;
	else if (!word_take(p, "u32"))
		unsupported(p);
}

static void build_video(struct parser *p, const struct rule *r, struct insn *i)
{
	struct text opcode = p->s.words[0];

	i->combine = 0;
	i->size = opcode.at[opcode.size - 1] == '4' ? 8 : 16;
	if (i->extra != VIDEO_SET)
		take_sign(p, i, D_SIGNED);
	take_sign(p, i, A_SIGNED);
	take_sign(p, i, B_SIGNED);
	if (i->extra == VIDEO_SET && !word_take_comparison(p, i))
		unsupported(p);
	if (word_take(p, "sat"))
		i->flags |= FLAG_SAT;
	if (word_take(p, "add"))
		i->combine |= SUM;
	operands_parse(p, "Wwww", i);
}

#define VIDEO(name, operation)                                                                     \
	{name "2.*", NULL, video, operation, build_video},                                         \
	{name "4.*", NULL, video, operation, build_video}

const struct rule rules_video[] = {
	VIDEO("vadd", VIDEO_ADD), VIDEO("vsub", VIDEO_SUB), VIDEO("vavrg", VIDEO_AVERAGE),
	VIDEO("vabsdiff", VIDEO_DIFFERENCE), VIDEO("vmin", VIDEO_MIN), VIDEO("vmax", VIDEO_MAX),
	VIDEO("vset", VIDEO_SET),
	RULES_END
};
