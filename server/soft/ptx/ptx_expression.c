/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant expressions as PTX has them in initialisers and operands: integers
 * of 64 bits and doubles with C's operators. Depth is limited, for the text may
 * be hostile.
 */
#include <string.h>

#include "ptx_parser.h"

#define NESTING_LIMIT 64

static struct constant expression(struct parser *p, int level);

static struct constant integer(uint64_t v)
{
	return (struct constant){.integer = v};
}

static struct constant literal(struct parser *p)
{
	struct token t = p->token;
	struct constant c = {0};

	if (t.kind == TOKEN_INTEGER) {
		c.integer = t.integer;
	} else if (t.kind == TOKEN_FLOAT) {
		c.is_float = true;
		c.exact = t.exact;
		c.integer = t.integer;
		c.number = t.number;
		if (t.exact == 64) {
			memcpy(&c.number, &t.integer, sizeof(c.number));
		} else if (t.exact == 32) {
			uint32_t bits = (uint32_t)t.integer;
			float f;

			memcpy(&f, &bits, sizeof(f));
			c.number = f;
		}
	} else if (t.kind == TOKEN_WORD && text_is(t.text, "WARP_SZ")) {
		c.integer = WARP_LANES;
	} else {
		parse_error(p, "constant expected");
		return c;
	}
	lex_next(p);
	return c;
}

/* (.s64) and (.u64) in front of a constant change nothing of its bits. */
static bool accept_cast(struct parser *p)
{
	return accept_word(p, ".s64") || accept_word(p, ".u64");
}

static struct constant negate(struct constant c)
{
	c.integer = c.exact ? c.integer ^ 1ull << (c.exact - 1) : -c.integer;
	c.number = -c.number;
	return c;
}

static struct constant unary(struct parser *p)
{
	struct constant c = {0};

	if (p->nesting >= NESTING_LIMIT) {
		parse_error(p, "expression too deep");
		return c;
	}
	p->nesting++;
	if (accept_sign(p, '-')) {
		c = negate(unary(p));
	} else if (accept_sign(p, '+')) {
		c = unary(p);
	} else if (accept_sign(p, '!')) {
		c = unary(p);
		c = integer(!c.integer);
	} else if (accept_sign(p, '~')) {
		c = unary(p);
		c = integer(~c.integer);
	} else if (accept_sign(p, '(')) {
		bool cast = accept_cast(p);

		if (!cast)
			c = expression(p, 0);
		expect_sign(p, ')');
		if (cast)
			c = unary(p);
	} else {
		c = literal(p);
	}
	p->nesting--;
	return c;
}

static int sign_level(char sign)
{
	switch (sign) {
	case '?':
		return 1;
	case 'o':
		return 2;
	case 'a':
		return 3;
	case '|':
		return 4;
	case '^':
		return 5;
	case '&':
		return 6;
	case 'e': case 'n':
		return 7;
	case '<': case '>': case 'k': case 'g':
		return 8;
	case 'l': case 'r':
		return 9;
	case '+': case '-':
		return 10;
	case '*': case '/': case '%':
		return 11;
	}
	return 0;
}

static struct constant combine_floats(char sign, double a, double b)
{
	struct constant c = {.is_float = true};

	switch (sign) {
	case '+':
		c.number = a + b;
		break;
	case '-':
		c.number = a - b;
		break;
	case '*':
		c.number = a * b;
		break;
	case '/':
		c.number = b != 0 ? a / b : 0;
		break;
	}
	return c;
}

static uint64_t combine_integers(struct parser *p, char sign, uint64_t a, uint64_t b)
{
	switch (sign) {
	case 'o':
		return a || b;
	case 'a':
		return a && b;
	case '|':
		return a | b;
	case '^':
		return a ^ b;
	case '&':
		return a & b;
	case 'e':
		return a == b;
	case 'n':
		return a != b;
	case '<':
		return (int64_t)a < (int64_t)b;
	case '>':
		return (int64_t)a > (int64_t)b;
	case 'k':
		return (int64_t)a <= (int64_t)b;
	case 'g':
		return (int64_t)a >= (int64_t)b;
	case 'l':
		return b < 64 ? a << b : 0;
	case 'r':
		return (uint64_t)((int64_t)a >> (b < 64 ? b : 63));
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '*':
		return a * b;
	}
	if (!b || (b == ~0ull && a == 1ull << 63)) {
		parse_error(p, "division by zero");
		return 0;
	}
	return (uint64_t)(sign == '/' ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
}

static struct constant choose(struct parser *p, struct constant condition)
{
	struct constant a = expression(p, 0), b;

	expect_sign(p, ':');
	b = expression(p, 1);
	return condition.integer ? a : b;
}

static struct constant expression(struct parser *p, int level)
{
	struct constant c = unary(p);

	while (!p->err && p->token.kind == TOKEN_SIGN) {
		char sign = p->token.sign;
		int l = sign_level(sign);
		struct constant b;

		if (!l || l <= level)
			break;
		lex_next(p);
		if (sign == '?') {
			c = choose(p, c);
			continue;
		}
		b = expression(p, l);
		if (c.is_float || b.is_float)
			c = combine_floats(sign, c.is_float ? c.number : (double)(int64_t)c.integer,
				b.is_float ? b.number : (double)(int64_t)b.integer);
		else
			c = integer(combine_integers(p, sign, c.integer, b.integer));
	}
	return c;
}

struct constant parse_constant(struct parser *p)
{
	return expression(p, 0);
}

uint64_t parse_integer(struct parser *p)
{
	struct constant c = expression(p, 0);

	if (c.is_float)
		parse_error(p, "integer expected");
	return c.integer;
}

/* The bits of @c in a place of @bits; a float constant where it may be one. */
uint64_t constant_bits(struct constant c, unsigned bits, bool as_float)
{
	uint64_t v = c.integer;
	float f;
	uint32_t w;

	if (!c.is_float && as_float && (bits == 32 || bits == 64)) {
		c.is_float = true;
		c.number = (double)(int64_t)c.integer;
	}
	if (c.is_float && c.exact != bits) {
		f = (float)c.number;
		memcpy(&w, &f, sizeof(w));
		memcpy(&v, &c.number, sizeof(v));
		if (bits == 32)
			v = w;
	}
	return bits < 64 ? v & ((1ull << bits) - 1) : v;
}
