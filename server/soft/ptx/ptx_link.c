/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known only with the whole text: whom each call reaches, which
 * functions and shared variables a kernel needs, and where the latter lie in
 * its block's shared memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_machine.h"
#include "ptx_parser.h"

#define CALL_REGISTERS 8
#define SM_REGISTERS 65536

static bool slots_match(const struct slot *a, const struct slot *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (a[i].size != b[i].size)
			return false;
	return true;
}

bool call_matches(const struct call *c, const struct function *f)
{
	return c->argument_count == f->parameter_count &&
	       c->result_count <= f->result_count &&
	       slots_match(c->arguments, f->parameters, c->argument_count) &&
	       slots_match(c->results, f->results, c->result_count);
}

static const struct function *definition_of(const struct function *f)
{
	return !f->is_defined && f->alias ? f->alias : f;
}

static void link_call(struct parser *p, struct insn *i)
{
	struct call *c = (struct call *)i->call;

	if (!c->callee)
		return;
	c->callee = definition_of(c->callee);
	if (!c->callee->is_defined) {
		c->builtin = builtin_find(c->callee->name);
		if (!c->builtin)
			parse_error_at(p, i->line, "function '%s' is not defined",
				c->callee->name);
		else if (!builtin_accepts(c->builtin, c))
			parse_error_at(p, i->line, "bad call of '%s'", c->callee->name);
		i->run = run_builtin_call;
	} else if (c->callee->is_kernel || !call_matches(c, c->callee)) {
		parse_error_at(p, i->line, "call of '%s' does not fit its parameters",
			c->callee->name);
	}
}

static void link_function(struct parser *p, struct function *f)
{
	for (size_t i = 0; i < f->code_count && !p->err; i++)
		if (f->code[i].run == run_call)
			link_call(p, &f->code[i]);
	for (unsigned i = 0; i < f->callee_count; i++)
		f->callees[i] = definition_of(f->callees[i]);
}

/* Functions found and not yet looked into stand at the end of the list. */
struct walk {
	const struct function **list;
	unsigned count;
	bool *seen;
};

static void walk_add(struct walk *w, const struct function *f)
{
	if (!f->is_defined || w->seen[f->index])
		return;
	w->seen[f->index] = true;
	w->list[w->count++] = f;
}

static void walk_from(struct parser *p, struct walk *w, const struct function *kernel)
{
	walk_add(w, kernel);
	for (unsigned i = 0; i < w->count; i++) {
		const struct function *f = w->list[i];

		for (unsigned c = 0; c < f->callee_count; c++)
			walk_add(w, f->callees[c]);
		for (unsigned j = 0; f->calls_indirectly && j < p->m->function_count; j++)
			if (p->m->functions[j]->address_taken && !p->m->functions[j]->is_kernel)
				walk_add(w, p->m->functions[j]);
	}
}

static bool shared_known(const struct function *k, uint32_t variable)
{
	for (unsigned i = 0; i < k->shared_count; i++)
		if (k->shared[i].variable == variable)
			return true;
	return false;
}

/* Static variables first, each where it fits; all dynamic ones share the end. */
static void shared_add(struct parser *p, struct function *k, uint32_t variable, bool dynamic,
	uint64_t *end)
{
	const struct shared_variable *v = &p->m->shared[variable];

	if (v->is_dynamic != dynamic || shared_known(k, variable))
		return;
	*end = (*end + v->alignment - 1) / v->alignment * v->alignment;
	k->shared[k->shared_count++] = (struct shared_place){variable, (uint32_t)*end};
	if (!dynamic)
		*end += v->size;
	if (*end > UINT32_MAX / 2)
		parse_error(p, "too much shared memory in '%s'", k->name);
}

static void place_shared(struct parser *p, struct function *k, const struct walk *w, bool dynamic,
	uint64_t *end)
{
	for (unsigned f = 0; f < w->count; f++)
		for (unsigned r = 0; r < w->list[f]->reference_count && !p->err; r++)
			if (w->list[f]->references[r].kind == REFER_SHARED)
				shared_add(p, k, w->list[f]->references[r].index, dynamic, end);
}

static void layout_shared(struct parser *p, struct function *k, const struct walk *w)
{
	unsigned most = 0;
	uint64_t end = 0, dynamic;

	for (unsigned f = 0; f < w->count; f++)
		for (unsigned r = 0; r < w->list[f]->reference_count; r++)
			most += w->list[f]->references[r].kind == REFER_SHARED;
	if (most > p->m->shared_count)
		most = p->m->shared_count;
	k->shared = parser_get(p, (most + 1) * sizeof(*k->shared));
	place_shared(p, k, w, false, &end);
	k->kernel.shared_bytes = end;
	dynamic = (end + 15) / 16 * 16;
	for (unsigned i = 0; i < p->m->shared_count; i++)
		if (p->m->shared[i].is_dynamic && p->m->shared[i].alignment > 16)
			dynamic = (dynamic + p->m->shared[i].alignment - 1) /
				  p->m->shared[i].alignment * p->m->shared[i].alignment;
	k->dynamic_offset = (uint32_t)dynamic;
	place_shared(p, k, w, true, &dynamic);
}

/* A call keeps some of the caller's registers beside the callee's. */
static void add_callees_registers(struct function *k)
{
	unsigned most = 0;

	for (unsigned i = 0; i < k->reachable_count; i++)
		if (k->reachable[i] != k && k->reachable[i]->kernel.registers > most)
			most = k->reachable[i]->kernel.registers;
	if (k->kernel.registers < most + CALL_REGISTERS && most)
		k->kernel.registers = most + CALL_REGISTERS;
	if (k->kernel.registers > 255)
		k->kernel.registers = 255;
}

/* As a compiler does where the kernel says how large its blocks are. */
static void limit_registers(struct ptx_kernel *k)
{
	const unsigned *size = k->required_block[0] ? k->required_block : k->max_block;
	uint64_t threads = (uint64_t)size[0] * size[1] * size[2];

	if (threads && threads <= BLOCK_THREADS && k->registers > SM_REGISTERS / threads)
		k->registers = (unsigned)(SM_REGISTERS / threads) & ~7u;
}

static void finish_kernel(struct parser *p, struct function *k, struct walk *w)
{
	uint64_t constant = 0;

	w->count = 0;
	memset(w->seen, 0, p->m->function_count * sizeof(*w->seen));
	walk_from(p, w, k);
	k->reachable = parser_get(p, w->count * sizeof(*k->reachable));
	if (!k->reachable)
		return;
	memcpy(k->reachable, w->list, w->count * sizeof(*k->reachable));
	k->reachable_count = w->count;
	layout_shared(p, k, w);
	add_callees_registers(k);
	limit_registers(&k->kernel);
	for (unsigned i = 0; i < p->m->variable_count; i++)
		if (p->m->variables[i]->public.is_const)
			constant += p->m->variables[i]->public.size;
	k->kernel.const_bytes = constant;
}

static int walk_init(struct walk *w, unsigned functions)
{
	w->list = calloc(functions + 1, sizeof(*w->list));
	w->seen = calloc(functions + 1, sizeof(*w->seen));
	return w->list && w->seen ? 0 : -ENOMEM;
}

void functions_finish(struct parser *p)
{
	struct ptx_module *m = p->m;
	struct walk w = {0};
	unsigned kernels = 0;

	for (unsigned i = 0; i < m->function_count && !p->err; i++)
		link_function(p, m->functions[i]);
	m->kernels = calloc(m->kernel_count + 1, sizeof(*m->kernels));
	if (!m->kernels || walk_init(&w, m->function_count) < 0)
		p->err = p->err ? p->err : -ENOMEM;
	for (unsigned i = 0; i < m->function_count && !p->err; i++) {
		struct function *f = m->functions[i];

		if (!f->is_kernel || !f->is_defined)
			continue;
		m->kernels[kernels++] = f;
		finish_kernel(p, f, &w);
	}
	free(w.list);
	free(w.seen);
}
