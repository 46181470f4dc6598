/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declarations of registers and variables. Every size is checked here: what
 * comes out is small enough to be added up without care.
 */

#include "ptx_parser.h"

#define REGISTER_LIMIT (1u << 20)
#define FRAME_LIMIT (16u << 20)
#define VARIABLE_LIMIT (1ull << 40)
#define SHARED_LIMIT (1u << 24)
#define ALIGNMENT_LIMIT 4096

uint64_t declaration_bytes(struct parser *p, const struct declaration *d)
{
	uint64_t element = (uint64_t)d->bits / 8 * d->lanes;

	if (d->count && element > VARIABLE_LIMIT / d->count) {
		parse_error(p, "'%.*s' is too large", (int)d->name.size, d->name.at);
		return 0;
	}
	return element * d->count;
}

static void parse_alignment(struct parser *p, struct declaration *d)
{
	uint64_t n = p->token.integer;

	if (p->token.kind != TOKEN_INTEGER || !n || n > ALIGNMENT_LIMIT || (n & (n - 1)))
		parse_error(p, "bad alignment");
	d->alignment = (unsigned)n;
	lex_next(p);
}

/* Everything between the state space and the name. */
void parse_type_words(struct parser *p, struct declaration *d)
{
	d->lanes = 1;
	while (p->token.kind == TOKEN_WORD && *p->token.text.at == '.') {
		struct text word = p->token.text;

		lex_next(p);
		if (text_is(word, ".align")) {
			parse_alignment(p, d);
		} else if (text_is(word, ".v2") || text_is(word, ".v4") || text_is(word, ".v8")) {
			d->lanes = (unsigned)(word.at[2] - '0');
		} else if (type_bits(word)) {
			d->bits = type_bits(word);
			d->is_float = word.at[1] == 'f' && d->bits >= 32;
		} else if (text_is(word, ".ptr") || text_is(word, ".global") ||
			   text_is(word, ".shared") || text_is(word, ".const") ||
			   text_is(word, ".local")) {
			continue;
		} else {
			parse_error(p, "'%.*s' is not supported here", (int)word.size, word.at);
		}
	}
	if (!d->bits)
		parse_error(p, "type expected");
}

static void parse_dimensions(struct parser *p, struct declaration *d)
{
	while (!p->err && accept_sign(p, '[')) {
		uint64_t n = 0;

		if (token_is(p, ']'))
			d->is_unsized = true;
		else
			n = parse_integer(p);
		if (d->dimension_count == DIMENSIONS_LIMIT ||
		    (d->is_unsized && d->dimension_count) || n > VARIABLE_LIMIT ||
		    (n && d->count > VARIABLE_LIMIT / n))
			parse_error(p, "'%.*s' is too large", (int)d->name.size, d->name.at);
		else
			d->dimensions[d->dimension_count++] = n;
		d->count *= n;
		d->is_array = true;
		expect_sign(p, ']');
	}
}

void parse_declarator(struct parser *p, struct declaration *d)
{
	d->name = expect_word(p);
	d->count = 1;
	d->family = 0;
	d->is_array = d->is_unsized = false;
	d->dimension_count = 0;
	if (accept_sign(p, '<')) {
		if (p->token.kind != TOKEN_INTEGER || p->token.integer > REGISTER_LIMIT)
			parse_error(p, "bad number of registers");
		d->family = (uint32_t)p->token.integer;
		lex_next(p);
		expect_sign(p, '>');
		if (!d->family)
			d->family = 1;
	}
	parse_dimensions(p, d);
}

static void add_registers(struct parser *p, const struct declaration *d)
{
	uint32_t n = d->family ? d->family : 1;
	uint32_t *file = d->bits == 1 ? &p->predicates : d->bits == 64 ? &p->longs : &p->words;
	struct symbol *s = symbol_add(p, d->name, SYMBOL_REGISTER);

	if (!s)
		return;
	if (d->bits == 128 || d->lanes > 1 || d->is_array) {
		parse_error(p, "register '%.*s' has a type that is not supported",
			(int)d->name.size, d->name.at);
		return;
	}
	if (n > REGISTER_LIMIT - *file) {
		parse_error(p, "too many registers");
		return;
	}
	s->bits = d->bits;
	s->count = d->family;
	s->first = *file;
	*file += n;
}

void parse_registers(struct parser *p)
{
	struct declaration d = {0};

	parse_type_words(p, &d);
	do {
		parse_declarator(p, &d);
		if (!p->err)
			add_registers(p, &d);
	} while (accept_sign(p, ','));
	expect_sign(p, ';');
}

uint32_t frame_place(struct parser *p, uint64_t size, unsigned alignment)
{
	uint64_t place = p->f->frame_bytes;

	if (!alignment)
		alignment = 1;
	place = (place + alignment - 1) / alignment * alignment;
	if (size > FRAME_LIMIT || place + size > FRAME_LIMIT) {
		parse_error(p, "too much local memory");
		return 0;
	}
	p->f->frame_bytes = (uint32_t)(place + size);
	return (uint32_t)place;
}

static unsigned alignment_of(const struct declaration *d)
{
	return d->alignment ? d->alignment : d->bits >= 8 ? d->bits / 8 * d->lanes : 1;
}

/* .local and .param variables of a function's body. */
void parse_frame_variable(struct parser *p)
{
	struct declaration d = {0};

	parse_type_words(p, &d);
	do {
		struct symbol *s;
		uint64_t size;

		parse_declarator(p, &d);
		size = declaration_bytes(p, &d);
		s = p->err ? NULL : symbol_add(p, d.name, SYMBOL_FRAME);
		if (!s)
			return;
		s->first = frame_place(p, size, alignment_of(&d));
		s->size = (uint32_t)size;
	} while (accept_sign(p, ','));
	expect_sign(p, ';');
}

static void add_shared(struct parser *p, const struct declaration *d, bool is_extern)
{
	struct ptx_module *m = p->m;
	uint64_t size = d->is_unsized ? 0 : declaration_bytes(p, d);
	struct symbol *s = symbol_find(p, d->name);
	struct shared_variable *v;

	if (s && s->kind == SYMBOL_SHARED && s->depth == p->depth && is_extern)
		return;
	s = symbol_add(p, d->name, SYMBOL_SHARED);
	if (!s || parser_grow(p, (void **)&m->shared, &p->shared_capacity, m->shared_count,
			sizeof(*v)))
		return;
	if (size > SHARED_LIMIT)
		parse_error(p, "too much shared memory");
	v = &m->shared[m->shared_count];
	v->size = (uint32_t)size;
	v->alignment = alignment_of(d);
	v->is_dynamic = is_extern || d->is_unsized;
	s->first = m->shared_count++;
}

static struct variable *new_variable(struct parser *p, const struct declaration *d)
{
	struct ptx_module *m = p->m;
	struct symbol *s = symbol_add(p, d->name, SYMBOL_VARIABLE);
	struct variable *v = s ? parser_get(p, sizeof(*v)) : NULL;

	if (!v || parser_grow(p, (void **)&m->variables, &p->variable_capacity, m->variable_count,
			sizeof(v)))
		return NULL;
	s->first = m->variable_count;
	m->variables[m->variable_count++] = v;
	v->public.name = parser_copy(p, d->name);
	return v;
}

/* A declaration may come before the definition, as an extern one. */
static void add_variable(struct parser *p, const struct declaration *d, bool is_const,
	bool is_extern, bool is_managed)
{
	struct symbol *s = symbol_find(p, d->name);
	struct variable *v;

	if (s && s->kind == SYMBOL_VARIABLE && s->depth == p->depth &&
	    (is_extern || p->m->variables[s->first]->public.is_extern))
		v = p->m->variables[s->first];
	else
		v = new_variable(p, d);
	if (!v || (is_extern && v->public.size))
		return;
	v->public.size = declaration_bytes(p, d);
	v->public.alignment = alignment_of(d);
	v->public.is_const = is_const;
	v->public.is_extern = is_extern;
	v->public.is_managed = is_managed;
	if (!is_extern && accept_sign(p, '='))
		parse_initialiser(p, v, d);
	if (d->is_unsized && !is_extern)
		v->public.size = v->image_size;
}

static bool accept_attributes(struct parser *p)
{
	bool managed = false;

	while (accept_word(p, ".attribute")) {
		expect_sign(p, '(');
		while (!p->err && !token_is(p, ')') && p->token.kind != TOKEN_END) {
			if (accept_word(p, ".managed"))
				managed = true;
			else
				lex_next(p);
		}
		expect_sign(p, ')');
	}
	return managed;
}

/* A variable of the module or a .shared or .global one of a function. */
void parse_variable(struct parser *p, struct text space, bool is_extern)
{
	struct declaration d = {0};
	bool managed = accept_attributes(p);

	parse_type_words(p, &d);
	do {
		parse_declarator(p, &d);
		if (p->err)
			return;
		if (d.bits == 1 || d.family) {
			parse_error(p, "bad variable '%.*s'", (int)d.name.size, d.name.at);
			return;
		}
		if (text_is(space, ".shared"))
			add_shared(p, &d, is_extern);
		else
			add_variable(p, &d, text_is(space, ".const"), is_extern, managed);
	} while (accept_sign(p, ','));
	expect_sign(p, ';');
}
