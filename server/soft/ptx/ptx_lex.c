/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of PTX. A word that starts with a dot ends before the next dot
 * (".reg.b32" is two words), any other keeps its dots ("ld.global.u32" and
 * "%tid.x" are one). Comments and line directives of the preprocessor are
 * skipped. After an error there are only ends.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_parser.h"

#define NUMBER_SIZE 64

static void error_log(struct parser *p, unsigned line, const char *format, va_list arguments)
{
	int n;

	if (p->err)
		return;
	p->err = -EINVAL;
	p->token.kind = TOKEN_END;
	if (!p->log || !p->log_size)
		return;
	n = snprintf(p->log, p->log_size, "line %u: ", line);
	if (n > 0 && (size_t)n < p->log_size)
		vsnprintf(p->log + n, p->log_size - (size_t)n, format, arguments);
}

void parse_error(struct parser *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_log(p, p->token.line ? p->token.line : p->line, format, arguments);
	va_end(arguments);
}

void parse_error_at(struct parser *p, unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_log(p, line, format, arguments);
	va_end(arguments);
}

bool text_is(struct text t, const char *s)
{
	return t.size == strlen(s) && !memcmp(t.at, s, t.size);
}

bool text_equal(struct text a, struct text b)
{
	return a.size == b.size && !memcmp(a.at, b.at, a.size);
}

static int peek(const struct parser *p, size_t ahead)
{
	return ahead < (size_t)(p->end - p->at) ? (unsigned char)p->at[ahead] : 0;
}

static void skip_line(struct parser *p)
{
	while (p->at < p->end && *p->at != '\n')
		p->at++;
}

static void skip_comment(struct parser *p)
{
	p->at += 2;
	while (p->at < p->end && !(p->at[0] == '*' && peek(p, 1) == '/')) {
		if (*p->at == '\n')
			p->line++;
		p->at++;
	}
	p->at += p->end - p->at >= 2 ? 2 : p->end - p->at;
}

static void skip_space(struct parser *p)
{
	for (;;) {
		int c = peek(p, 0);

		if (c == '\n') {
			p->line++;
			p->at++;
		} else if (c && isspace(c)) {
			p->at++;
		} else if ((c == '/' && peek(p, 1) == '/') || c == '#') {
			skip_line(p);
		} else if (c == '/' && peek(p, 1) == '*') {
			skip_comment(p);
		} else {
			return;
		}
	}
}

static bool is_word_start(int c)
{
	return isalpha(c) || c == '_' || c == '$' || c == '%' || c == '.';
}

static void lex_word(struct parser *p)
{
	struct token *t = &p->token;
	bool dotted = *p->at == '.';

	t->kind = TOKEN_WORD;
	t->text.at = p->at++;
	for (;;) {
		int c = peek(p, 0);

		if (c == ':' && peek(p, 1) == ':')
			p->at += 2;
		else if (isalnum(c) || c == '_' || c == '$' || c == '%' || (c == '.' && !dotted))
			p->at++;
		else
			break;
	}
	t->text.size = (size_t)(p->at - t->text.at);
}

/* The characters of a number, terminated, into @buffer; too long is an error. */
static size_t number_copy(struct parser *p, char *buffer)
{
	size_t n = 0;

	while (n < NUMBER_SIZE - 1) {
		int c = peek(p, n);

		if (!isalnum(c) && c != '.' &&
		    !((c == '+' || c == '-') && n && (buffer[n - 1] | 32) == 'e' &&
		      !(buffer[0] == '0' && (buffer[1] | 32) == 'x')))
			break;
		buffer[n++] = (char)c;
	}
	buffer[n] = 0;
	return n;
}

static void lex_exact(struct parser *p, const char *digits)
{
	struct token *t = &p->token;
	char *end;

	t->exact = (digits[1] | 32) == 'f' ? 32 : 64;
	t->kind = TOKEN_FLOAT;
	t->integer = strtoull(digits + 2, &end, 16);
	if (*end || strlen(digits + 2) != t->exact / 4)
		parse_error(p, "bad number '%s'", digits);
}

static void lex_decimal(struct parser *p, const char *digits)
{
	struct token *t = &p->token;
	char *end;

	t->kind = TOKEN_FLOAT;
	t->number = strtod(digits, &end);
	if (*end)
		parse_error(p, "bad number '%s'", digits);
}

static void lex_integer(struct parser *p, const char *digits)
{
	struct token *t = &p->token;
	char *end;

	t->kind = TOKEN_INTEGER;
	errno = 0;
	if (digits[0] == '0' && (digits[1] | 32) == 'b')
		t->integer = strtoull(digits + 2, &end, 2);
	else
		t->integer = strtoull(digits, &end, 0);
	if (*end == 'U')
		end++;
	if (*end || errno)
		parse_error(p, "bad number '%s'", digits);
}

static void lex_number(struct parser *p)
{
	char digits[NUMBER_SIZE];
	size_t n = number_copy(p, digits);
	bool hex = digits[0] == '0' && (digits[1] | 32) == 'x';

	p->token.text.at = p->at;
	p->token.text.size = n;
	p->at += n;
	if (digits[0] == '0' && n > 2 && ((digits[1] | 32) == 'f' || (digits[1] | 32) == 'd'))
		lex_exact(p, digits);
	else if (!hex && strpbrk(digits, ".eE"))
		lex_decimal(p, digits);
	else
		lex_integer(p, digits);
}

static void lex_string(struct parser *p)
{
	struct token *t = &p->token;

	t->kind = TOKEN_STRING;
	t->text.at = ++p->at;
	while (p->at < p->end && *p->at && *p->at != '"') {
		if (*p->at == '\n')
			p->line++;
		if (*p->at == '\\' && p->end - p->at > 1)
			p->at++;
		p->at++;
	}
	t->text.size = (size_t)(p->at - t->text.at);
	if (p->at < p->end && *p->at == '"')
		p->at++;
	else
		parse_error(p, "string without end");
}

static void lex_sign(struct parser *p)
{
	static const struct {
		char text[3];
		char sign;
	} pairs[] = {{"<<", 'l'}, {">>", 'r'}, {"==", 'e'}, {"!=", 'n'}, {"<=", 'k'}, {">=", 'g'},
		{"&&", 'a'}, {"||", 'o'}};
	struct token *t = &p->token;

	t->kind = TOKEN_SIGN;
	t->sign = *p->at;
	t->text.at = p->at++;
	t->text.size = 1;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (t->sign == pairs[i].text[0] && peek(p, 0) == pairs[i].text[1]) {
			t->sign = pairs[i].sign;
			t->text.size = 2;
			p->at++;
			return;
		}
	}
}

void lex_next(struct parser *p)
{
	struct token *t = &p->token;
	int c;

	memset(t, 0, sizeof(*t));
	if (p->err)
		return;
	skip_space(p);
	t->line = p->line;
	t->text.at = p->at;
	c = peek(p, 0);
	if (!c)
		return;
	if (is_word_start(c))
		lex_word(p);
	else if (isdigit(c))
		lex_number(p);
	else if (c == '"')
		lex_string(p);
	else
		lex_sign(p);
}

void lex_skip_line(struct parser *p)
{
	if (p->token.kind != TOKEN_END)
		skip_line(p);
	lex_next(p);
}

bool token_is(const struct parser *p, char sign)
{
	return p->token.kind == TOKEN_SIGN && p->token.sign == sign;
}

bool token_is_word(const struct parser *p, const char *word)
{
	return p->token.kind == TOKEN_WORD && text_is(p->token.text, word);
}

bool accept_sign(struct parser *p, char sign)
{
	if (!token_is(p, sign))
		return false;
	lex_next(p);
	return true;
}

bool accept_word(struct parser *p, const char *word)
{
	if (!token_is_word(p, word))
		return false;
	lex_next(p);
	return true;
}

/* How much of a token a message shows. */
static int shown(struct text t)
{
	return t.size < 80 ? (int)t.size : 80;
}

void expect_sign(struct parser *p, char sign)
{
	if (accept_sign(p, sign))
		return;
	if (p->token.kind == TOKEN_END)
		parse_error(p, "'%c' expected at the end", sign);
	else
		parse_error(p, "'%c' expected before '%.*s'", sign, shown(p->token.text),
			p->token.text.at);
}

struct text expect_word(struct parser *p)
{
	struct text t = p->token.text;

	if (p->token.kind != TOKEN_WORD) {
		parse_error(p, "name expected before '%.*s'", shown(t), t.at ? t.at : "");
		return (struct text){"", 0};
	}
	lex_next(p);
	return t;
}

unsigned type_bits(struct text t)
{
	static const struct {
		const char *name;
		unsigned bits;
	} types[] = {{"pred", 1}, {"b8", 8}, {"u8", 8}, {"s8", 8}, {"b16", 16}, {"u16", 16},
		{"s16", 16}, {"f16", 16}, {"bf16", 16}, {"b32", 32}, {"u32", 32}, {"s32", 32},
		{"f32", 32}, {"f16x2", 32}, {"bf16x2", 32}, {"b64", 64}, {"u64", 64}, {"s64", 64},
		{"f64", 64}, {"b128", 128}};

	if (t.size && *t.at == '.') {
		t.at++;
		t.size--;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (text_is(t, types[i].name))
			return types[i].bits;
	return 0;
}
