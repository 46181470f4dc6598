/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions and kernels: their heads, their parameters, and what becomes of a
 * body once it has been read. A function may be declared any number of times
 * and defined once.
 */
#include <stdlib.h>
#include <string.h>

#include "ptx_machine.h"
#include "ptx_parser.h"

#define PARAMETER_BYTES_LIMIT (1u << 16)
#define PARAMETER_LIMIT 4096

/* Slots that every frame keeps: what a return needs, and sinks for _. */
#define FIRST_WORD 1
#define FIRST_LONG 4
#define FIRST_PREDICATE 1

struct formal {
	struct declaration d;
	bool is_register;
};

struct formals {
	struct formal *items;
	uint32_t count, capacity;
};

static void parse_formals(struct parser *p, struct formals *list)
{
	expect_sign(p, '(');
	while (!p->err && !token_is(p, ')')) {
		struct formal f = {0};

		f.is_register = accept_word(p, ".reg");
		if (!f.is_register && !accept_word(p, ".param"))
			parse_error(p, "parameter expected");
		parse_type_words(p, &f.d);
		parse_declarator(p, &f.d);
		if (list->count >= PARAMETER_LIMIT)
			parse_error(p, "too many parameters");
		if (p->err || parser_grow(p, (void **)&list->items, &list->capacity, list->count,
				sizeof(f)))
			return;
		list->items[list->count++] = f;
		if (!accept_sign(p, ','))
			break;
	}
	expect_sign(p, ')');
}

static struct function *get_function(struct parser *p, struct text name)
{
	struct symbol *s = symbol_find(p, name);
	struct ptx_module *m = p->m;
	struct function *f;

	if (s && s->kind == SYMBOL_FUNCTION)
		return m->functions[s->first];
	s = symbol_add(p, name, SYMBOL_FUNCTION);
	f = s ? parser_get(p, sizeof(*f)) : NULL;
	if (!f || parser_grow(p, (void **)&m->functions, &p->function_capacity, m->function_count,
			sizeof(f)))
		return NULL;
	f->name = parser_copy(p, name);
	f->index = s->first = m->function_count;
	m->functions[m->function_count++] = f;
	return f;
}

static void begin(struct parser *p, struct function *f)
{
	p->f = f;
	f->frame_bytes = 0;
	p->words = FIRST_WORD;
	p->longs = FIRST_LONG;
	p->predicates = FIRST_PREDICATE;
	p->code_count = p->fixup_count = 0;
	p->reference_count = p->callee_count = p->occurrence_count = 0;
}

static unsigned formal_alignment(const struct declaration *d)
{
	unsigned natural = d->bits >= 8 ? d->bits / 8 * d->lanes : 1;

	return d->alignment ? d->alignment : natural;
}

static void kernel_parameters(struct parser *p, struct function *f, const struct formals *list)
{
	struct ptx_parameter *parameters = parser_get(p, (list->count + 1) * sizeof(*parameters));
	uint64_t place = 0;

	for (uint32_t i = 0; i < list->count && !p->err; i++) {
		const struct declaration *d = &list->items[i].d;
		uint64_t size = d->is_unsized ? 0 : declaration_bytes(p, d);
		unsigned alignment = formal_alignment(d);
		struct symbol *s = symbol_add(p, d->name, SYMBOL_PARAMETER);

		if (!s)
			return;
		place = (place + alignment - 1) / alignment * alignment;
		if (size > PARAMETER_BYTES_LIMIT || place + size > PARAMETER_BYTES_LIMIT ||
		    list->items[i].is_register || d->bits < 8) {
			parse_error(p, "bad parameter '%.*s'", (int)d->name.size, d->name.at);
			return;
		}
		s->first = (uint32_t)place;
		s->size = (uint32_t)size;
		parameters[i] = (struct ptx_parameter){(uint32_t)place, (uint32_t)size, alignment};
		place += size;
	}
	f->kernel.parameters = parameters;
	f->kernel.parameter_count = list->count;
	f->kernel.parameter_bytes = place;
}

static void register_parameter(struct parser *p, const struct declaration *d, struct slot *slot)
{
	struct symbol *s;

	if (d->lanes > 1 || d->is_array || d->bits < 16 || d->bits > 64) {
		parse_error(p, "bad parameter '%.*s'", (int)d->name.size, d->name.at);
		return;
	}
	s = symbol_add(p, d->name, SYMBOL_REGISTER);
	if (!s)
		return;
	s->bits = d->bits;
	s->first = d->bits == 64 ? p->longs++ : p->words++;
	slot->kind = d->bits == 64 ? SLOT_LONG : SLOT_WORD;
	slot->place = d->bits == 64 ? OPERAND(FILE_LONGS, s->first * 2)
				    : OPERAND(FILE_WORDS, s->first);
	slot->size = d->bits / 8;
}

static struct slot *function_parameters(struct parser *p, const struct formals *list)
{
	struct slot *slots = parser_get(p, (list->count + 1) * sizeof(*slots));

	for (uint32_t i = 0; i < list->count && !p->err; i++) {
		const struct declaration *d = &list->items[i].d;
		uint64_t size = d->is_unsized ? 0 : declaration_bytes(p, d);
		struct symbol *s;

		if (list->items[i].is_register) {
			register_parameter(p, d, &slots[i]);
			continue;
		}
		s = symbol_add(p, d->name, SYMBOL_FRAME);
		if (!s)
			break;
		s->first = frame_place(p, size, formal_alignment(d));
		s->size = (uint32_t)size;
		slots[i] = (struct slot){SLOT_FRAME, s->first, s->size};
	}
	return slots;
}

static void parse_three(struct parser *p, unsigned *out)
{
	out[0] = (unsigned)parse_integer(p);
	out[1] = out[2] = 1;
	for (int i = 1; i < 3 && accept_sign(p, ','); i++)
		out[i] = (unsigned)parse_integer(p);
}

/* What stands between a function's parameters and its body. */
static void parse_properties(struct parser *p, struct ptx_kernel *k)
{
	unsigned ignored[3];

	while (p->token.kind == TOKEN_WORD) {
		if (accept_word(p, ".maxntid"))
			parse_three(p, k->max_block);
		else if (accept_word(p, ".reqntid"))
			parse_three(p, k->required_block);
		else if (accept_word(p, ".minnctapersm"))
			k->min_blocks = (unsigned)parse_integer(p);
		else if (accept_word(p, ".maxnreg") || accept_word(p, ".maxnctapersm") ||
			 accept_word(p, ".maxclusterrank"))
			parse_integer(p);
		else if (accept_word(p, ".pragma"))
			while (!p->err && p->token.kind != TOKEN_END && !accept_sign(p, ';'))
				lex_next(p);
		else if (accept_word(p, ".reqnctapercluster"))
			parse_three(p, ignored);
		else if (!accept_word(p, ".noreturn"))
			parse_error(p, "'%.*s' is not supported", (int)p->token.text.size,
				p->token.text.at);
	}
}

static void *keep(struct parser *p, const void *array, size_t size)
{
	void *kept = parser_get(p, size + 1);

	if (kept && size)
		memcpy(kept, array, size);
	return kept;
}

static void add_kernel(struct parser *p, struct function *f)
{
	struct ptx_module *m = p->m;

	f->kernel.name = f->name;
	f->kernel.local_bytes = f->frame_bytes;
	m->kernel_count++;
}

/* The body has been read: keep what it came to. */
static void finish(struct parser *p, struct function *f)
{
	struct insn *end = insn_add(p);

	if (!end)
		return;
	end->run = f->is_kernel ? run_exit : run_return;
	end->guard = GUARD_NONE;
	f->code_count = p->code_count;
	f->code = keep(p, p->code, p->code_count * sizeof(*p->code));
	f->references = keep(p, p->references, p->reference_count * sizeof(*p->references));
	f->reference_count = p->reference_count;
	f->callees = keep(p, p->callees, p->callee_count * sizeof(*p->callees));
	f->callee_count = p->callee_count;
	f->slots = p->words > p->longs ? p->words : p->longs;
	if (f->slots < p->predicates)
		f->slots = p->predicates;
	for (size_t i = 0; f->code && i < f->code_count; i++)
		if (f->code[i].run == run_call || f->code[i].run == run_call_indirect)
			f->code[i].e = f->slots;
	if (!p->err)
		fixups_finish(p);
	f->is_defined = true;
	if (!p->err)
		f->kernel.registers = registers_estimate(p);
	if (f->is_kernel && !p->err)
		add_kernel(p, f);
}

static void parse_rest(struct parser *p, struct function *f, const struct formals *results,
	const struct formals *parameters)
{
	struct slot *slots;

	scope_open(p);
	begin(p, f);
	slots = function_parameters(p, results);
	f->results = slots;
	f->result_count = results->count;
	if (f->is_kernel) {
		kernel_parameters(p, f, parameters);
	} else {
		f->parameters = function_parameters(p, parameters);
		f->parameter_count = parameters->count;
	}
	parse_properties(p, &f->kernel);
	if (token_is(p, '{')) {
		parse_body(p);
		fixups_close(p, 0);
		if (!p->err)
			finish(p, f);
	} else {
		expect_sign(p, ';');
	}
	p->f = NULL;
	scope_close(p);
}

/* From behind .entry or .func on. */
void parse_function(struct parser *p, bool is_kernel)
{
	struct formals results = {0}, parameters = {0};
	struct function *f = NULL;

	if (!is_kernel && accept_word(p, ".attribute"))
		parse_error(p, "'.attribute' is not supported for functions");
	if (token_is(p, '('))
		parse_formals(p, &results);
	if (!p->err)
		f = get_function(p, expect_word(p));
	if (f && (f->is_defined || (f->is_kernel && !is_kernel)) && !p->err) {
		/* A declaration after the definition says nothing new. */
		if (token_is(p, '('))
			parse_formals(p, &parameters);
		parse_properties(p, &(struct ptx_kernel){0});
		if (!token_is(p, ';'))
			parse_error(p, "'%s' is defined twice", f->name);
		expect_sign(p, ';');
	} else if (f && !p->err) {
		f->is_kernel = is_kernel;
		if (token_is(p, '('))
			parse_formals(p, &parameters);
		if (!p->err)
			parse_rest(p, f, &results, &parameters);
	}
	free(results.items);
	free(parameters.items);
}
