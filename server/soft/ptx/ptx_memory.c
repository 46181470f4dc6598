/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How loads, stores and address conversions are written. Caching and eviction
 * hints mean nothing here; all accesses are as strong as .volatile.
 */
#include "ptx_lane.h"
#include "ptx_memory.h"

bool word_take_space(struct parser *p, struct insn *i)
{
	static const struct {
		const char *name;
		enum space space;
	} spaces[] = {{"global", SPACE_GLOBAL}, {"shared", SPACE_SHARED},
		{"shared::cta", SPACE_SHARED}, {"local", SPACE_LOCAL}, {"const", SPACE_CONST},
		{"param", SPACE_PARAM}, {"param::entry", SPACE_PARAM},
		{"param::func", SPACE_PARAM}};

	for (size_t n = 0; n < sizeof(spaces) / sizeof(*spaces); n++) {
		if (word_take(p, spaces[n].name)) {
			i->space = (uint8_t)spaces[n].space;
			return true;
		}
	}
	return false;
}

bool word_take_hint(struct parser *p, struct insn *i)
{
	static const char *const hints[] = {"weak", "volatile", "relaxed", "mmio", "cta", "cluster",
		"gpu", "sys", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1::evict_normal",
		"L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate",
		"L2::evict_first", "L2::evict_last", "L2::evict_normal", "L2::64B", "L2::128B",
		"L2::256B", "L2::cache_hint"};

	if (word_take(p, "acquire") || word_take(p, "acq_rel")) {
		i->flags |= FLAG_ACQUIRE;
		return true;
	}
	if (word_take(p, "release")) {
		i->flags |= FLAG_RELEASE;
		return true;
	}
	for (size_t n = 0; n < sizeof(hints) / sizeof(*hints); n++)
		if (word_take(p, hints[n]))
			return true;
	return false;
}

static void register_address(struct parser *p, const struct term *t, struct insn *i, unsigned bits)
{
	struct term base = {.kind = TERM_NAME, .name = t->name};

	i->a = operand_read(p, &base, bits == 64 ? 64 : 32, false);
	i->flags |= bits == 64 ? FLAG_WIDE : 0;
	i->offset = (int64_t)t->integer;
	if (i->space == SPACE_PARAM && !p->f->is_kernel)
		i->space = SPACE_LOCAL;
}

void address_parse(struct parser *p, const struct term *t, struct insn *i)
{
	struct term base = {.kind = TERM_NAME, .name = t->name, .integer = t->integer};
	struct symbol *s;
	unsigned bits;

	if (t->kind != TERM_ADDRESS || t->negated) {
		parse_error_at(p, p->s.line, "'%.*s' needs an address", (int)p->s.name.size,
			p->s.name.at);
		return;
	}
	bits = t->name.size ? operand_bits(p, &base) : 0;
	if (bits) {
		register_address(p, t, i, bits);
		return;
	}
	s = t->name.size ? symbol_find(p, t->name) : NULL;
	i->flags |= FLAG_WIDE;
	if (s && s->kind == SYMBOL_FRAME) {
		i->space = SPACE_FRAME;
		i->offset = (int64_t)(s->first + t->integer);
		i->a = literal_long(p, 0);
	} else if (!t->name.size || (s && s->kind == SYMBOL_PARAMETER)) {
		i->offset = (int64_t)((s ? s->first : 0) + t->integer);
		i->a = literal_long(p, 0);
	} else {
		i->a = operand_read(p, &base, 64, false);
	}
}

static enum access access_of(const struct insn *i)
{
	if (i->space == SPACE_SHARED)
		return ACCESS_SHARED;
	return i->space == SPACE_GLOBAL || i->space == SPACE_GENERIC || i->space == SPACE_CONST
		       ? ACCESS_GLOBAL
		       : ACCESS_OTHER;
}

/* The words of ld and st up to the type, which must be the last. */
static struct text parse_words(struct parser *p, struct insn *i)
{
	struct text type;

	i->space = SPACE_GENERIC;
	i->count = 1;
	while (word_take_hint(p, i) || word_take_space(p, i))
		;
	if (word_take(p, "v2"))
		i->count = 2;
	else if (word_take(p, "v4"))
		i->count = 4;
	else if (word_take(p, "v8"))
		i->count = 8;
	type = word_peek(p);
	i->size = (uint8_t)(type_bits(type) / 8);
	if (!i->size || i->size > 8 || i->size * i->count > 32)
		unsupported(p);
	p->s.word++;
	return type;
}

static enum loading loading_of(unsigned size, bool is_signed, bool is_long)
{
	static const enum loading table[2][4] = {
		{LOAD_U8, LOAD_U16, LOAD_32, LOAD_64},
		{LOAD_U8_LONG, LOAD_U16_LONG, LOAD_U32_LONG, LOAD_64},
	};
	enum loading l = table[is_long][__builtin_ctz(size)];

	return is_signed && l != LOAD_32 && l != LOAD_64 ? (enum loading)(l + 1) : l;
}

/* A register that an element goes to or comes from, narrower or not. */
static unsigned element_bits(struct parser *p, const struct term *t, unsigned size)
{
	unsigned bits = operand_bits(p, t);

	if (!bits)
		bits = size * 8;
	if (size == 8 && bits != 64)
		parse_error_at(p, p->s.line, "a register of '%.*s' is too small",
			(int)p->s.name.size, p->s.name.at);
	return bits == 64 ? 64 : 32;
}

static uint32_t *vector_list(struct parser *p, const struct term *t, struct insn *i)
{
	uint32_t *list;

	if (t->kind != TERM_VECTOR || t->count != i->count) {
		parse_error_at(p, p->s.line, "'%.*s' needs %u elements", (int)p->s.name.size,
			p->s.name.at, i->count);
		return NULL;
	}
	list = parser_get(p, t->count * sizeof(*list));
	i->list = list;
	return list;
}

static unsigned vector_bits(struct parser *p, const struct term *t, struct insn *i)
{
	unsigned bits = 0;

	for (unsigned n = 0; n < t->count && t->kind == TERM_VECTOR; n++)
		if (item_at(p, t, n)->kind == TERM_NAME && !is_sink(item_at(p, t, n)->name))
			bits = element_bits(p, item_at(p, t, n), i->size);
	return bits ? bits : i->size == 8 ? 64 : 32;
}

static bool is_uniform(const struct insn *i)
{
	return i->space == SPACE_PARAM && i->a >> OPERAND_SHIFT == FILE_LITERALS;
}

static void build_load(struct parser *p, const struct rule *r, struct insn *i)
{
	struct text type = parse_words(p, i);
	const struct term *t = &p->s.terms[0];
	bool is_signed = type.size && *type.at == 's';
	unsigned bits;
	uint32_t *list;

	statement_expect(p, 2, 3);
	if (p->err)
		return;
	address_parse(p, &p->s.terms[1], i);
	if (i->count == 1) {
		bits = is_sink(t->name) ? (i->size == 8 ? 64 : 32) : element_bits(p, t, i->size);
		i->d = operand_write(p, t, bits);
		i->extra = (uint8_t)loading_of(i->size, is_signed, bits == 64);
		i->run = is_uniform(i) ? run_load_uniform : load_handlers[i->extra][access_of(i)];
		return;
	}
	list = vector_list(p, t, i);
	bits = vector_bits(p, t, i);
	for (unsigned n = 0; n < i->count && list; n++)
		list[n] = operand_write(p, item_at(p, t, n), bits);
	i->extra = (uint8_t)loading_of(i->size, is_signed, bits == 64);
	i->run = run_load_vector;
}

static enum storing storing_of(unsigned size, bool is_long)
{
	static const enum storing table[2][4] = {
		{STORE_8, STORE_16, STORE_32, STORE_64},
		{STORE_8_LONG, STORE_16_LONG, STORE_32_LONG, STORE_64},
	};

	return table[is_long][__builtin_ctz(size)];
}

static void build_store(struct parser *p, const struct rule *r, struct insn *i)
{
	struct text type = parse_words(p, i);
	const struct term *t = &p->s.terms[1];
	bool is_float = type.size && *type.at == 'f';
	unsigned bits;
	uint32_t *list;

	statement_expect(p, 2, 3);
	if (p->err)
		return;
	address_parse(p, &p->s.terms[0], i);
	if (i->count == 1) {
		bits = element_bits(p, t, i->size);
		i->b = operand_read(p, t, bits, is_float);
		i->run = store_handlers[storing_of(i->size, bits == 64)][access_of(i)];
		return;
	}
	list = vector_list(p, t, i);
	bits = vector_bits(p, t, i);
	for (unsigned n = 0; n < i->count && list; n++)
		list[n] = operand_read(p, item_at(p, t, n), bits, is_float);
	i->extra = bits == 64;
	i->run = run_store_vector;
}

HANDLER(run_frame_address)
{
	uint64_t *d = column(w, i->d);

	LANES(lanes, l, d[l] = w->local[l] + i->value);
	return i + 1;
}

HANDLER(run_frame_address_32)
{
	uint32_t *d = column(w, i->d);

	LANES(lanes, l, d[l] = w->local[l] + (uint32_t)i->value);
	return i + 1;
}

/* mov and cvta of a variable in the frame. False if @t is none. */
bool build_frame_address(struct parser *p, const struct term *t, struct insn *i, unsigned bits,
	uint64_t window)
{
	struct symbol *s = t->kind == TERM_NAME ? symbol_find(p, t->name) : NULL;

	if (!s || s->kind != SYMBOL_FRAME)
		return false;
	i->d = operand_write(p, &p->s.terms[0], bits);
	i->value = (s->first + t->integer) | window;
	i->run = bits == 64 ? run_frame_address : run_frame_address_32;
	return true;
}

static uint64_t window_of(const struct insn *i)
{
	switch (i->space) {
	case SPACE_SHARED:
		return WINDOW_SHARED;
	case SPACE_LOCAL:
		return WINDOW_LOCAL;
	case SPACE_PARAM:
		return WINDOW_PARAM;
	}
	return 0;
}

OP1(to_generic, uint64_t, uint64_t, a | i->value)
OP1(to_window, uint64_t, uint64_t, a & i->value)

static void build_cvta(struct parser *p, const struct rule *r, struct insn *i)
{
	bool to = word_take(p, "to");
	uint64_t window;

	if (!word_take_space(p, i) || !(word_take(p, "u64")))
		unsupported(p);
	statement_expect(p, 2, 2);
	if (p->err)
		return;
	window = window_of(i);
	if (i->space == SPACE_PARAM && !p->f->is_kernel)
		window = WINDOW_LOCAL;
	if (!to && build_frame_address(p, &p->s.terms[1], i, 64, WINDOW_LOCAL))
		return;
	i->d = operand_write(p, &p->s.terms[0], 64);
	i->a = operand_read(p, &p->s.terms[1], 64, false);
	i->value = to ? (window ? ~WINDOW_MASK : ~0ull) : window;
	i->run = to ? to_window : to_generic;
}

HANDLER(run_isspacep)
{
	const uint64_t *a = column(w, i->a);
	uint32_t r = 0;

	for (unsigned l = 0; l < WARP_LANES; l++)
		r |= (uint32_t)((a[l] & WINDOW_MASK) == i->value) << l;
	predicate_set(w, i->d, lanes, r);
	return i + 1;
}

static void build_isspacep(struct parser *p, const struct rule *r, struct insn *i)
{
	if (!word_take_space(p, i) && !word_take(p, "shared::cluster"))
		unsupported(p);
	operands_parse(p, "Pl", i);
	i->value = i->space == SPACE_CONST ? WINDOW_MASK : window_of(i);
}

HANDLER(run_fence)
{
	memory_fence(w->block->grid);
	return i + 1;
}

HANDLER(run_nothing)
{
	return i + 1;
}

/* Prefetches and the like: the address is not even looked at. */
static void build_nothing(struct parser *p, const struct rule *r, struct insn *i)
{
	i->run = run_nothing;
}

static void build_fence(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 0, 0);
	i->run = run_fence;
}

const struct rule rules_memory[] = {
	{"ld.*", NULL, NULL, 0, build_load},
	{"ldu.*", NULL, NULL, 0, build_load},
	{"st.*", NULL, NULL, 0, build_store},
	{"cvta.*", NULL, NULL, 0, build_cvta},
	{"isspacep.*", NULL, run_isspacep, 0, build_isspacep},
	{"prefetch.*", NULL, NULL, 0, build_nothing},
	{"prefetchu.*", NULL, NULL, 0, build_nothing},
	{"applypriority.*", NULL, NULL, 0, build_nothing},
	{"discard.*", NULL, NULL, 0, build_nothing},
	{"membar.<cta|gl|sys>", NULL, NULL, 0, build_fence},
	{"fence.{sc}.{acq_rel}.{acquire}.{release}.<cta|cluster|gpu|sys>", NULL, NULL, 0,
		build_fence},
	{"fence.proxy.*", NULL, NULL, 0, build_nothing},
	RULES_END
};
