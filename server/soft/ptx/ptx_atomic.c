/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Atomic operations, with and without a result. They are the host's: other
 * blocks run on other threads, and the host itself may look at the memory. All
 * of them are sequentially consistent, whatever order they ask for.
 */
#include "ptx_address.h"
#include "ptx_lane.h"
#include "ptx_memory.h"
#include "ptx_round.h"

enum operation {
	ATOMIC_ADD, ATOMIC_MIN, ATOMIC_MAX, ATOMIC_INC, ATOMIC_DEC, ATOMIC_CAS, ATOMIC_EXCH,
	ATOMIC_AND, ATOMIC_OR, ATOMIC_XOR, ATOMIC_COUNT,
};

enum kind { KIND_U32, KIND_S32, KIND_U64, KIND_S64, KIND_F32, KIND_F64, KIND_F16, KIND_F16X2,
	KIND_BF16, KIND_BF16X2, KIND_B16, KIND_B32, KIND_B64, KIND_COUNT };

static const char *const operations[ATOMIC_COUNT] = {"add", "min", "max", "inc", "dec", "cas",
	"exch", "and", "or", "xor"};

static const struct {
	const char *name;
	unsigned size;
} kinds[KIND_COUNT] = {{"u32", 4}, {"s32", 4}, {"u64", 8}, {"s64", 8}, {"f32", 4}, {"f64", 8},
	{"f16", 2}, {"f16x2", 4}, {"bf16", 2}, {"bf16x2", 4}, {"b16", 2}, {"b32", 4}, {"b64", 8}};

#define BIT(k) (1u << KIND_##k)
static const uint32_t allowed[ATOMIC_COUNT] = {
	[ATOMIC_ADD] = BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64) | BIT(F32) | BIT(F64) | BIT(F16) |
		       BIT(F16X2) | BIT(BF16) | BIT(BF16X2),
	[ATOMIC_MIN] = BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64) | BIT(F16) | BIT(F16X2),
	[ATOMIC_MAX] = BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64) | BIT(F16) | BIT(F16X2),
	[ATOMIC_INC] = BIT(U32),
	[ATOMIC_DEC] = BIT(U32),
	[ATOMIC_CAS] = BIT(B16) | BIT(B32) | BIT(B64) | BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64),
	[ATOMIC_EXCH] = BIT(B32) | BIT(B64) | BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64) | BIT(F32),
	[ATOMIC_AND] = BIT(B32) | BIT(B64) | BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64),
	[ATOMIC_OR] = BIT(B32) | BIT(B64) | BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64),
	[ATOMIC_XOR] = BIT(B32) | BIT(B64) | BIT(U32) | BIT(S32) | BIT(U64) | BIT(S64),
};

static uint32_t add_halves(uint32_t a, uint32_t b)
{
	return half_of(half_to_float(a & 0xffff) + half_to_float(b & 0xffff), ROUND_NEAREST);
}

static uint32_t add_brains(uint32_t a, uint32_t b)
{
	return brain_of((double)brain_to_float(a & 0xffff) + brain_to_float(b & 0xffff),
		ROUND_NEAREST);
}

static uint64_t sum_of(unsigned kind, uint64_t old, uint64_t v)
{
	switch (kind) {
	case KIND_F32:
		return canonical(float_of((uint32_t)old) + float_of((uint32_t)v));
	case KIND_F64:
		return bits_of_double(double_of(old) + double_of(v));
	case KIND_F16:
		return add_halves((uint32_t)old, (uint32_t)v);
	case KIND_F16X2:
		return add_halves((uint32_t)old, (uint32_t)v) |
		       add_halves((uint32_t)old >> 16, (uint32_t)v >> 16) << 16;
	case KIND_BF16:
		return add_brains((uint32_t)old, (uint32_t)v);
	case KIND_BF16X2:
		return add_brains((uint32_t)old, (uint32_t)v) |
		       add_brains((uint32_t)old >> 16, (uint32_t)v >> 16) << 16;
	}
	return old + v;
}

static uint32_t half_less(uint32_t a, uint32_t b, bool maximum)
{
	float x = half_to_float(a & 0xffff), y = half_to_float(b & 0xffff);

	if (x != x || y != y)
		return (x != x ? b : a) & 0xffff;
	return (maximum ? x >= y : x <= y) ? a & 0xffff : b & 0xffff;
}

static bool goes_first(unsigned kind, uint64_t a, uint64_t b)
{
	switch (kind) {
	case KIND_S32:
		return (int32_t)a < (int32_t)b;
	case KIND_S64:
		return (int64_t)a < (int64_t)b;
	}
	return a < b;
}

static uint64_t extreme(unsigned kind, uint64_t old, uint64_t v, bool maximum)
{
	if (kind == KIND_F16)
		return half_less((uint32_t)old, (uint32_t)v, maximum);
	if (kind == KIND_F16X2)
		return half_less((uint32_t)old, (uint32_t)v, maximum) |
		       half_less((uint32_t)old >> 16, (uint32_t)v >> 16, maximum) << 16;
	return goes_first(kind, old, v) != maximum ? old : v;
}

/* What lies in memory after the operation; c only of cas. */
static uint64_t result_of(unsigned operation, unsigned kind, uint64_t old, uint64_t b, uint64_t c)
{
	switch (operation) {
	case ATOMIC_ADD:
		return sum_of(kind, old, b);
	case ATOMIC_MIN:
		return extreme(kind, old, b, false);
	case ATOMIC_MAX:
		return extreme(kind, old, b, true);
	case ATOMIC_INC:
		return old >= b ? 0 : old + 1;
	case ATOMIC_DEC:
		return !old || old > b ? b : old - 1;
	case ATOMIC_CAS:
		return old == b ? c : old;
	case ATOMIC_AND:
		return old & b;
	case ATOMIC_OR:
		return old | b;
	case ATOMIC_XOR:
		return old ^ b;
	}
	return b;
}

#define UPDATE(name, T)                                                                            \
	static T name(const struct insn *i, T *at, T b, T c)                                       \
	{                                                                                          \
		T old = __atomic_load_n(at, __ATOMIC_RELAXED), wanted;                             \
		do {                                                                               \
			wanted = (T)result_of(i->extra, i->combine, old, b, c);                    \
		} while (!__atomic_compare_exchange_n(at, &old, wanted, false, __ATOMIC_SEQ_CST,   \
			__ATOMIC_SEQ_CST));                                                        \
		return old;                                                                        \
	}

UPDATE(update_16, uint16_t)
UPDATE(update_32, uint32_t)
UPDATE(update_64, uint64_t)

static inline uint32_t quick_add(const struct insn *i, uint32_t *at, uint32_t b, uint32_t c)
{
	return __atomic_fetch_add(at, b, __ATOMIC_SEQ_CST);
}

#define ATOMIC(name, update, T, column_type)                                                       \
	HANDLER(name)                                                                              \
	{                                                                                          \
		column_type *d = column(w, i->d);                                                  \
		const column_type *b = column(w, i->b), *c = column(w, i->c);                      \
		const void *base = column(w, i->a);                                                \
		for (; lanes; lanes &= lanes - 1) {                                                \
			unsigned l = (unsigned)__builtin_ctz(lanes);                               \
			T *at = place_any(w, i, l, lane_address(i, base, l), sizeof(T), true);     \
			if (unlikely(!at))                                                         \
				return NULL;                                                       \
			d[l] = update(i, at, (T)b[l], (T)c[l]);                                    \
		}                                                                                  \
		return i + 1;                                                                      \
	}

ATOMIC(run_atomic_16, update_16, uint16_t, uint32_t)
ATOMIC(run_atomic_32, update_32, uint32_t, uint32_t)
ATOMIC(run_atomic_64, update_64, uint64_t, uint64_t)
ATOMIC(run_add_32, quick_add, uint32_t, uint32_t)

static bool take_operation(struct parser *p, struct insn *i)
{
	for (unsigned n = 0; n < ATOMIC_COUNT; n++) {
		if (word_take(p, operations[n])) {
			i->extra = (uint8_t)n;
			return true;
		}
	}
	return false;
}

static bool take_kind(struct parser *p, struct insn *i)
{
	for (unsigned n = 0; n < KIND_COUNT; n++) {
		if (word_take(p, kinds[n].name)) {
			i->combine = (uint8_t)n;
			i->size = (uint8_t)kinds[n].size;
			return true;
		}
	}
	return false;
}

static void parse_words(struct parser *p, struct insn *i)
{
	i->space = SPACE_GENERIC;
	while (word_take_hint(p, i) || word_take_space(p, i))
		;
	if (!take_operation(p, i))
		unsupported(p);
	word_take(p, "noftz");
	while (word_take_hint(p, i))
		;
	if (!take_kind(p, i) || !(allowed[i->extra] >> i->combine & 1) ||
	    i->space == SPACE_CONST || i->space == SPACE_PARAM)
		unsupported(p);
	i->flags = 0;
}

static void choose_handler(struct insn *i)
{
	i->run = i->size == 8 ? run_atomic_64 : i->size == 4 ? run_atomic_32 : run_atomic_16;
	if (i->extra == ATOMIC_ADD && (i->combine == KIND_U32 || i->combine == KIND_S32))
		i->run = run_add_32;
}

/* atom d, [a], b {, c} and red [a], b; the result of the latter goes nowhere. */
static void build_atomic(struct parser *p, const struct rule *r, struct insn *i)
{
	static const struct term sink = {.kind = TERM_NAME, .name = {"_", 1}};
	bool is_red = r->extra, real;
	unsigned at = is_red ? 0 : 1, bits, operands;

	parse_words(p, i);
	operands = at + (i->extra == ATOMIC_CAS ? 3 : 2);
	statement_expect(p, operands, operands + 1);
	if (p->err)
		return;
	bits = i->size == 8 ? 64 : 32;
	real = i->combine == KIND_F32 || i->combine == KIND_F64;
	address_parse(p, &p->s.terms[at], i);
	i->d = operand_write(p, is_red ? &sink : &p->s.terms[0], bits);
	i->b = operand_read(p, &p->s.terms[at + 1], bits, real);
	i->c = i->extra == ATOMIC_CAS ? operand_read(p, &p->s.terms[at + 2], bits, real) : i->b;
	choose_handler(i);
}

const struct rule rules_atomic[] = {
	{"atom.*", NULL, NULL, 0, build_atomic},
	{"red.*", NULL, NULL, 1, build_atomic},
	RULES_END
};
