/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Branches, calls and what ends a thread. Lanes that go different ways are
 * parked where they will go on, and a group is selected anew.
 *
 * A frame keeps three longs for its return: where to, the caller's frame and
 * local memory, and the end of the caller's stack. Each lane has its own.
 */
#include <errno.h>

#include "ptx_lane.h"
#include "ptx_parser.h"

#define SAVED_PC 0
#define SAVED_FRAME 2
#define SAVED_TOP 4

HANDLER(run_branch)
{
	uint32_t others = w->lanes & ~lanes;

	if (likely(!others))
		return warp_jump(w, i, i->target);
	warp_park(w, lanes, i->target);
	warp_park(w, others, i + 1);
	return (uintptr_t)i->target <= (uintptr_t)i ? warp_reselect(w) : warp_select(w);
}

HANDLER(run_branch_table)
{
	const uint32_t *a = column(w, i->a);
	const struct branch_table *t = i->table;
	uint32_t left;

	warp_park(w, w->lanes & ~lanes, i + 1);
	for (left = lanes; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		if (a[l] >= t->count)
			return warp_fault(w, i, l, PTX_FAULT_INSTRUCTION, 0);
		w->pc[l] = t->targets[a[l]];
	}
	return warp_reselect(w);
}

const struct insn *run_exit(struct warp *w, const struct insn *i, uint32_t lanes)
{
	return warp_exit(w, i, lanes);
}

/* Whoever sleeps leaves the rest of its turn to others. */
HANDLER(run_sleep)
{
	warp_park(w, w->lanes, i + 1);
	w->budget = 1;
	return warp_reselect(w);
}

HANDLER(run_trap)
{
	return warp_fault(w, i, (unsigned)__builtin_ctz(lanes), PTX_FAULT_TRAP, 0);
}

HANDLER(run_nothing)
{
	return i + 1;
}

static uint64_t *saved(struct warp *w, uint32_t base, unsigned which)
{
	return (uint64_t *)(void *)(w->longs + ((size_t)base * 2 + which) * UNIT_BYTES);
}

void slot_read(struct warp *w, unsigned lane, const struct slot *s, unsigned char *out)
{
	if (s->kind == SLOT_FRAME)
		memcpy(out, w->stack + (size_t)lane * w->stack_bytes + w->local[lane] + s->place,
			s->size);
	else if (s->kind == SLOT_LONG)
		memcpy(out, (uint64_t *)column(w, s->place) + lane, sizeof(uint64_t));
	else
		memcpy(out, (uint32_t *)column(w, s->place) + lane, sizeof(uint32_t));
}

/* Where a slot of a frame lies: its registers at @base, its memory at @local. */
static unsigned char *slot_place(struct warp *w, unsigned lane, const struct slot *s,
	uint32_t base, uint32_t local)
{
	size_t unit = s->place & OPERAND_MASK;

	if (s->kind == SLOT_FRAME)
		return w->stack + (size_t)lane * w->stack_bytes + local + s->place;
	if (s->place >> OPERAND_SHIFT > FILE_LONGS)
		return (unsigned char *)column(w, s->place) + lane * (s->kind == SLOT_LONG ? 8 : 4);
	if (s->kind == SLOT_LONG)
		return w->longs + ((size_t)base * 2 + unit) * UNIT_BYTES + lane * sizeof(uint64_t);
	return w->words + ((size_t)base + unit) * UNIT_BYTES + lane * sizeof(uint32_t);
}

static void slots_copy(struct warp *w, unsigned lane, unsigned count, const struct slot *from,
	uint32_t from_base, uint32_t from_local, const struct slot *to, uint32_t to_base,
	uint32_t to_local)
{
	for (unsigned n = 0; n < count; n++) {
		uint32_t size = from[n].size < to[n].size ? from[n].size : to[n].size;

		memmove(slot_place(w, lane, &to[n], to_base, to_local),
			slot_place(w, lane, &from[n], from_base, from_local), size);
	}
}

static void enter(struct warp *w, const struct insn *i, const struct function *f, unsigned l,
	uint32_t base)
{
	uint32_t local = (w->top[l] + 15) & ~15u;

	saved(w, base, SAVED_PC)[l] = (uint64_t)(uintptr_t)(i + 1);
	saved(w, base, SAVED_FRAME)[l] = (uint64_t)w->base << 32 | w->local[l];
	saved(w, base, SAVED_TOP)[l] = (uint64_t)f->index << 32 | w->top[l];
	slots_copy(w, l, i->call->argument_count, i->call->arguments, w->base, w->local[l],
		f->parameters, base, local);
	w->local[l] = local;
	w->top[l] = local + f->frame_bytes;
	w->frame[l] = base;
	w->depth[l]++;
	w->pc[l] = f->code;
}

static const struct insn *call_lanes(struct warp *w, const struct insn *i, uint32_t lanes,
	const struct function *f, uint32_t base)
{
	uint32_t top = 0, left;
	unsigned first = (unsigned)__builtin_ctz(lanes);
	int err;

	for (left = lanes; left; left &= left - 1)
		if (w->top[__builtin_ctz(left)] > top)
			top = w->top[__builtin_ctz(left)];
	err = warp_reserve(w, base + f->slots, top + f->frame_bytes + STACK_SLACK);
	if (err < 0)
		return warp_fault(w, i, first,
			err == -ENOMEM ? PTX_FAULT_MEMORY : PTX_FAULT_STACK, 0);
	for (left = lanes; left; left &= left - 1)
		enter(w, i, f, (unsigned)__builtin_ctz(left), base);
	return i;
}

static uint32_t frame_end(const struct warp *w, const struct insn *i)
{
	return w->base + i->e;
}

const struct insn *run_call(struct warp *w, const struct insn *i, uint32_t lanes)
{
	warp_park(w, w->lanes & ~lanes, i + 1);
	if (!call_lanes(w, i, lanes, i->call->callee, frame_end(w, i)))
		return NULL;
	return warp_reselect(w);
}

const struct insn *run_call_indirect(struct warp *w, const struct insn *i, uint32_t lanes)
{
	const struct ptx_module *m = w->block->grid->launch->module;
	uint64_t pointers[WARP_LANES];

	memcpy(pointers, column(w, i->call->pointer), sizeof(pointers));
	warp_park(w, w->lanes & ~lanes, i + 1);
	while (lanes) {
		unsigned l = (unsigned)__builtin_ctz(lanes);
		uint64_t index = (pointers[l] & ~WINDOW_MASK) >> 4;
		const struct function *f;
		uint32_t alike = 0;

		if ((pointers[l] & WINDOW_MASK) != WINDOW_CODE || (pointers[l] & 15) ||
		    index >= m->function_count)
			return warp_fault(w, i, l, PTX_FAULT_INSTRUCTION, pointers[l]);
		f = m->functions[index];
		if (!f->is_defined || f->is_kernel || !call_matches(i->call, f))
			return warp_fault(w, i, l, PTX_FAULT_INSTRUCTION, pointers[l]);
		for (uint32_t left = lanes; left; left &= left - 1)
			if (pointers[__builtin_ctz(left)] == pointers[l])
				alike |= left & -left;
		if (!call_lanes(w, i, alike, f, frame_end(w, i)))
			return NULL;
		lanes &= ~alike;
	}
	return warp_reselect(w);
}

static void leave(struct warp *w, unsigned l)
{
	uint32_t base = w->base, local = w->local[l];
	const struct insn *next = (const struct insn *)(uintptr_t)saved(w, base, SAVED_PC)[l];
	uint64_t frame = saved(w, base, SAVED_FRAME)[l], top = saved(w, base, SAVED_TOP)[l];
	const struct function *f = w->block->grid->launch->module->functions[top >> 32];
	const struct call *c = next[-1].call;

	w->pc[l] = next;
	w->frame[l] = (uint32_t)(frame >> 32);
	w->local[l] = (uint32_t)frame;
	w->top[l] = (uint32_t)top;
	w->depth[l]--;
	slots_copy(w, l, c->result_count, f->results, base, local, c->results, w->frame[l],
		w->local[l]);
}

const struct insn *run_return(struct warp *w, const struct insn *i, uint32_t lanes)
{
	warp_park(w, w->lanes & ~lanes, i + 1);
	for (; lanes; lanes &= lanes - 1)
		leave(w, (unsigned)__builtin_ctz(lanes));
	return warp_select(w);
}

struct flow flow_of(const struct insn *i)
{
	bool guarded = i->guard != GUARD_NONE;

	if (i->run == run_branch)
		return (struct flow){&i->target, 1, guarded};
	if (i->run == run_branch_table)
		return (struct flow){i->table->targets, i->table->count, guarded};
	return (struct flow){NULL, 0, guarded || (i->run != run_exit && i->run != run_return)};
}

static void add_fixup(struct parser *p, enum fixup_kind kind, const struct term *t)
{
	struct fixup f = {.kind = kind, .line = p->s.line, .label = t->name,
		.insn = p->code_count - 1};

	if (t->kind != TERM_NAME || t->integer || t->negated || t->paired)
		parse_error_at(p, p->s.line, "'%.*s' needs a label", (int)p->s.name.size,
			p->s.name.at);
	else
		fixup_add(p, f);
}

static void build_branch(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 1, 1);
	i->run = run_branch;
	if (!p->err)
		add_fixup(p, FIXUP_TARGET, &p->s.terms[0]);
}

static void build_branch_table(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 2, 2);
	if (p->err)
		return;
	i->run = run_branch_table;
	i->a = operand_read(p, &p->s.terms[0], 32, false);
	add_fixup(p, FIXUP_TABLE, &p->s.terms[1]);
}

static void build_return(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 0, 0);
	i->run = p->f->is_kernel ? run_exit : run_return;
}

static struct slot slot_parse(struct parser *p, const struct term *t, bool write)
{
	struct symbol *s = t->kind == TERM_NAME ? symbol_find(p, t->name) : NULL;
	unsigned bits = operand_bits(p, t);
	struct slot slot = {0};

	if (s && s->kind == SYMBOL_FRAME)
		return (struct slot){SLOT_FRAME, s->first, s->size};
	if (!bits)
		bits = 32;
	slot.kind = bits == 64 ? SLOT_LONG : SLOT_WORD;
	slot.size = bits == 64 ? 8 : bits == 16 ? 2 : 4;
	slot.place = write ? operand_write(p, t, bits) : operand_read(p, t, bits, false);
	return slot;
}

static struct slot *slots_parse(struct parser *p, const struct term *list, bool write)
{
	struct slot *slots = parser_get(p, (list->count + 1) * sizeof(*slots));

	for (unsigned n = 0; n < list->count && !p->err; n++)
		slots[n] = slot_parse(p, item_at(p, list, n), write);
	return slots;
}

static void add_callee(struct parser *p, const struct function *f)
{
	if (!parser_grow(p, (void **)&p->callees, &p->callee_capacity, p->callee_count,
			sizeof(f)))
		p->callees[p->callee_count++] = f;
}

static void call_target(struct parser *p, const struct term *t, struct call *c, struct insn *i)
{
	struct symbol *s = t->kind == TERM_NAME ? symbol_find(p, t->name) : NULL;

	if (s && s->kind == SYMBOL_FUNCTION) {
		c->callee = p->m->functions[s->first];
		add_callee(p, c->callee);
		i->run = run_call;
	} else {
		c->pointer = operand_read(p, t, 64, false);
		p->f->calls_indirectly = true;
		i->run = run_call_indirect;
	}
}

/* call{.uni} {(results),} function {, (arguments)} {, prototype}; */
static void build_call(struct parser *p, const struct rule *r, struct insn *i)
{
	struct call *c = parser_get(p, sizeof(*c));
	unsigned n = 0;

	statement_expect(p, 1, 4);
	if (p->err || !c)
		return;
	i->call = c;
	if (p->s.terms[n].kind == TERM_LIST) {
		c->result_count = p->s.terms[n].count;
		c->results = slots_parse(p, &p->s.terms[n++], true);
	}
	if (n >= p->s.term_count) {
		parse_error_at(p, p->s.line, "call of nothing");
		return;
	}
	call_target(p, &p->s.terms[n++], c, i);
	if (n < p->s.term_count && p->s.terms[n].kind == TERM_LIST) {
		c->argument_count = p->s.terms[n].count;
		c->arguments = slots_parse(p, &p->s.terms[n], false);
	}
}

const struct rule rules_branch[] = {
	{"bra.{uni}", NULL, NULL, 0, build_branch},
	{"brx.idx.{uni}", NULL, NULL, 0, build_branch_table},
	{"call.{uni}", NULL, NULL, 0, build_call},
	{"ret.{uni}", NULL, NULL, 0, build_return},
	{"exit", "", run_exit},
	{"nanosleep.u32", "w", run_sleep},
	{"pmevent", "w", run_nothing}, {"pmevent.mask", "w", run_nothing},
	{"setmaxnreg.<inc|dec>.sync.aligned.u32", "w", run_nothing},
	{"trap", "", run_trap},
	{"brkpt", "", run_trap},
	RULES_END
};
