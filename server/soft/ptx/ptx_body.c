/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a function: blocks with their own names, labels, declarations
 * and instructions in any order.
 */
#include "ptx_parser.h"

#define BLOCK_LIMIT 64

static void parse_block(struct parser *p);

/* label: .branchtargets a, b, c; */
static void parse_targets(struct parser *p, struct text name)
{
	struct symbol *s = symbol_add(p, name, SYMBOL_TARGETS);
	struct branch_table *t = s ? parser_get(p, sizeof(*t)) : NULL;
	uint32_t first = p->fixup_count;

	if (!t)
		return;
	s->table = t;
	do {
		struct fixup f = {.kind = FIXUP_TABLE_ENTRY, .table = t, .entry = t->count++,
			.line = p->token.line};

		f.label = expect_word(p);
		fixup_add(p, f);
	} while (!p->err && accept_sign(p, ','));
	t->targets = parser_get(p, (p->fixup_count - first + 1) * sizeof(*t->targets));
	expect_sign(p, ';');
}

/* What an indirect call's prototype or targets say is checked when it runs. */
static void parse_prototype(struct parser *p, struct text name)
{
	symbol_add(p, name, SYMBOL_PROTOTYPE);
	while (!p->err && p->token.kind != TOKEN_END && !token_is(p, ';'))
		lex_next(p);
	expect_sign(p, ';');
}

static void parse_label(struct parser *p, struct text name)
{
	struct symbol *s;

	if (accept_word(p, ".branchtargets")) {
		parse_targets(p, name);
	} else if (accept_word(p, ".callprototype") || accept_word(p, ".calltargets")) {
		parse_prototype(p, name);
	} else {
		s = symbol_add(p, name, SYMBOL_LABEL);
		if (s)
			s->first = p->code_count;
	}
}

static void parse_directive(struct parser *p)
{
	struct text word = p->token.text;

	if (text_is(word, ".loc") || text_is(word, ".file")) {
		lex_skip_line(p);
		return;
	}
	lex_next(p);
	if (text_is(word, ".reg")) {
		parse_registers(p);
	} else if (text_is(word, ".local") || text_is(word, ".param")) {
		parse_frame_variable(p);
	} else if (text_is(word, ".shared") || text_is(word, ".global") ||
		   text_is(word, ".const")) {
		parse_variable(p, word, false);
	} else if (text_is(word, ".pragma")) {
		while (!p->err && p->token.kind != TOKEN_END && !token_is(p, ';'))
			lex_next(p);
		expect_sign(p, ';');
	} else {
		parse_error(p, "'%.*s' is not supported here", (int)word.size, word.at);
	}
}

static void parse_item(struct parser *p)
{
	unsigned line = p->token.line;
	struct text name = p->token.text;

	if (token_is(p, '{')) {
		parse_block(p);
	} else if (token_is(p, '@')) {
		uint32_t guard = parse_guard(p);

		parse_statement(p, guard, expect_word(p), line);
	} else if (p->token.kind == TOKEN_WORD && *name.at == '.') {
		parse_directive(p);
	} else if (p->token.kind == TOKEN_WORD) {
		lex_next(p);
		if (accept_sign(p, ':'))
			parse_label(p, name);
		else
			parse_statement(p, GUARD_NONE, name, line);
	} else if (!accept_sign(p, ';')) {
		expect_sign(p, '}');
	}
}

static void parse_block(struct parser *p)
{
	uint32_t fixups = p->fixup_count;

	if (p->depth >= BLOCK_LIMIT) {
		parse_error(p, "blocks are nested too deep");
		return;
	}
	expect_sign(p, '{');
	scope_open(p);
	while (!p->err && !token_is(p, '}') && p->token.kind != TOKEN_END)
		parse_item(p);
	if (p->token.kind == TOKEN_END)
		parse_error(p, "'}' expected at the end");
	fixups_close(p, fixups);
	scope_close(p);
	expect_sign(p, '}');
}

void parse_body(struct parser *p)
{
	parse_block(p);
}
