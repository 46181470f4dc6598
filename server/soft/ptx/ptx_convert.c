/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cvt between all types. Common conversions have handlers; every other one is
 * done lane by lane: the source becomes an integer or a double, both of which
 * hold it exactly, and then the destination's type with one rounding.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"
#include "ptx_round.h"

enum type { U8, U16, U32, U64, S8, S16, S32, S64, F16, BF16, F32, F64, TF32, TYPE_COUNT };

static const struct {
	const char *name;
	unsigned bits;
} types[TYPE_COUNT] = {{"u8", 8}, {"u16", 16}, {"u32", 32}, {"u64", 64}, {"s8", 8}, {"s16", 16},
	{"s32", 32}, {"s64", 64}, {"f16", 16}, {"bf16", 16}, {"f32", 32}, {"f64", 64},
	{"tf32", 32}};

static bool is_float(unsigned type)
{
	return type >= F16;
}

static bool is_signed(unsigned type)
{
	return type >= S8 && type <= S64;
}

static int64_t sign_extend(uint64_t v, unsigned bits)
{
	return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

static uint64_t zero_extend(uint64_t v, unsigned bits)
{
	return bits < 64 ? v & ((1ull << bits) - 1) : v;
}

static uint64_t integer_in(unsigned type, uint64_t v)
{
	return is_signed(type) ? (uint64_t)sign_extend(v, types[type].bits)
			       : zero_extend(v, types[type].bits);
}

static double float_in(const struct insn *i, unsigned type, uint64_t v)
{
	float f;

	switch (type) {
	case F16:
		return half_to_float((uint32_t)v & 0xffff);
	case BF16:
		return brain_to_float((uint32_t)v & 0xffff);
	case F64:
		return double_of(v);
	}
	f = float_of((uint32_t)v);
	if (!(i->flags & FLAG_FTZ))
		return f;
	return f != f ? float_of(FLOAT_NAN) : flush(f);
}

static uint64_t integer_out(unsigned type, uint64_t v)
{
	return integer_in(type, v);
}

/* .sat between integers: the nearest that the destination has. */
static uint64_t saturate(unsigned type, unsigned from, uint64_t v)
{
	unsigned bits = types[type].bits;
	bool negative = is_signed(from) && (int64_t)v < 0;
	uint64_t most = is_signed(type) ? (1ull << (bits - 1)) - 1 : zero_extend(~0ull, bits);

	if (negative && !is_signed(type))
		return 0;
	if (negative)
		return (int64_t)v < -(int64_t)most - 1 ? (uint64_t)(-(int64_t)most - 1) : v;
	return v > most ? most : v;
}

/* To the nearest integer in the direction asked for, still as a double. */
static double integral(const struct insn *i, double v)
{
	switch (i->round) {
	case ROUND_ZERO:
		return trunc(v);
	case ROUND_DOWN:
		return floor(v);
	case ROUND_UP:
		return ceil(v);
	}
	return rint(v);
}

/* What a GPU makes of a NaN depends on both widths. */
static uint64_t integer_of_nan(unsigned type, unsigned from)
{
	unsigned bits = types[type].bits;

	if (bits == 64 || from == F64)
		return 1ull << (bits - 1);
	return 0;
}

static uint64_t float_to_integer(const struct insn *i, unsigned type, unsigned from, double v)
{
	unsigned bits = types[type].bits;
	double top = ldexp(1, (int)(is_signed(type) ? bits - 1 : bits));

	if (v != v)
		return integer_of_nan(type, from);
	v = integral(i, v);
	if (is_signed(type)) {
		if (v >= top)
			return (1ull << (bits - 1)) - 1;
		return v < -top ? (uint64_t)-1 << (bits - 1) : (uint64_t)(int64_t)v;
	}
	if (v >= top)
		return zero_extend(~0ull, bits);
	return v <= 0 ? 0 : (uint64_t)v;
}

static double adjusted(const struct insn *i, double v)
{
	if (i->flags & FLAG_SAT)
		v = v > 0 ? (v < 1 ? v : 1) : 0;
	if ((i->flags & FLAG_RELU) && v <= 0)
		v = 0;
	return v;
}

/* Ten bits of fraction, ties away from zero or to even. */
static uint32_t tensor_float(const struct insn *i, uint32_t bits)
{
	if ((bits & 0x7fffffff) > 0x7f800000 && i->round != ROUND_AWAY)
		return FLOAT_NAN & ~0x1fffu;
	if ((i->flags & FLAG_RELU) && bits >> 31)
		return 0;
	if ((bits & 0x7fffffff) >= 0x7f800000 || i->round == ROUND_ZERO)
		return bits & ~0x1fffu;
	bits += i->round == ROUND_AWAY ? 0x1000 : 0xfff + (bits >> 13 & 1);
	return bits & ~0x1fffu;
}

/* A NaN of 64 bits keeps its sign and the upper part of what it holds. */
static uint64_t nan_of_double(unsigned type, uint64_t bits)
{
	if (type == F32)
		return (bits >> 63) << 31 | 0x7fc00000 | (bits >> 29 & 0x3fffff);
	if (type == BF16)
		return (bits >> 63) << 15 | 0x7fc0 | (bits >> 45 & 0x3f);
	return (bits >> 63) << 15 | 0x7e00 | (bits >> 42 & 0x1ff);
}

static uint32_t float_out(const struct insn *i, volatile double v)
{
	volatile float f;

	round_begin(i);
	f = (float)v;
	round_end(i);
	return settled(i, f);
}

static uint64_t from_float(const struct insn *i, unsigned type, double v)
{
	switch (type) {
	case F16:
		return half_of(adjusted(i, v), i->round);
	case BF16:
		return brain_of(adjusted(i, v), i->round);
	case F32:
		return float_out(i, adjusted(i, v));
	}
	v = adjusted(i, v);
	return bits_of_double(v);
}

/* Bits that a double has no room for are kept as one, lowest: rounded to odd. */
static double exact_enough(bool negative, uint64_t magnitude)
{
	double v;

	if (magnitude >> 53)
		magnitude = (magnitude >> 11 | ((magnitude & 0x7ff) != 0)) << 11;
	v = (double)magnitude;
	return negative ? -v : v;
}

static uint64_t integer_to_float(const struct insn *i, unsigned type, unsigned from, uint64_t v)
{
	bool negative = is_signed(from) && (int64_t)v < 0;
	uint64_t magnitude = negative ? 0 - v : v;
	volatile double r;

	if (type != F64 || !(magnitude >> 53))
		return from_float(i, type, exact_enough(negative, magnitude));
	round_begin(i);
	r = is_signed(from) ? (double)(int64_t)v : (double)v;
	round_end(i);
	return bits_of_double(adjusted(i, r));
}

/* i->extra is the type to make, i->size the one there is; i->count: to an
 * integral value, though a float. */
static uint64_t convert(const struct insn *i, uint64_t v)
{
	unsigned type = i->extra, from = i->size;
	double f;

	if (!is_float(from)) {
		v = integer_in(from, v);
		if (is_float(type))
			return integer_to_float(i, type, from, v);
		return integer_out(type, i->flags & FLAG_SAT ? saturate(type, from, v) : v);
	}
	if (type == TF32)
		return tensor_float(i, (uint32_t)v);
	f = float_in(i, from, v);
	if (!is_float(type))
		return integer_out(type, float_to_integer(i, type, from, f));
	if (from == F64 && type != F64 && f != f && !(i->flags & FLAG_SAT))
		return nan_of_double(type, v);
	if (i->count) {
		struct insn plain = *i;

		f = integral(i, f);
		plain.round = ROUND_NEAREST;
		return from_float(&plain, type, f);
	}
	return from_float(i, type, f);
}

#define CONVERT(name, D, A)                                                                        \
	HANDLER(name)                                                                              \
	{                                                                                          \
		D *d = column(w, i->d);                                                            \
		const A *a = column(w, i->a);                                                      \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			d[l] = (D)convert(i, a[l]);                                                \
		}                                                                                  \
		return i + 1;                                                                      \
	}

CONVERT(convert_ww, uint32_t, uint32_t)
CONVERT(convert_wl, uint32_t, uint64_t)
CONVERT(convert_lw, uint64_t, uint32_t)
CONVERT(convert_ll, uint64_t, uint64_t)

OP1(copy_32, uint32_t, uint32_t, a)
OP1(u64_of_u32, uint64_t, uint32_t, a)
OP1(s64_of_s32, uint64_t, int32_t, (int64_t)a)
OP1(low_of_64, uint32_t, uint64_t, a)
OP1(low_16, uint32_t, uint32_t, a & 0xffff)
OP1(low_8, uint32_t, uint32_t, a & 0xff)
OP1(signed_16, uint32_t, uint32_t, (int32_t)(int16_t)a)
OP1(signed_8, uint32_t, uint32_t, (int32_t)(int8_t)a)
OP1(f32_of_s32, float, int32_t, a)
OP1(f32_of_u32, float, uint32_t, a)
OP1(f64_of_s32, double, int32_t, a)
OP1(f64_of_u32, double, uint32_t, a)
OP1(f64_of_s64, double, int64_t, a)
OP1(f64_of_u64, double, uint64_t, a)
OP1(f64_of_f32, double, float, a)
OP1(f32_of_f64, float, double, a)
OP1(f32_of_f16, uint32_t, uint32_t, canonical(half_to_float(a & 0xffff)))
OP1(f32_of_bf16, uint32_t, uint32_t, a << 16)
OP1(f16_of_f32, uint32_t, float, half_of(a, ROUND_NEAREST))

static inline int32_t truncated(float v)
{
	return v >= 0x1p31f ? INT32_MAX : v < -0x1p31f ? INT32_MIN : v != v ? 0 : (int32_t)v;
}

OP1(s32_of_f32, int32_t, float, truncated(a))

/* Only for conversions without .sat and .ftz. */
static const struct quick {
	uint8_t to, from;
	uint8_t round;
	handler *run;
} quick[] = {
	{U64, U32, 0, u64_of_u32}, {S64, U32, 0, u64_of_u32}, {S64, S32, 0, s64_of_s32},
	{U64, S32, 0, s64_of_s32}, {U32, U64, 0, low_of_64}, {S32, U64, 0, low_of_64},
	{U32, S64, 0, low_of_64}, {S32, S64, 0, low_of_64}, {U32, U32, 0, copy_32},
	{S32, S32, 0, copy_32}, {U32, S32, 0, copy_32}, {S32, U32, 0, copy_32},
	{U16, U32, 0, low_16}, {U16, S32, 0, low_16}, {U32, U16, 0, low_16}, {S32, U16, 0, low_16},
	{U32, U8, 0, low_8}, {S32, U8, 0, low_8}, {U16, U8, 0, low_8}, {U32, S16, 0, signed_16},
	{S32, S16, 0, signed_16}, {S32, S8, 0, signed_8}, {U32, S8, 0, signed_8},
	{F32, S32, ROUND_NEAREST, f32_of_s32}, {F32, U32, ROUND_NEAREST, f32_of_u32},
	{F64, S32, ROUND_NEAREST, f64_of_s32}, {F64, U32, ROUND_NEAREST, f64_of_u32},
	{F64, S64, ROUND_NEAREST, f64_of_s64}, {F64, U64, ROUND_NEAREST, f64_of_u64},
	{F64, F32, ROUND_NEAREST, f64_of_f32}, {F32, F64, ROUND_NEAREST, f32_of_f64},
	{F32, BF16, ROUND_NEAREST, f32_of_bf16}, {F32, F16, ROUND_NEAREST, f32_of_f16},
	{F16, F32, ROUND_NEAREST, f16_of_f32},
	{S32, F32, ROUND_ZERO, s32_of_f32},
};

static bool take_type(struct parser *p, uint8_t *type)
{
	for (unsigned t = 0; t < TYPE_COUNT; t++) {
		if (word_take(p, types[t].name)) {
			*type = (uint8_t)t;
			return true;
		}
	}
	return false;
}

static bool take_integral(struct parser *p, struct insn *i)
{
	static const char *const names[] = {"rni", "rzi", "rmi", "rpi"};

	for (unsigned n = 0; n < 4; n++) {
		if (word_take(p, names[n])) {
			i->round = (uint8_t)n;
			i->count = 1;
			return true;
		}
	}
	return false;
}

static void choose_handler(struct insn *i, bool wide_to, bool wide_from)
{
	static handler *const general[2][2] = {{convert_ww, convert_wl}, {convert_lw, convert_ll}};
	bool natural = wide_to == (types[i->extra].bits == 64) &&
		       wide_from == (types[i->size].bits == 64);

	i->run = general[wide_to][wide_from];
	for (size_t n = 0; natural && !i->flags && n < sizeof(quick) / sizeof(*quick); n++)
		if (quick[n].to == i->extra && quick[n].from == i->size &&
		    quick[n].round == i->round && !(i->count && is_float(i->extra)))
			i->run = quick[n].run;
}

static void check_rounding(struct parser *p, const struct insn *i, bool given)
{
	bool to_float = is_float(i->extra), from_float = is_float(i->size);
	bool narrower = types[i->extra].bits < types[i->size].bits || i->extra == TF32 ||
			(i->extra != i->size && types[i->extra].bits == 16);
	bool needed = (to_float != from_float) || (to_float && from_float && narrower);

	if (needed && !given)
		parse_error_at(p, p->s.line, "'%.*s' needs a rounding", (int)p->s.name.size,
			p->s.name.at);
	else if ((i->extra == TF32) != (i->extra == TF32 && i->size == F32) || i->size == TF32)
		unsupported(p);
	else if ((!to_float && from_float && !i->count) || (i->count && !from_float) ||
		 (!to_float && !from_float && given))
		unsupported(p);
}

static void build_convert(struct parser *p, const struct rule *r, struct insn *i)
{
	bool given = take_integral(p, i) || word_take_rounding(p, i);
	unsigned to, from;

	if (word_take(p, "ftz"))
		i->flags |= FLAG_FTZ;
	if (word_take(p, "relu"))
		i->flags |= FLAG_RELU;
	if (word_take(p, "sat"))
		i->flags |= FLAG_SAT;
	if (!take_type(p, &i->extra) || !take_type(p, &i->size))
		unsupported(p);
	statement_expect(p, 2, 2);
	if (p->err)
		return;
	check_rounding(p, i, given);
	to = operand_bits(p, &p->s.terms[0]);
	from = operand_bits(p, &p->s.terms[1]);
	to = to ? to : types[i->extra].bits;
	from = from ? from : types[i->size].bits;
	if (to < types[i->extra].bits || from < types[i->size].bits) {
		parse_error_at(p, p->s.line, "a register of '%.*s' is too small",
			(int)p->s.name.size, p->s.name.at);
		return;
	}
	i->d = operand_write(p, &p->s.terms[0], to);
	i->a = operand_read(p, &p->s.terms[1], from, is_float(i->size));
	choose_handler(i, to == 64, from == 64);
}

/* cvt.rn.f16x2.f32 d, a, b: a goes to the upper half. */
OP2(pair_f16, uint32_t, float, float,
	half_of(adjusted(i, b), i->round) | half_of(adjusted(i, a), i->round) << 16)
OP2(pair_bf16, uint32_t, float, float,
	brain_of(adjusted(i, b), i->round) | brain_of(adjusted(i, a), i->round) << 16)

const struct rule rules_convert[] = {
	{"cvt.$rnd.{relu}.f16x2.f32", "Wff", pair_f16},
	{"cvt.$rnd.{relu}.bf16x2.f32", "Wff", pair_bf16},
	{"cvt.*", NULL, NULL, 0, build_convert},
	RULES_END
};
