/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons: setp makes predicates of them, set makes numbers. All lanes are
 * compared, also those that don't run: their bits are then left alone.
 */
#include <math.h>

#include "ptx_half.h"
#include "ptx_lane.h"
#include "ptx_parser.h"

typedef uint32_t comparer(struct warp *w, const struct insn *i);

#define EACH(condition)                                                                            \
	for (unsigned l = 0; l < WARP_LANES; l++)                                                  \
		r |= (uint32_t)(condition) << l;                                                   \
	break;

/* T is the column's type and CAST what makes a value of what lies there. */
#define COMPARE_INTEGERS(name, T, CAST)                                                            \
	static uint32_t name(struct warp *w, const struct insn *i)                                 \
	{                                                                                          \
		const T *a = column(w, i->a), *b = column(w, i->b);                                \
		uint32_t r = 0;                                                                    \
		switch (i->compare) {                                                              \
		case COMPARE_EQ:                                                                   \
			EACH(CAST(a[l]) == CAST(b[l]))                                             \
		case COMPARE_NE:                                                                   \
			EACH(CAST(a[l]) != CAST(b[l]))                                             \
		case COMPARE_LT: case COMPARE_LO:                                                  \
			EACH(CAST(a[l]) < CAST(b[l]))                                              \
		case COMPARE_LE: case COMPARE_LS:                                                  \
			EACH(CAST(a[l]) <= CAST(b[l]))                                             \
		case COMPARE_GT: case COMPARE_HI:                                                  \
			EACH(CAST(a[l]) > CAST(b[l]))                                              \
		default:                                                                           \
			EACH(CAST(a[l]) >= CAST(b[l]))                                             \
		}                                                                                  \
		return r;                                                                          \
	}

#define COMPARE_FLOATS(name, T, V, CAST)                                                           \
	static uint32_t name(struct warp *w, const struct insn *i)                                 \
	{                                                                                          \
		const T *pa = column(w, i->a), *pb = column(w, i->b);                              \
		V a[WARP_LANES], b[WARP_LANES];                                                    \
		uint32_t r = 0;                                                                    \
		for (unsigned l = 0; l < WARP_LANES; l++) {                                        \
			a[l] = CAST(pa[l]);                                                        \
			b[l] = CAST(pb[l]);                                                        \
		}                                                                                  \
		switch (i->compare) {                                                              \
		case COMPARE_EQ:                                                                   \
			EACH(a[l] == b[l])                                                         \
		case COMPARE_NE:                                                                   \
			EACH(a[l] < b[l] || a[l] > b[l])                                           \
		case COMPARE_LT:                                                                   \
			EACH(a[l] < b[l])                                                          \
		case COMPARE_LE:                                                                   \
			EACH(a[l] <= b[l])                                                         \
		case COMPARE_GT:                                                                   \
			EACH(a[l] > b[l])                                                          \
		case COMPARE_GE:                                                                   \
			EACH(a[l] >= b[l])                                                         \
		case COMPARE_EQU:                                                                  \
			EACH(!(a[l] < b[l] || a[l] > b[l]))                                        \
		case COMPARE_NEU:                                                                  \
			EACH(a[l] != b[l])                                                         \
		case COMPARE_LTU:                                                                  \
			EACH(!(a[l] >= b[l]))                                                      \
		case COMPARE_LEU:                                                                  \
			EACH(!(a[l] > b[l]))                                                       \
		case COMPARE_GTU:                                                                  \
			EACH(!(a[l] <= b[l]))                                                      \
		case COMPARE_GEU:                                                                  \
			EACH(!(a[l] < b[l]))                                                       \
		case COMPARE_NUM:                                                                  \
			EACH(a[l] == a[l] && b[l] == b[l])                                         \
		default:                                                                           \
			EACH(a[l] != a[l] || b[l] != b[l])                                         \
		}                                                                                  \
		return r;                                                                          \
	}

static inline float flushed(uint32_t bits)
{
	return float_of(bits & 0x7f800000 ? bits : bits & 0x80000000);
}

static inline float half_low(uint32_t v)
{
	return half_to_float(v & 0xffff);
}

static inline float half_high(uint32_t v)
{
	return half_to_float(v >> 16);
}

static inline float half_low_flushed(uint32_t v)
{
	return half_to_float(v & 0x7c00 ? v & 0xffff : v & 0x8000);
}

static inline float half_high_flushed(uint32_t v)
{
	return half_low_flushed(v >> 16);
}

static inline float brain_low(uint32_t v)
{
	return brain_to_float(v & 0xffff);
}

static inline float brain_high(uint32_t v)
{
	return brain_to_float(v >> 16);
}

COMPARE_INTEGERS(compare_u16, uint32_t, (uint16_t))
COMPARE_INTEGERS(compare_s16, uint32_t, (int16_t))
COMPARE_INTEGERS(compare_u32, uint32_t, )
COMPARE_INTEGERS(compare_s32, int32_t, )
COMPARE_INTEGERS(compare_u64, uint64_t, )
COMPARE_INTEGERS(compare_s64, int64_t, )
COMPARE_FLOATS(compare_f32, float, float, )
COMPARE_FLOATS(compare_f32_ftz, uint32_t, float, flushed)
COMPARE_FLOATS(compare_f64, double, double, )
COMPARE_FLOATS(compare_f16, uint32_t, float, half_low)
COMPARE_FLOATS(compare_f16_ftz, uint32_t, float, half_low_flushed)
COMPARE_FLOATS(compare_f16_ftz_high, uint32_t, float, half_high_flushed)
COMPARE_FLOATS(compare_f16_high, uint32_t, float, half_high)
COMPARE_FLOATS(compare_bf16, uint32_t, float, brain_low)
COMPARE_FLOATS(compare_bf16_high, uint32_t, float, brain_high)

static inline uint32_t combine(struct warp *w, const struct insn *i, uint32_t r)
{
	switch (i->combine) {
	case COMBINE_AND:
		return r & predicate(w, i->c);
	case COMBINE_OR:
		return r | predicate(w, i->c);
	case COMBINE_XOR:
		return r ^ predicate(w, i->c);
	}
	return r;
}

/* p|q get the comparison and its opposite, each combined with c. */
static inline const struct insn *setp(struct warp *w, const struct insn *i, uint32_t lanes,
	uint32_t r)
{
	uint32_t first = combine(w, i, r);

	if (i->e)
		predicate_set(w, i->e, lanes, combine(w, i, ~r));
	predicate_set(w, i->d, lanes, first);
	return i + 1;
}

enum set_result { SET_INTEGER, SET_FLOAT, SET_HALF, SET_BRAIN };

static inline const struct insn *set(struct warp *w, const struct insn *i, uint32_t lanes,
	uint32_t r)
{
	static const uint32_t values[] = {~0u, 0x3f800000, 0x3c00, 0x3f80};
	uint32_t *d = column(w, i->d), yes = values[i->extra];

	r = combine(w, i, r);
	LANES(lanes, l, d[l] = r >> l & 1 ? yes : 0);
	return i + 1;
}

#define BOTH(name)                                                                                 \
	HANDLER(setp_##name)                                                                       \
	{                                                                                          \
		return setp(w, i, lanes, compare_##name(w, i));                                    \
	}                                                                                          \
	HANDLER(set_##name)                                                                        \
	{                                                                                          \
		return set(w, i, lanes, compare_##name(w, i));                                     \
	}

BOTH(u16)
BOTH(s16)
BOTH(u32)
BOTH(s32)
BOTH(u64)
BOTH(s64)
BOTH(f32)
BOTH(f32_ftz)
BOTH(f64)
BOTH(f16)
BOTH(f16_ftz)
BOTH(bf16)

/* Of a pair of halves p gets the lower comparison and q the upper one. */
static const struct insn *setp_pair(struct warp *w, const struct insn *i, uint32_t lanes,
	uint32_t low, uint32_t high)
{
	high = combine(w, i, high);
	low = combine(w, i, low);
	predicate_set(w, i->d, lanes, low);
	predicate_set(w, i->e, lanes, high);
	return i + 1;
}

static const struct insn *set_pair(struct warp *w, const struct insn *i, uint32_t lanes,
	uint32_t low, uint32_t high)
{
	static const uint16_t values[] = {0xffff, 0, 0x3c00, 0x3f80};
	uint32_t *d = column(w, i->d), yes = values[i->extra];

	low = combine(w, i, low);
	high = combine(w, i, high);
	LANES(lanes, l, d[l] = (low >> l & 1 ? yes : 0) | (high >> l & 1 ? yes << 16 : 0));
	return i + 1;
}

#define PAIRS(name)                                                                                \
	HANDLER(setp_##name##x2)                                                                   \
	{                                                                                          \
		return setp_pair(w, i, lanes, compare_##name(w, i), compare_##name##_high(w, i));  \
	}                                                                                          \
	HANDLER(set_##name##x2)                                                                    \
	{                                                                                          \
		return set_pair(w, i, lanes, compare_##name(w, i), compare_##name##_high(w, i));   \
	}

PAIRS(f16)
PAIRS(f16_ftz)
PAIRS(bf16)

/* The rule's letters, and one more source where the result is combined. */
static void build_compare(struct parser *p, const struct rule *r, struct insn *i)
{
	char letters[8] = {0};

	strncpy(letters, r->operands, sizeof(letters) - 2);
	if (i->combine)
		letters[strlen(letters)] = 'p';
	operands_parse(p, letters, i);
}

/* Integers have no unordered comparisons, and bits no order. */
static void build_integers(struct parser *p, const struct rule *r, struct insn *i)
{
	if (i->compare > COMPARE_HS)
		unsupported(p);
	else
		build_compare(p, r, i);
}

#define INTEGERS(type, letters, name)                                                              \
	{"setp.$cmp.{bool}." type, "Q" letters, setp_##name, 0, build_integers},                   \
	{"set.$cmp.{bool}.<u32|s32>." type, "W" letters, set_##name, SET_INTEGER, build_integers}, \
	{"set.$cmp.{bool}.f32." type, "F" letters, set_##name, SET_FLOAT, build_integers}

#define FLOATS(type, letters, name)                                                                \
	{"setp.$cmp.{bool}." type, "Q" letters, setp_##name, 0, build_compare},                    \
	{"set.$cmp.{bool}.<u32|s32>." type, "W" letters, set_##name, SET_INTEGER, build_compare},  \
	{"set.$cmp.{bool}.f32." type, "F" letters, set_##name, SET_FLOAT, build_compare}

#define HALVES(modifier, type, letters, name)                                                      \
	{"setp.$cmp.{bool}." modifier type, "Q" letters, setp_##name, 0, build_compare},           \
	{"set.$cmp.{bool}." modifier "<u32|s32|u16|s16>." type, "W" letters, set_##name,           \
		SET_INTEGER, build_compare},                                                       \
	{"set.$cmp.{bool}." modifier "<f16|f16x2>." type, "W" letters, set_##name, SET_HALF,       \
		build_compare},                                                                    \
	{"set.$cmp.{bool}." modifier "<bf16|bf16x2>." type, "W" letters, set_##name, SET_BRAIN,    \
		build_compare}

const struct rule rules_compare[] = {
	INTEGERS("<u32|b32>", "ww", u32),
	INTEGERS("s32", "ww", s32),
	INTEGERS("<u64|b64>", "ll", u64),
	INTEGERS("s64", "ll", s64),
	INTEGERS("<u16|b16>", "hh", u16),
	INTEGERS("s16", "hh", s16),
	FLOATS("f32", "ff", f32),
	FLOATS("ftz.f32", "ff", f32_ftz),
	{"set.$cmp.{bool}.ftz.<u32|s32>.f32", "Wff", set_f32_ftz, SET_INTEGER, build_compare},
	{"set.$cmp.{bool}.ftz.f32.f32", "Fff", set_f32_ftz, SET_FLOAT, build_compare},
	FLOATS("f64", "dd", f64),
	HALVES("", "f16", "hh", f16),
	HALVES("ftz.", "f16", "hh", f16_ftz),
	HALVES("", "f16x2", "ww", f16x2),
	HALVES("ftz.", "f16x2", "ww", f16_ftzx2),
	HALVES("", "bf16", "hh", bf16),
	HALVES("", "bf16x2", "ww", bf16x2),
	RULES_END
};
