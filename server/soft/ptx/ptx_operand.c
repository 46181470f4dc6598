/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operands as they are written become operands as they are run: registers,
 * constants in the module's pool, addresses that a launch will know, special
 * registers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_parser.h"
#include "ptx_special.h"

#define SINK_WORD OPERAND(FILE_WORDS, 0)
#define SINK_LONG OPERAND(FILE_LONGS, 6)

static void bad_operand(struct parser *p, struct text name, const char *what)
{
	parse_error_at(p, p->s.line, "operand '%.*s' of '%.*s' %s", (int)name.size, name.at,
		(int)p->s.name.size, p->s.name.at, what);
}

static uint32_t literal_units(struct parser *p, uint32_t units)
{
	struct ptx_module *m = p->m;
	uint32_t at = m->literal_units;
	unsigned char *grown;

	if (at + units > p->literal_capacity) {
		uint32_t wanted = p->literal_capacity ? p->literal_capacity * 2 : 64;

		grown = wanted >= OPERAND_MASK ? NULL
					       : realloc(m->literals, (size_t)wanted * UNIT_BYTES);
		if (!grown) {
			p->err = p->err ? p->err : -ENOMEM;
			p->token.kind = TOKEN_END;
			return 0;
		}
		m->literals = grown;
		p->literal_capacity = wanted;
	}
	m->literal_units += units;
	return at;
}

static uint32_t literal_get(struct parser *p, uint64_t value, bool wide)
{
	struct literal **bucket, *l;

	bucket = &p->literals[(value ^ value >> 17 ^ value >> 41) % LITERAL_BUCKETS];
	for (l = *bucket; l; l = l->next)
		if (l->value == value && l->wide == wide)
			return OPERAND(FILE_LITERALS, l->unit);
	l = parser_get(p, sizeof(*l));
	if (!l)
		return OPERAND(FILE_LITERALS, 0);
	*l = (struct literal){value, literal_units(p, wide ? 2 : 1), wide, *bucket};
	*bucket = l;
	for (unsigned lane = 0; lane < WARP_LANES && !p->err; lane++) {
		unsigned char *column = p->m->literals + (size_t)l->unit * UNIT_BYTES;

		if (wide)
			((uint64_t *)(void *)column)[lane] = value;
		else
			((uint32_t *)(void *)column)[lane] = (uint32_t)value;
	}
	return OPERAND(FILE_LITERALS, l->unit);
}

uint32_t literal_word(struct parser *p, uint32_t value)
{
	return literal_get(p, value, false);
}

uint32_t literal_long(struct parser *p, uint64_t value)
{
	return literal_get(p, value, true);
}

static void note_reference(struct parser *p, enum reference_kind kind, uint32_t index)
{
	if (kind == REFER_FUNCTION)
		p->m->functions[index]->address_taken = true;
}

static uint32_t reference_get(
	struct parser *p, enum reference_kind kind, uint32_t index, int64_t addend, bool wide)
{
	struct reference *r;

	for (uint32_t i = p->reference_count; i-- > 0 && i + 64 > p->reference_count;) {
		r = &p->references[i];
		if (r->kind == kind && r->index == index && r->addend == addend && r->wide == wide)
			return OPERAND(FILE_SYMBOLS, r->unit);
	}
	if (parser_grow(p, (void **)&p->references, &p->reference_capacity, p->reference_count,
			sizeof(*r)))
		return 0;
	if (p->m->symbol_units >= OPERAND_MASK - 2) {
		parse_error(p, "too many addresses");
		return 0;
	}
	note_reference(p, kind, index);
	r = &p->references[p->reference_count++];
	*r = (struct reference){kind, index, p->m->symbol_units, wide, addend};
	p->m->symbol_units += wide ? 2 : 1;
	return OPERAND(FILE_SYMBOLS, r->unit);
}

bool is_sink(struct text name)
{
	return text_is(name, "_");
}

static uint32_t register_operand(struct parser *p, const struct symbol *s, uint32_t number,
	bool write)
{
	occurrence_add(p, (s->first + number) * 2 + (s->bits == 64), write);
	return s->bits == 64 ? OPERAND(FILE_LONGS, (s->first + number) * 2)
			     : OPERAND(FILE_WORDS, s->first + number);
}

unsigned operand_bits(struct parser *p, const struct term *t)
{
	uint32_t number;
	unsigned bits = 0;
	struct symbol *s;

	if (t->kind != TERM_NAME)
		return 0;
	s = symbol_find_register(p, t->name, &number);
	if (s)
		return s->bits;
	special_find(t->name, &bits);
	return bits;
}

static uint32_t symbol_operand(struct parser *p, const struct term *t, bool wide)
{
	struct symbol *s = symbol_find(p, t->name);
	int64_t addend = (int64_t)t->integer;

	if (s && s->kind == SYMBOL_VARIABLE)
		return reference_get(p, REFER_VARIABLE, s->first, addend, wide);
	if (s && s->kind == SYMBOL_SHARED)
		return reference_get(p, REFER_SHARED, s->first, addend, wide);
	if (s && s->kind == SYMBOL_FUNCTION)
		return reference_get(p, REFER_FUNCTION, s->first, addend, wide);
	if (s && s->kind == SYMBOL_PARAMETER)
		return literal_get(p, s->first + t->integer, wide);
	bad_operand(p, t->name, s ? "may not stand here" : "is not known");
	return 0;
}

static uint32_t name_operand(struct parser *p, const struct term *t, unsigned bits)
{
	uint32_t number, operand;
	unsigned found;
	struct symbol *s = symbol_find_register(p, t->name, &number);

	if (s) {
		if (s->bits == 1 || (s->bits == 64) != (bits == 64))
			bad_operand(p, t->name, "has the wrong type");
		if (t->integer)
			bad_operand(p, t->name, "may not have an offset");
		if (s->bits * number >= OPERAND_MASK)
			bad_operand(p, t->name, "is too far");
		return register_operand(p, s, number, false);
	}
	operand = special_find(t->name, &found);
	if (!found)
		return symbol_operand(p, t, bits == 64);
	if ((found == 64) != (bits == 64) || found == 1)
		bad_operand(p, t->name, "has the wrong type");
	return operand;
}

uint32_t operand_read(struct parser *p, const struct term *t, unsigned bits, bool is_float)
{
	struct constant c = {t->kind == TERM_FLOAT, t->integer, t->number, t->exact};

	if (t->negated || t->paired) {
		parse_error_at(p, p->s.line, "bad operand of '%.*s'", (int)p->s.name.size,
			p->s.name.at);
		return 0;
	}
	if (t->kind == TERM_NAME)
		return name_operand(p, t, bits);
	if (t->kind == TERM_INTEGER || t->kind == TERM_FLOAT)
		return literal_get(p, constant_bits(c, bits, is_float), bits == 64);
	parse_error_at(p, p->s.line, "bad operand of '%.*s'", (int)p->s.name.size, p->s.name.at);
	return 0;
}

uint32_t operand_write(struct parser *p, const struct term *t, unsigned bits)
{
	uint32_t number;
	struct symbol *s;

	if (t->kind != TERM_NAME || t->paired || t->negated || t->integer) {
		parse_error_at(p, p->s.line, "bad destination of '%.*s'", (int)p->s.name.size,
			p->s.name.at);
		return 0;
	}
	if (is_sink(t->name))
		return bits == 64 ? SINK_LONG : SINK_WORD;
	s = symbol_find_register(p, t->name, &number);
	if (!s) {
		bad_operand(p, t->name, "is no register");
		return 0;
	}
	if (s->bits == 1 || (s->bits == 64) != (bits == 64))
		bad_operand(p, t->name, "has the wrong type");
	return register_operand(p, s, number, true);
}

uint32_t operand_predicate(struct parser *p, struct text name, bool negated)
{
	uint32_t number;
	struct symbol *s = symbol_find_register(p, name, &number);

	if (p->err)
		return 0;
	if (!s || s->bits != 1) {
		parse_error(p, "'%.*s' is no predicate", (int)name.size, name.at);
		return 0;
	}
	return (s->first + number) * 2 + negated;
}

uint32_t predicate_read(struct parser *p, const struct term *t)
{
	if (t->kind == TERM_INTEGER)
		return !t->integer == !t->negated ? PREDICATE_FALSE : PREDICATE_TRUE;
	if (t->kind == TERM_NAME && text_is(t->name, "%is_explicit_cluster"))
		return PREDICATE_FALSE;
	if (t->kind == TERM_NAME && !t->paired && !t->integer)
		return operand_predicate(p, t->name, t->negated);
	parse_error_at(p, p->s.line, "predicate expected in '%.*s'", (int)p->s.name.size,
		p->s.name.at);
	return 0;
}

uint32_t predicate_write(struct parser *p, struct text name)
{
	return is_sink(name) ? 0 : operand_predicate(p, name, false);
}

const struct term *item_at(const struct parser *p, const struct term *t, unsigned index)
{
	return &p->s.items[t->first + index];
}

static void predicate_pair(struct parser *p, const struct term *t, struct insn *i)
{
	if (t->kind != TERM_NAME || t->negated || t->integer)
		bad_operand(p, t->name, "is no destination");
	i->d = predicate_write(p, t->name);
	i->e = t->paired ? predicate_write(p, t->pair) : 0;
}

static uint32_t letter_operand(struct parser *p, char letter, const struct term *t)
{
	switch (letter) {
	case 'p':
		return predicate_read(p, t);
	case 'h':
		return operand_read(p, t, 16, false);
	case 'w':
		return operand_read(p, t, 32, false);
	case 'l':
		return operand_read(p, t, 64, false);
	case 'f':
		return operand_read(p, t, 32, true);
	case 'd':
		return operand_read(p, t, 64, true);
	case 'H':
		return operand_write(p, t, 16);
	case 'W': case 'F':
		return operand_write(p, t, 32);
	case 'L': case 'D':
		return operand_write(p, t, 64);
	}
	parse_error(p, "bad rule");
	return 0;
}

/*
 * A letter for each operand: h w l are 16, 32 and 64 bits, f d the same 32 and
 * 64 with constants as floats, p a predicate; capitals are destinations, Q a
 * pair of predicates, P one. The destination goes to d, sources to a b c e.
 */
void operands_parse(struct parser *p, const char *letters, struct insn *i)
{
	uint32_t *const sources[] = {&i->a, &i->b, &i->c, &i->e};
	unsigned count = (unsigned)strlen(letters), source = 0;

	statement_expect(p, count, count);
	for (unsigned n = 0; n < count && !p->err; n++) {
		const struct term *t = &p->s.terms[n];

		if (letters[n] == 'Q')
			predicate_pair(p, t, i);
		else if (letters[n] == 'P' && t->kind == TERM_NAME && !t->paired)
			i->d = predicate_write(p, t->name);
		else if (letters[n] >= 'a')
			*sources[source++] = letter_operand(p, letters[n], t);
		else
			i->d = letter_operand(p, letters[n], t);
	}
}
