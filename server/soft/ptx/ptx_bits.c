/* SPDX-License-Identifier: Apache-2.0 */
/* Bits: logic, shifts, fields, counts and bytes. Shift amounts clamp. */
#include "ptx_lane.h"
#include "ptx_parser.h"

OP2(and_32, uint32_t, uint32_t, uint32_t, a & b)
OP2(and_64, uint64_t, uint64_t, uint64_t, a & b)
OP2(or_32, uint32_t, uint32_t, uint32_t, a | b)
OP2(or_64, uint64_t, uint64_t, uint64_t, a | b)
OP2(xor_32, uint32_t, uint32_t, uint32_t, a ^ b)
OP2(xor_64, uint64_t, uint64_t, uint64_t, a ^ b)
OP1(not_16, uint32_t, uint32_t, (uint16_t)~a)
OP1(not_32, uint32_t, uint32_t, ~a)
OP1(not_64, uint64_t, uint64_t, ~a)
OP1(cnot_16, uint32_t, uint32_t, !(uint16_t)a)
OP1(cnot_32, uint32_t, uint32_t, !a)
OP1(cnot_64, uint64_t, uint64_t, !a)

OP2(shl_16, uint32_t, uint32_t, uint32_t, b < 16 ? (uint16_t)(a << b) : 0)
OP2(shl_32, uint32_t, uint32_t, uint32_t, b < 32 ? a << b : 0)
OP2(shl_64, uint64_t, uint64_t, uint32_t, b < 64 ? a << b : 0)
OP2(shr_u16, uint32_t, uint32_t, uint32_t, b < 16 ? (uint16_t)a >> b : 0)
OP2(shr_s16, uint32_t, uint32_t, uint32_t, (uint16_t)((int16_t)a >> (b < 16 ? b : 15)))
OP2(shr_u32, uint32_t, uint32_t, uint32_t, b < 32 ? a >> b : 0)
OP2(shr_s32, uint32_t, int32_t, uint32_t, a >> (b < 32 ? b : 31))
OP2(shr_u64, uint64_t, uint64_t, uint32_t, b < 64 ? a >> b : 0)
OP2(shr_s64, uint64_t, int64_t, uint32_t, a >> (b < 64 ? b : 63))

#define BOTH(low, high) ((uint64_t)(high) << 32 | (low))
OP3(shf_l_wrap, uint32_t, uint32_t, uint32_t, uint32_t, BOTH(a, b) << (c & 31) >> 32)
OP3(shf_l_clamp, uint32_t, uint32_t, uint32_t, uint32_t, BOTH(a, b) << (c < 32 ? c : 32) >> 32)
OP3(shf_r_wrap, uint32_t, uint32_t, uint32_t, uint32_t, BOTH(a, b) >> (c & 31))
OP3(shf_r_clamp, uint32_t, uint32_t, uint32_t, uint32_t, BOTH(a, b) >> (c < 32 ? c : 32))

static inline uint64_t field_mask(uint32_t length)
{
	return length < 64 ? (1ull << length) - 1 : ~0ull;
}

/* Of 32 bits, positions and lengths are looked at as bytes; of 64, as a whole. */
static inline uint32_t field_operand(uint32_t v, unsigned bits)
{
	return bits == 32 ? v & 0xff : v;
}

static inline uint64_t extract_unsigned(uint64_t v, uint32_t at, uint32_t length, unsigned bits)
{
	at = field_operand(at, bits);
	length = field_operand(length, bits);
	return at < bits ? v >> at & field_mask(length) : 0;
}

/* Beyond the value's top its sign goes on. */
static inline uint64_t extract_signed(int64_t v, uint32_t at, uint32_t length, unsigned bits)
{
	at = field_operand(at, bits);
	length = field_operand(length, bits);
	if (!length)
		return 0;
	if (at >= bits)
		return v < 0 ? ~0ull : 0;
	if (length > bits - at)
		length = bits - at;
	return (uint64_t)(v >> at) << (64 - length) >> (64 - length) |
	       ((v >> at >> (length - 1) & 1) ? ~field_mask(length) : 0);
}

OP3(bfe_u32, uint32_t, uint32_t, uint32_t, uint32_t, extract_unsigned(a, b, c, 32))
OP3(bfe_s32, uint32_t, int32_t, uint32_t, uint32_t, extract_signed(a, b, c, 32))
OP3(bfe_u64, uint64_t, uint64_t, uint32_t, uint32_t, extract_unsigned(a, b, c, 64))
OP3(bfe_s64, uint64_t, int64_t, uint32_t, uint32_t, extract_signed(a, b, c, 64))

static inline uint64_t insert(uint64_t a, uint64_t b, uint32_t at, uint32_t length, unsigned bits)
{
	uint64_t mask;

	at = field_operand(at, bits);
	length = field_operand(length, bits);
	if (at >= bits)
		return b;
	mask = field_mask(length) << at;
	return (b & ~mask) | (a << at & mask);
}

#define INSERT(name, T, bits)                                                                      \
	HANDLER(name)                                                                              \
	{                                                                                          \
		T *d = column(w, i->d);                                                            \
		const T *a = column(w, i->a), *b = column(w, i->b);                                \
		const uint32_t *c = column(w, i->c), *e = column(w, i->e);                         \
		LANES(lanes, l, d[l] = (T)insert(a[l], b[l], c[l], e[l], bits));                   \
		return i + 1;                                                                      \
	}

INSERT(bfi_32, uint32_t, 32)
INSERT(bfi_64, uint64_t, 64)

static inline uint32_t find_top(uint64_t v, unsigned bits, bool shift)
{
	uint32_t at;

	if (!v)
		return ~0u;
	at = 63 - (uint32_t)__builtin_clzll(v);
	return shift ? bits - 1 - at : at;
}

OP1(bfind_u32, uint32_t, uint32_t, find_top(a, 32, i->extra))
OP1(bfind_s32, uint32_t, uint32_t, find_top((int32_t)a < 0 ? ~a : a, 32, i->extra))
OP1(bfind_u64, uint32_t, uint64_t, find_top(a, 64, i->extra))
OP1(bfind_s64, uint32_t, uint64_t, find_top((int64_t)a < 0 ? ~a : a, 64, i->extra))

static inline uint64_t reverse(uint64_t v)
{
	v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
	v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
	return __builtin_bswap64(v);
}

OP1(brev_32, uint32_t, uint32_t, reverse(a) >> 32)
OP1(brev_64, uint64_t, uint64_t, reverse(a))
OP1(clz_32, uint32_t, uint32_t, a ? __builtin_clz(a) : 32)
OP1(clz_64, uint32_t, uint64_t, a ? __builtin_clzll(a) : 64)
OP1(popc_32, uint32_t, uint32_t, __builtin_popcount(a))
OP1(popc_64, uint32_t, uint64_t, __builtin_popcountll(a))

/* The offset-th bit set in @mask, counted from bit @base up or down. The least
 * offset, which has no opposite, finds 0. */
static uint32_t find_nth(uint32_t mask, uint32_t base, int32_t offset)
{
	int step = offset < 0 ? -1 : 1;
	uint32_t wanted = offset < 0 ? 0u - (uint32_t)offset : (uint32_t)offset;

	if (offset == INT32_MIN)
		return 0;
	if (!offset)
		return base < 32 && mask >> base & 1 ? base : ~0u;
	for (int at = base < 32 ? (int)base : -1; at >= 0 && at < 32; at += step)
		if (mask >> at & 1 && !--wanted)
			return (uint32_t)at;
	return ~0u;
}

OP3(fns, uint32_t, uint32_t, uint32_t, int32_t, find_nth(a, b, c))

static inline uint32_t choose_byte(uint64_t bytes, uint32_t selector)
{
	uint32_t byte = (uint32_t)(bytes >> (selector & 7) * 8) & 0xff;

	return selector & 8 ? (byte & 0x80 ? 0xff : 0) : byte;
}

static inline uint32_t permute(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t bytes = BOTH(a, b);

	return choose_byte(bytes, c) | choose_byte(bytes, c >> 4) << 8 |
	       choose_byte(bytes, c >> 8) << 16 | choose_byte(bytes, c >> 12) << 24;
}

OP3(prmt, uint32_t, uint32_t, uint32_t, uint32_t, permute(a, b, c))

/* The selectors of the modes, four for each of the values of c & 3. */
static inline uint32_t mode_selector(unsigned mode, uint32_t c)
{
	static const uint16_t selectors[][4] = {
		{0x3210, 0x4321, 0x5432, 0x6543},	/* f4e */
		{0x5670, 0x6701, 0x7012, 0x0123},	/* b4e */
		{0x0000, 0x1111, 0x2222, 0x3333},	/* rc8 */
		{0x3210, 0x3211, 0x3222, 0x3333},	/* ecl */
		{0x0000, 0x1110, 0x2210, 0x3210},	/* ecr */
		{0x1010, 0x3232, 0x1010, 0x3232},	/* rc16 */
	};

	return selectors[mode][c & 3];
}

OP3(prmt_mode, uint32_t, uint32_t, uint32_t, uint32_t, permute(a, b, mode_selector(i->extra, c)))

static inline uint32_t lookup(uint32_t a, uint32_t b, uint32_t c, uint32_t table)
{
	uint32_t r = 0;

	for (unsigned n = 0; n < 8; n++)
		if (table >> n & 1)
			r |= (n & 4 ? a : ~a) & (n & 2 ? b : ~b) & (n & 1 ? c : ~c);
	return r;
}

HANDLER(lop3)
{
	uint32_t *d = column(w, i->d);
	const uint32_t *a = column(w, i->a), *b = column(w, i->b), *c = column(w, i->c);
	uint32_t table = *(const uint32_t *)column(w, i->e);

	LANES(lanes, l, d[l] = lookup(a[l], b[l], c[l], table));
	return i + 1;
}

static void build_lop3(struct parser *p, const struct rule *r, struct insn *i)
{
	operands_parse(p, "Wwwww", i);
	if (!p->err && p->s.terms[4].kind != TERM_INTEGER)
		parse_error_at(p, p->s.line, "the table of 'lop3' must be a constant");
}

static inline uint32_t mask_bits(uint32_t at, uint32_t length, bool wrap)
{
	if (wrap) {
		at &= 31;
		length &= 31;
	}
	return at < 32 ? (uint32_t)(field_mask(length < 64 ? length : 64) << at) : 0;
}

OP2(bmsk, uint32_t, uint32_t, uint32_t, mask_bits(a, b, i->extra))

/* The lowest b bits of a, extended. */
static inline uint32_t extend(uint32_t a, uint32_t b, bool wrap, bool is_signed)
{
	if (wrap)
		b &= 31;
	if (b >= 32 || !b)
		return b ? a : 0;
	return is_signed ? (uint32_t)((int32_t)(a << (32 - b)) >> (32 - b)) : a & ((1u << b) - 1);
}

OP2(szext, uint32_t, uint32_t, uint32_t, extend(a, b, i->extra & 1, i->extra & 2))

HANDLER(and_pred)
{
	predicate_set(w, i->d, lanes, predicate(w, i->a) & predicate(w, i->b));
	return i + 1;
}

HANDLER(or_pred)
{
	predicate_set(w, i->d, lanes, predicate(w, i->a) | predicate(w, i->b));
	return i + 1;
}

HANDLER(xor_pred)
{
	predicate_set(w, i->d, lanes, predicate(w, i->a) ^ predicate(w, i->b));
	return i + 1;
}

HANDLER(not_pred)
{
	predicate_set(w, i->d, lanes, ~predicate(w, i->a));
	return i + 1;
}

const struct rule rules_bits[] = {
	{"and.b32", "Www", and_32}, {"and.b64", "Lll", and_64}, {"and.b16", "Hhh", and_32},
	{"and.pred", "Ppp", and_pred},
	{"or.b32", "Www", or_32}, {"or.b64", "Lll", or_64}, {"or.b16", "Hhh", or_32},
	{"or.pred", "Ppp", or_pred},
	{"xor.b32", "Www", xor_32}, {"xor.b64", "Lll", xor_64}, {"xor.b16", "Hhh", xor_32},
	{"xor.pred", "Ppp", xor_pred},
	{"not.b32", "Ww", not_32}, {"not.b64", "Ll", not_64}, {"not.b16", "Hh", not_16},
	{"not.pred", "Pp", not_pred},
	{"cnot.b32", "Ww", cnot_32}, {"cnot.b64", "Ll", cnot_64}, {"cnot.b16", "Hh", cnot_16},
	{"shl.b32", "Www", shl_32}, {"shl.b64", "Llw", shl_64}, {"shl.b16", "Hhw", shl_16},
	{"shr.<u32|b32>", "Www", shr_u32}, {"shr.s32", "Www", shr_s32},
	{"shr.<u64|b64>", "Llw", shr_u64}, {"shr.s64", "Llw", shr_s64},
	{"shr.<u16|b16>", "Hhw", shr_u16}, {"shr.s16", "Hhw", shr_s16},
	{"shf.l.wrap.b32", "Wwww", shf_l_wrap}, {"shf.l.clamp.b32", "Wwww", shf_l_clamp},
	{"shf.r.wrap.b32", "Wwww", shf_r_wrap}, {"shf.r.clamp.b32", "Wwww", shf_r_clamp},
	{"bfe.u32", "Wwww", bfe_u32}, {"bfe.s32", "Wwww", bfe_s32},
	{"bfe.u64", "Llww", bfe_u64}, {"bfe.s64", "Llww", bfe_s64},
	{"bfi.b32", "Wwwww", bfi_32}, {"bfi.b64", "Lllww", bfi_64},
	{"bfind.u32", "Ww", bfind_u32}, {"bfind.s32", "Ww", bfind_s32},
	{"bfind.u64", "Wl", bfind_u64}, {"bfind.s64", "Wl", bfind_s64},
	{"bfind.shiftamt.u32", "Ww", bfind_u32, 1}, {"bfind.shiftamt.s32", "Ww", bfind_s32, 1},
	{"bfind.shiftamt.u64", "Wl", bfind_u64, 1}, {"bfind.shiftamt.s64", "Wl", bfind_s64, 1},
	{"brev.b32", "Ww", brev_32}, {"brev.b64", "Ll", brev_64},
	{"clz.b32", "Ww", clz_32}, {"clz.b64", "Wl", clz_64},
	{"popc.b32", "Ww", popc_32}, {"popc.b64", "Wl", popc_64},
	{"fns.b32", "Wwww", fns},
	{"prmt.b32", "Wwww", prmt},
	{"prmt.b32.f4e", "Wwww", prmt_mode, 0}, {"prmt.b32.b4e", "Wwww", prmt_mode, 1},
	{"prmt.b32.rc8", "Wwww", prmt_mode, 2}, {"prmt.b32.ecl", "Wwww", prmt_mode, 3},
	{"prmt.b32.ecr", "Wwww", prmt_mode, 4}, {"prmt.b32.rc16", "Wwww", prmt_mode, 5},
	{"lop3.b32", NULL, lop3, 0, build_lop3},
	{"bmsk.clamp.b32", "Www", bmsk, 0}, {"bmsk.wrap.b32", "Www", bmsk, 1},
	{"szext.clamp.u32", "Www", szext, 0}, {"szext.wrap.u32", "Www", szext, 1},
	{"szext.clamp.s32", "Www", szext, 2}, {"szext.wrap.s32", "Www", szext, 3},
	RULES_END
};
