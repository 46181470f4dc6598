/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lanes of a warp run, and from where. The group is chosen by call depth
 * first and then by the lowest program counter, which makes lanes that went
 * different ways meet again at the end of a branch; a group that has branched
 * backwards for long leaves its turn to the lanes that have waited longest, so
 * that a lane may spin on what another lane has still to do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_machine.h"

#define TURN_BRANCHES 2000
#define SLOTS_LIMIT (1u << 17)
#define STACK_LIMIT (1u << 18)

static void warp_use_frame(struct warp *w, uint32_t base)
{
	w->base = base;
	w->file[FILE_WORDS] = w->words + (size_t)base * UNIT_BYTES;
	w->file[FILE_LONGS] = w->longs + (size_t)base * UNIT_BYTES * 2;
	w->predicates = w->all_predicates + base;
}

static bool goes_before(const struct warp *w, unsigned a, unsigned b)
{
	if (w->rotate && w->stamp[a] != w->stamp[b])
		return w->stamp[a] < w->stamp[b];
	if (w->depth[a] != w->depth[b])
		return w->depth[a] > w->depth[b];
	return (uintptr_t)w->pc[a] < (uintptr_t)w->pc[b];
}

const struct insn *warp_select(struct warp *w)
{
	uint32_t left = w->ready, group = 0;
	const struct insn *pc, *limit = NULL;
	unsigned leader;

	if (!left)
		return NULL;
	leader = (unsigned)__builtin_ctz(left);
	while (left &= left - 1)
		if (goes_before(w, (unsigned)__builtin_ctz(left), leader))
			leader = (unsigned)__builtin_ctz(left);
	pc = w->pc[leader];
	for (left = w->ready; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		if (w->pc[l] == pc && w->frame[l] == w->frame[leader])
			group |= 1u << l;
		else if (w->depth[l] == w->depth[leader] && (uintptr_t)w->pc[l] > (uintptr_t)pc &&
			 (!limit || (uintptr_t)w->pc[l] < (uintptr_t)limit))
			limit = w->pc[l];
	}
	w->lanes = group;
	w->limit = limit;
	warp_use_frame(w, w->frame[leader]);
	return pc;
}

static const struct insn *leave_turn(struct warp *w)
{
	uint32_t left;

	w->turn++;
	for (left = w->lanes; left; left &= left - 1)
		w->stamp[__builtin_ctz(left)] = w->turn;
	w->rotate = !w->rotate;
	return NULL;
}

const struct insn *warp_reselect(struct warp *w)
{
	return likely(--w->budget) ? warp_select(w) : leave_turn(w);
}

const struct insn *warp_jump(struct warp *w, const struct insn *from, const struct insn *target)
{
	if ((uintptr_t)target <= (uintptr_t)from && unlikely(!--w->budget)) {
		warp_park(w, w->lanes, target);
		return leave_turn(w);
	}
	if (w->limit && (uintptr_t)target > (uintptr_t)w->limit) {
		warp_park(w, w->lanes, target);
		return warp_select(w);
	}
	return target;
}

const struct insn *warp_exit(struct warp *w, const struct insn *i, uint32_t lanes)
{
	warp_park(w, w->lanes, i + 1);
	w->ready &= ~lanes;
	w->live &= ~lanes;
	w->block->live -= (uint32_t)__builtin_popcount(lanes);
	if (w->collecting)
		collective_recheck(w);
	barriers_recheck(w->block);
	return warp_select(w);
}

/* One turn: until all lanes wait, or the budget is used up, or a fault. */
void warp_run(struct warp *w)
{
	const struct insn *i;

	w->budget = TURN_BRANCHES;
	i = warp_select(w);
	while (i) {
		uint32_t lanes = w->lanes;

		if (i->guard != GUARD_NONE)
			lanes &= predicate(w, i->guard);
		i = lanes ? i->run(w, i, lanes) : i + 1;
		if (unlikely(i == w->limit) && i) {
			warp_park(w, w->lanes, i);
			i = warp_select(w);
		}
	}
}

static int grow_registers(struct warp *w, uint32_t slots)
{
	void *grown;

	grown = realloc(w->words, (size_t)slots * UNIT_BYTES);
	if (!grown)
		return -ENOMEM;
	w->words = grown;
	memset(w->words + (size_t)w->slots * UNIT_BYTES, 0,
		(size_t)(slots - w->slots) * UNIT_BYTES);
	grown = realloc(w->longs, (size_t)slots * UNIT_BYTES * 2);
	if (!grown)
		return -ENOMEM;
	w->longs = grown;
	memset(w->longs + (size_t)w->slots * UNIT_BYTES * 2, 0,
		(size_t)(slots - w->slots) * UNIT_BYTES * 2);
	grown = realloc(w->all_predicates, slots * sizeof(*w->all_predicates));
	if (!grown)
		return -ENOMEM;
	w->all_predicates = grown;
	memset(w->all_predicates + w->slots, 0, (slots - w->slots) * sizeof(*w->all_predicates));
	w->slots = slots;
	return 0;
}

static int grow_stack(struct warp *w, uint32_t bytes)
{
	unsigned char *grown = calloc(WARP_LANES, bytes);

	if (!grown)
		return -ENOMEM;
	for (unsigned l = 0; l < WARP_LANES && w->stack_bytes; l++)
		memcpy(grown + (size_t)l * bytes, w->stack + (size_t)l * w->stack_bytes,
			w->stack_bytes);
	free(w->stack);
	w->stack = grown;
	w->stack_bytes = bytes;
	return 0;
}

/* Room for @slots registers and @stack_bytes of each lane's stack. -EOVERFLOW
 * beyond what a thread may have. The frame's pointers may change. */
int warp_reserve(struct warp *w, uint32_t slots, uint32_t stack_bytes)
{
	const struct grid *g = w->block->grid;
	uint64_t limit = g->launch->stack_limit ? g->launch->stack_limit : STACK_LIMIT;
	uint64_t most = limit + g->kernel->frame_bytes + STACK_SLACK;
	int err = 0;

	if (slots > SLOTS_LIMIT || stack_bytes > most)
		return -EOVERFLOW;
	if (slots > w->slots)
		err = grow_registers(w, w->slots * 2 > slots ? w->slots * 2 : slots);
	stack_bytes = (stack_bytes + 63) & ~63u;
	if (!err && stack_bytes > w->stack_bytes)
		err = grow_stack(w,
			w->stack_bytes * 2 > stack_bytes ? w->stack_bytes * 2 : stack_bytes);
	warp_use_frame(w, w->base);
	return err;
}

void warp_fini(struct warp *w)
{
	free(w->words);
	free(w->longs);
	free(w->all_predicates);
	free(w->stack);
}
