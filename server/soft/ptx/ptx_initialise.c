/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Initial values of variables: an image of bytes, and relocations where the
 * text names an address. Relocations are resolved when the whole text has been
 * read, and filled in when the caller knows where its variables lie.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_parser.h"

#define IMAGE_LIMIT (1ull << 30)

struct image {
	struct variable *variable;
	unsigned char *bytes;
	uint64_t capacity;
	uint64_t used;
	const struct declaration *d;
	unsigned element;
};

static unsigned char *image_at(struct parser *p, struct image *m, uint64_t index)
{
	uint64_t end = (index + 1) * m->element;
	uint64_t wanted = m->capacity ? m->capacity : 256;
	unsigned char *grown;

	if (index >= IMAGE_LIMIT || end > IMAGE_LIMIT ||
	    (!m->d->is_unsized && end > m->variable->public.size)) {
		parse_error(p, "initialiser is larger than its variable");
		return NULL;
	}
	while (wanted < end)
		wanted *= 2;
	if (wanted > m->capacity) {
		grown = realloc(m->bytes, wanted);
		if (!grown) {
			p->err = -ENOMEM;
			p->token.kind = TOKEN_END;
			return NULL;
		}
		memset(grown + m->capacity, 0, wanted - m->capacity);
		m->bytes = grown;
		m->capacity = wanted;
	}
	if (m->used < end)
		m->used = end;
	return m->bytes + end - m->element;
}

/* name, generic(name), either with an offset. */
static void parse_address(struct parser *p, struct image *m, uint64_t index, uint64_t mask)
{
	struct pending *r;
	bool generic;

	if (!image_at(p, m, index))
		return;
	r = parser_get(p, sizeof(*r));
	if (!r)
		return;
	r->variable = m->variable;
	r->line = p->token.line;
	r->relocation.offset = (uint32_t)(index * m->element);
	r->relocation.size = m->element;
	while (mask > 0xff && !(mask & 0xff)) {
		mask >>= 8;
		r->relocation.shift += 8;
	}
	generic = accept_word(p, "generic");
	if (generic)
		expect_sign(p, '(');
	r->name = expect_word(p);
	if (generic)
		expect_sign(p, ')');
	if (token_is(p, '+') || token_is(p, '-'))
		r->relocation.addend = (int64_t)parse_integer(p);
	r->next = p->pending;
	p->pending = r;
}

static void parse_element(struct parser *p, struct image *m, uint64_t index)
{
	struct constant c;
	unsigned char *place;
	uint64_t bits;

	if (p->token.kind == TOKEN_WORD && !token_is_word(p, "WARP_SZ")) {
		parse_address(p, m, index, 0xff);
		return;
	}
	c = parse_constant(p);
	if (accept_sign(p, '(')) {
		parse_address(p, m, index, c.integer);
		expect_sign(p, ')');
		return;
	}
	place = image_at(p, m, index);
	bits = constant_bits(c, m->d->bits, m->d->is_float);
	if (place)
		memcpy(place, &bits, m->element);
}

/* Elements inside of one rank of an array; the next one starts @stride later. */
static void parse_rank(struct parser *p, struct image *m, unsigned rank, uint64_t index)
{
	uint64_t stride = m->d->lanes;

	if (rank > DIMENSIONS_LIMIT) {
		parse_error(p, "initialiser too deep");
		return;
	}
	for (unsigned i = rank + 1; i < m->d->dimension_count; i++)
		stride *= m->d->dimensions[i];
	expect_sign(p, '{');
	while (!p->err && !token_is(p, '}')) {
		if (token_is(p, '{')) {
			parse_rank(p, m, rank + 1, index);
			index += stride;
		} else {
			parse_element(p, m, index++);
		}
		if (!accept_sign(p, ','))
			break;
	}
	expect_sign(p, '}');
}

void parse_initialiser(struct parser *p, struct variable *v, const struct declaration *d)
{
	struct image m = {.variable = v, .d = d, .element = d->bits / 8};

	if (token_is(p, '{'))
		parse_rank(p, &m, 0, 0);
	else
		parse_element(p, &m, 0);
	v->image = m.used ? parser_get(p, m.used) : NULL;
	if (v->image) {
		memcpy(v->image, m.bytes, m.used);
		v->image_size = m.used;
	}
	free(m.bytes);
}

static bool resolve(struct parser *p, struct pending *r)
{
	struct symbol *s = symbol_find(p, r->name);

	if (s && s->kind == SYMBOL_VARIABLE)
		r->relocation.kind = REFER_VARIABLE;
	else if (s && s->kind == SYMBOL_FUNCTION)
		r->relocation.kind = REFER_FUNCTION;
	else
		return false;
	r->relocation.index = s->first;
	if (s->kind == SYMBOL_FUNCTION)
		p->m->functions[s->first]->address_taken = true;
	return true;
}

void initialisers_finish(struct parser *p)
{
	struct pending *r;

	for (r = p->pending; r && !p->err; r = r->next) {
		if (!resolve(p, r))
			parse_error_at(p, r->line, "'%.*s' in an initialiser is not known",
				(int)r->name.size, r->name.at);
		r->variable->relocation_count++;
	}
	for (r = p->pending; r && !p->err; r = r->next) {
		struct variable *v = r->variable;

		if (!v->relocations) {
			v->relocations = parser_get(p,
				v->relocation_count * sizeof(*v->relocations));
			v->relocation_count = 0;
		}
		if (v->relocations)
			v->relocations[v->relocation_count++] = r->relocation;
	}
}

static int relocate(const struct relocation *r, unsigned char *image, void *const *variables)
{
	uint64_t address;

	if (r->kind == REFER_FUNCTION)
		address = WINDOW_CODE | (uint64_t)r->index << 4;
	else if (variables[r->index])
		address = (uint64_t)(uintptr_t)variables[r->index];
	else
		return -ENOENT;
	address = (address + (uint64_t)r->addend) >> r->shift;
	memcpy(image + r->offset, &address, r->size);
	return 0;
}

int ptx_module_initialise(const struct ptx_module *m, void *const *variables)
{
	for (unsigned i = 0; i < m->variable_count; i++) {
		const struct variable *v = m->variables[i];
		unsigned char *place = variables[i];

		if (!place)
			continue;
		if (v->image_size)
			memcpy(place, v->image, v->image_size);
		memset(place + v->image_size, 0, v->public.size - v->image_size);
		for (size_t r = 0; r < v->relocation_count; r++) {
			int err = relocate(&v->relocations[r], place, variables);

			if (err < 0)
				return err;
		}
	}
	return 0;
}
