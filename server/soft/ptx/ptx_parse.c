/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outermost level of a PTX text, and the parser's life from text to module.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_parser.h"

/* Debugging sections hold nothing that a program's meaning depends on. */
static void skip_section(struct parser *p)
{
	unsigned depth = 0;

	while (!p->err && p->token.kind != TOKEN_END) {
		if (token_is(p, '{'))
			depth++;
		if (token_is(p, '}') && !--depth)
			break;
		lex_next(p);
	}
	expect_sign(p, '}');
}

static void parse_version(struct parser *p)
{
	struct token t = p->token;
	char *end;

	if (t.kind != TOKEN_FLOAT || t.exact) {
		parse_error(p, "version expected");
		return;
	}
	p->m->version = (unsigned)strtoul(t.text.at, &end, 10) * 10;
	if (*end == '.' && end + 1 < t.text.at + t.text.size)
		p->m->version += (unsigned)(end[1] - '0');
	lex_next(p);
}

static void parse_target(struct parser *p)
{
	do {
		struct text t = expect_word(p);

		for (size_t i = 3; t.size > 3 && !memcmp(t.at, "sm_", 3) && i < t.size; i++)
			if (t.at[i] >= '0' && t.at[i] <= '9' && p->m->target < 1000)
				p->m->target = p->m->target * 10 + (unsigned)(t.at[i] - '0');
	} while (!p->err && accept_sign(p, ','));
}

static void parse_address_size(struct parser *p)
{
	if (p->token.kind != TOKEN_INTEGER || p->token.integer != 64)
		parse_error(p, "only 64-bit addresses are supported");
	lex_next(p);
}

static void parse_linked(struct parser *p, bool is_extern)
{
	struct text word = expect_word(p);

	if (text_is(word, ".entry"))
		parse_function(p, true);
	else if (text_is(word, ".func"))
		parse_function(p, false);
	else if (text_is(word, ".global") || text_is(word, ".const") || text_is(word, ".shared"))
		parse_variable(p, word, is_extern);
	else
		parse_error(p, "'%.*s' is not supported here", (int)word.size, word.at);
}

/* .alias f, g; both are functions, and f stands for g. */
static void parse_alias(struct parser *p)
{
	struct text alias = expect_word(p), name;
	struct symbol *from, *to;

	expect_sign(p, ',');
	name = expect_word(p);
	expect_sign(p, ';');
	from = symbol_find(p, alias);
	to = symbol_find(p, name);
	if (!from || !to || from->kind != SYMBOL_FUNCTION || to->kind != SYMBOL_FUNCTION)
		parse_error(p, "alias of an unknown function");
	else
		p->m->functions[from->first]->alias = p->m->functions[to->first];
}

static void parse_top(struct parser *p)
{
	if (token_is_word(p, ".file") || token_is_word(p, ".loc") || token_is(p, '@')) {
		lex_skip_line(p);
	} else if (accept_word(p, ".version")) {
		parse_version(p);
	} else if (accept_word(p, ".target")) {
		parse_target(p);
	} else if (accept_word(p, ".address_size")) {
		parse_address_size(p);
	} else if (accept_word(p, ".section")) {
		skip_section(p);
	} else if (accept_word(p, ".pragma")) {
		while (!p->err && p->token.kind != TOKEN_END && !token_is(p, ';'))
			lex_next(p);
		expect_sign(p, ';');
	} else if (accept_word(p, ".alias")) {
		parse_alias(p);
	} else if (accept_word(p, ".visible") || accept_word(p, ".weak") ||
		   accept_word(p, ".common")) {
		parse_linked(p, false);
	} else if (accept_word(p, ".extern")) {
		parse_linked(p, true);
	} else if (!accept_sign(p, ';')) {
		parse_linked(p, false);
	}
}

static void parse_text(struct parser *p)
{
	rules_load(p);
	lex_next(p);
	if (!token_is_word(p, ".version"))
		parse_error(p, "no PTX: it must start with .version");
	while (!p->err && p->token.kind != TOKEN_END)
		parse_top(p);
	if (!p->err)
		initialisers_finish(p);
	if (!p->err)
		functions_finish(p);
}

static void parser_fini(struct parser *p)
{
	free(p->code);
	free(p->fixups);
	free(p->references);
	free(p->callees);
	free(p->occurrences);
	free(p->s.items);
}

int ptx_module_parse(const char *text, size_t length, struct ptx_module **out, char *log,
	size_t log_size)
{
	struct parser *p = calloc(1, sizeof(*p));
	int err;

	if (log && log_size)
		*log = 0;
	if (!p)
		return -ENOMEM;
	p->m = calloc(1, sizeof(*p->m));
	if (!p->m) {
		free(p);
		return -ENOMEM;
	}
	p->at = text;
	p->end = text + length;
	p->line = 1;
	p->log = log;
	p->log_size = log_size;
	parse_text(p);
	err = p->err;
	if (err < 0)
		ptx_module_destroy(p->m);
	else
		*out = p->m;
	parser_fini(p);
	free(p);
	return err;
}
