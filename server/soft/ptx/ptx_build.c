/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a statement to an instruction: finds the rule whose pattern its name
 * fits, and lets the rule say what the operands are. The rules are data, in
 * the files that hold their handlers.
 */
#include <string.h>

#include "ptx_parser.h"

static const struct rule *const tables[] = {
	rules_integer, rules_wide, rules_bits, rules_float, rules_double, rules_half, rules_convert,
	rules_compare, rules_move, rules_memory, rules_atomic, rules_warp, rules_barrier,
	rules_branch, rules_math, rules_select, rules_dot,
	rules_video, rules_stack, rules_copy,
};

struct named_value {
	const char *name;
	uint8_t value;
};

static const struct named_value roundings[] = {{"rn", ROUND_NEAREST}, {"rz", ROUND_ZERO},
	{"rm", ROUND_DOWN}, {"rp", ROUND_UP}, {"rna", ROUND_AWAY}, {NULL, 0}};

static const struct named_value comparisons[] = {{"eq", COMPARE_EQ}, {"ne", COMPARE_NE},
	{"lt", COMPARE_LT}, {"le", COMPARE_LE}, {"gt", COMPARE_GT}, {"ge", COMPARE_GE},
	{"lo", COMPARE_LO}, {"ls", COMPARE_LS}, {"hi", COMPARE_HI}, {"hs", COMPARE_HS},
	{"equ", COMPARE_EQU}, {"neu", COMPARE_NEU}, {"ltu", COMPARE_LTU}, {"leu", COMPARE_LEU},
	{"gtu", COMPARE_GTU}, {"geu", COMPARE_GEU}, {"num", COMPARE_NUM}, {"nan", COMPARE_NAN},
	{NULL, 0}};

static const struct named_value combinations[] = {{"and", COMBINE_AND}, {"or", COMBINE_OR},
	{"xor", COMBINE_XOR}, {NULL, 0}};

static const struct named_value flags[] = {{"ftz", FLAG_FTZ}, {"sat", FLAG_SAT},
	{"satfinite", FLAG_SAT}, {"NaN", FLAG_NAN}, {"abs", FLAG_ABS}, {"relu", FLAG_RELU},
	{NULL, 0}};

static unsigned hash(struct text t)
{
	unsigned h = 0;

	for (size_t i = 0; i < t.size; i++)
		h = h * 31 + (unsigned char)t.at[i];
	return h % RULE_BUCKETS;
}

static struct text opcode_of(const char *pattern)
{
	return (struct text){pattern, strcspn(pattern, ".")};
}

/* In each bucket the rules stand in the order of their tables. */
void rules_load(struct parser *p)
{
	for (size_t t = sizeof(tables) / sizeof(*tables); t-- > 0;) {
		const struct rule *r = tables[t];
		unsigned n = 0;

		while (r[n].pattern)
			n++;
		while (n-- > 0 && p->rule_count + 1 < RULE_LIMIT) {
			unsigned bucket = hash(opcode_of(r[n].pattern));

			p->rules[++p->rule_count] = &r[n];
			p->rule_next[p->rule_count] = p->rule_heads[bucket];
			p->rule_heads[bucket] = (uint16_t)p->rule_count;
		}
	}
}

bool rule_known(const struct parser *p, struct text opcode)
{
	for (unsigned i = p->rule_heads[hash(opcode)]; i; i = p->rule_next[i])
		if (text_equal(opcode_of(p->rules[i]->pattern), opcode))
			return true;
	return false;
}

void unsupported(struct parser *p)
{
	struct text t = p->s.name;

	parse_error_at(p, p->s.line, "instruction '%.*s' is not supported",
		(int)(t.size < 100 ? t.size : 100), t.at);
}

static const struct named_value *find_value(const struct named_value *list, struct text word)
{
	for (; list->name; list++)
		if (text_is(word, list->name))
			return list;
	return NULL;
}

/* Does @word fit what the pattern calls @name? If so, note it in @i. */
static bool apply(struct text name, struct text word, struct insn *i)
{
	const struct named_value *v;

	if (text_is(name, "rnd") && (v = find_value(roundings, word))) {
		i->round = v->value;
		return true;
	}
	if (text_is(name, "cmp") && (v = find_value(comparisons, word))) {
		i->compare = v->value;
		return true;
	}
	if (text_is(name, "bool") && (v = find_value(combinations, word))) {
		i->combine = v->value;
		return true;
	}
	if (!text_equal(name, word))
		return false;
	v = find_value(flags, word);
	if (v)
		i->flags |= v->value;
	return true;
}

static bool match_choice(struct text choices, struct text word)
{
	const char *at = choices.at, *end = choices.at + choices.size;

	while (at < end) {
		const char *bar = memchr(at, '|', (size_t)(end - at));
		size_t size = (size_t)((bar ? bar : end) - at);

		if (size == word.size && !memcmp(at, word.at, size))
			return true;
		at += size + 1;
	}
	return false;
}

/*
 * Components of a pattern: a word, <a|b>, {optional}, $mandatory (one of the
 * classes that apply() knows), and * at the end for whatever follows.
 */
static bool match(const char *pattern, struct statement *s, struct insn *i)
{
	const char *at = pattern + strcspn(pattern, ".");

	s->word = 1;
	while (*at) {
		struct text c = {at + 1, strcspn(at + 1, ".")};
		struct text word = {"", 0};
		struct text inner = {c.at + 1, c.size - 2};

		if (s->word < s->word_count)
			word = s->words[s->word];
		at = c.at + c.size;
		if (*c.at == '*')
			return true;
		if (*c.at == '{') {
			s->word += apply(inner, word, i);
			continue;
		}
		if (*c.at == '$') {
			inner.size = c.size - 1;
			if (!apply(inner, word, i))
				return false;
		} else if (*c.at == '<' ? !match_choice(inner, word) : !text_equal(c, word)) {
			return false;
		}
		s->word++;
	}
	return s->word == s->word_count;
}

struct insn *insn_add(struct parser *p)
{
	struct insn *i;

	if (parser_grow(p, (void **)&p->code, &p->code_capacity, p->code_count, sizeof(*p->code)))
		return NULL;
	i = &p->code[p->code_count++];
	memset(i, 0, sizeof(*i));
	return i;
}

static struct insn *start(struct parser *p, const struct rule *r, const struct insn *captured)
{
	struct insn *i = insn_add(p);

	if (!i)
		return NULL;
	*i = *captured;
	i->guard = p->s.guard;
	i->line = p->s.line;
	i->run = r->run;
	i->extra = (uint8_t)r->extra;
	return i;
}

static bool try_rule(struct parser *p, const struct rule *r)
{
	struct insn captured = {0}, *i;

	if (!text_equal(opcode_of(r->pattern), p->s.words[0]) ||
	    !match(r->pattern, &p->s, &captured))
		return false;
	i = start(p, r, &captured);
	if (!i)
		return true;
	if (r->build)
		r->build(p, r, i);
	else
		operands_parse(p, r->operands, i);
	return true;
}

void build_statement(struct parser *p)
{
	unsigned n = p->rule_heads[hash(p->s.words[0])];

	while (n && !try_rule(p, p->rules[n]))
		n = p->rule_next[n];
	if (!n)
		unsupported(p);
}

bool word_take(struct parser *p, const char *word)
{
	struct statement *s = &p->s;

	if (s->word >= s->word_count || !text_is(s->words[s->word], word))
		return false;
	s->word++;
	return true;
}

struct text word_peek(const struct parser *p)
{
	const struct statement *s = &p->s;

	return s->word < s->word_count ? s->words[s->word] : (struct text){"", 0};
}

bool word_take_rounding(struct parser *p, struct insn *i)
{
	const struct named_value *v = find_value(roundings, word_peek(p));

	if (!v)
		return false;
	i->round = v->value;
	p->s.word++;
	return true;
}

bool word_take_comparison(struct parser *p, struct insn *i)
{
	const struct named_value *v = find_value(comparisons, word_peek(p));

	if (!v || v->value > COMPARE_GE)
		return false;
	i->compare = v->value;
	p->s.word++;
	return true;
}

void statement_expect(struct parser *p, unsigned low, unsigned high)
{
	struct statement *s = &p->s;

	if (s->word < s->word_count)
		unsupported(p);
	else if (s->term_count < low || s->term_count > high)
		parse_error_at(p, s->line, "'%.*s' has the wrong number of operands",
			(int)s->name.size, s->name.at);
}
