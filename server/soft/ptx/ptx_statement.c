/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction as text: its name cut into words, its operands as terms. No
 * meaning yet; but an instruction that nobody knows is refused before its
 * operands are looked at, so that the message names it and not its syntax.
 */
#include <string.h>

#include "ptx_parser.h"

static void parse_term(struct parser *p, struct term *t);

static struct term *new_item(struct parser *p)
{
	struct statement *s = &p->s;

	if (parser_grow(p, (void **)&s->items, &s->item_capacity, s->item_count, sizeof(*s->items)))
		return NULL;
	memset(&s->items[s->item_count], 0, sizeof(*s->items));
	return &s->items[s->item_count++];
}

/* Items of a vector or an argument list are names and constants only. */
static void parse_items(struct parser *p, struct term *t, char end)
{
	t->first = p->s.item_count;
	while (!p->err && !token_is(p, end)) {
		struct term item = {0}, *place;

		if (token_is(p, '{') || token_is(p, '(') || token_is(p, '['))
			parse_error(p, "operands are nested too deep");
		parse_term(p, &item);
		place = new_item(p);
		if (!place)
			return;
		*place = item;
		t->count++;
		if (!accept_sign(p, ','))
			break;
	}
	expect_sign(p, end);
}

static void parse_offset(struct parser *p, struct term *t)
{
	if (token_is(p, '+')) {
		lex_next(p);
		t->integer = parse_integer(p);
	} else if (token_is(p, '-')) {
		t->integer = parse_integer(p);
	}
}

static void parse_address(struct parser *p, struct term *t)
{
	t->kind = TERM_ADDRESS;
	if (p->token.kind == TOKEN_WORD) {
		t->name = expect_word(p);
		parse_offset(p, t);
	} else {
		t->integer = parse_integer(p);
	}
	expect_sign(p, ']');
}

static void parse_name(struct parser *p, struct term *t)
{
	t->kind = TERM_NAME;
	t->name = expect_word(p);
	parse_offset(p, t);
	if (accept_sign(p, '|')) {
		t->paired = true;
		t->pair = expect_word(p);
	}
}

static void parse_number(struct parser *p, struct term *t)
{
	struct constant c = parse_constant(p);

	t->kind = c.is_float ? TERM_FLOAT : TERM_INTEGER;
	t->integer = c.integer;
	t->number = c.number;
	t->exact = c.exact;
}

static void parse_term(struct parser *p, struct term *t)
{
	t->negated = accept_sign(p, '!');
	if (accept_sign(p, '{')) {
		t->kind = TERM_VECTOR;
		parse_items(p, t, '}');
	} else if (accept_sign(p, '[')) {
		parse_address(p, t);
	} else if (p->token.kind == TOKEN_WORD && !token_is_word(p, "WARP_SZ")) {
		parse_name(p, t);
	} else if (token_is(p, '(') && p->s.word_count && text_is(p->s.words[0], "call")) {
		lex_next(p);
		t->kind = TERM_LIST;
		parse_items(p, t, ')');
	} else {
		parse_number(p, t);
	}
}

static void parse_terms(struct parser *p)
{
	struct statement *s = &p->s;

	s->term_count = s->item_count = 0;
	while (!p->err && !token_is(p, ';')) {
		if (s->term_count == STATEMENT_TERMS) {
			parse_error(p, "too many operands");
			return;
		}
		memset(&s->terms[s->term_count], 0, sizeof(*s->terms));
		parse_term(p, &s->terms[s->term_count++]);
		if (!accept_sign(p, ','))
			break;
	}
	expect_sign(p, ';');
}

static void split_name(struct parser *p, struct text name)
{
	struct statement *s = &p->s;
	const char *at = name.at, *end = name.at + name.size;

	s->name = name;
	s->word_count = 0;
	while (at <= end && s->word_count < STATEMENT_WORDS) {
		const char *dot = memchr(at, '.', (size_t)(end - at));

		if (!dot)
			dot = end;
		s->words[s->word_count++] = (struct text){at, (size_t)(dot - at)};
		at = dot + 1;
	}
}

/* @p or @!p, from its @ on. */
uint32_t parse_guard(struct parser *p)
{
	bool negated;

	expect_sign(p, '@');
	negated = accept_sign(p, '!');
	return operand_predicate(p, expect_word(p), negated);
}

void parse_statement(struct parser *p, uint32_t guard, struct text name, unsigned line)
{
	p->s.line = line;
	p->s.guard = guard;
	if (p->err)
		return;
	split_name(p, name);
	if (!rule_known(p, p->s.words[0])) {
		unsupported(p);
		return;
	}
	parse_terms(p);
	if (!p->err)
		build_statement(p);
}
