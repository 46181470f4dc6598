/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many registers a function would need on a GPU: PTX has as many as it
 * likes, of which few hold a value at the same time. The classical analysis of
 * live values over basic blocks, only to answer what occupancy depends on.
 *
 * A register is known by twice its slot, plus one for those of 64 bits.
 */
#include <stdlib.h>

#include "ptx_parser.h"

#define WORK_LIMIT (1ull << 28)		/* bits of all sets together */
#define REGISTERS_RESERVED 5
#define REGISTERS_UNKNOWN 64
#define REGISTERS_MOST 255

struct basic_block {
	uint32_t first, end;		/* instructions */
	uint32_t occurrence, occurrence_end;
	uint64_t *used, *defined, *live_in, *live_out;
};

struct analysis {
	const struct function *f;
	const struct occurrence *occurrences;
	uint32_t occurrence_count;
	struct basic_block *blocks;
	uint32_t block_count;
	uint32_t *block_of;		/* of each instruction */
	uint32_t words;			/* of a set */
	uint64_t *sets;
};

void occurrence_add(struct parser *p, uint32_t register_id, bool write)
{
	if (!p->f || !p->code_count ||
	    parser_grow(p, (void **)&p->occurrences, &p->occurrence_capacity, p->occurrence_count,
		    sizeof(*p->occurrences)))
		return;
	p->occurrences[p->occurrence_count++] =
		(struct occurrence){p->code_count - 1, register_id, write};
}

static void mark_targets(const struct function *f, bool *leader)
{
	leader[0] = true;
	for (uint32_t n = 0; n < f->code_count; n++) {
		struct flow flow = flow_of(&f->code[n]);

		for (unsigned t = 0; t < flow.count; t++)
			leader[flow.targets[t] - f->code] = true;
		if (flow.count || !flow.falls_through)
			leader[n + 1] = true;
	}
}

static int find_blocks(struct analysis *a)
{
	const struct function *f = a->f;
	bool *leader = calloc(f->code_count + 1, sizeof(*leader));
	uint32_t n, at = 0;

	a->block_of = calloc(f->code_count + 1, sizeof(*a->block_of));
	a->blocks = calloc(f->code_count + 1, sizeof(*a->blocks));
	if (!leader || !a->block_of || !a->blocks) {
		free(leader);
		return -1;
	}
	mark_targets(f, leader);
	for (n = 0; n < f->code_count; n++) {
		if (leader[n])
			a->blocks[a->block_count++].first = n;
		a->block_of[n] = a->block_count - 1;
		a->blocks[a->block_count - 1].end = n + 1;
	}
	for (n = 0; n < a->block_count; n++) {
		a->blocks[n].occurrence = at;
		while (at < a->occurrence_count && a->occurrences[at].insn < a->blocks[n].end)
			at++;
		a->blocks[n].occurrence_end = at;
	}
	free(leader);
	return 0;
}

static bool has(const uint64_t *set, uint32_t member)
{
	return set[member / 64] >> member % 64 & 1;
}

static void put(uint64_t *set, uint32_t member)
{
	set[member / 64] |= 1ull << member % 64;
}

/* A write under a guard leaves the old value alive. */
static bool kills(const struct analysis *a, const struct occurrence *o)
{
	return o->write && a->f->code[o->insn].guard == GUARD_NONE;
}

/* Where the occurrences of the instruction of occurrence @n end. */
static uint32_t insn_end(const struct analysis *a, uint32_t n, uint32_t end)
{
	uint32_t insn = a->occurrences[n].insn;

	while (n < end && a->occurrences[n].insn == insn)
		n++;
	return n;
}

/* An instruction reads before it writes, whichever of its operands comes first. */
static void summarise(const struct analysis *a, struct basic_block *b)
{
	uint32_t end;

	for (uint32_t first = b->occurrence; first < b->occurrence_end; first = end) {
		end = insn_end(a, first, b->occurrence_end);
		for (uint32_t n = first; n < end; n++)
			if (!kills(a, &a->occurrences[n]) &&
			    !has(b->defined, a->occurrences[n].register_id))
				put(b->used, a->occurrences[n].register_id);
		for (uint32_t n = first; n < end; n++)
			if (kills(a, &a->occurrences[n]))
				put(b->defined, a->occurrences[n].register_id);
	}
}

static int make_sets(struct analysis *a)
{
	size_t size = (size_t)a->words * a->block_count;

	a->sets = calloc(size * 4 + 1, sizeof(*a->sets));
	if (!a->sets)
		return -1;
	for (uint32_t n = 0; n < a->block_count; n++) {
		struct basic_block *b = &a->blocks[n];

		b->used = a->sets + (size_t)n * 4 * a->words;
		b->defined = b->used + a->words;
		b->live_in = b->defined + a->words;
		b->live_out = b->live_in + a->words;
		summarise(a, b);
	}
	return 0;
}

static void join(const struct analysis *a, struct basic_block *b, uint32_t insn)
{
	const struct basic_block *next = &a->blocks[a->block_of[insn]];

	for (uint32_t n = 0; n < a->words; n++)
		b->live_out[n] |= next->live_in[n];
}

static bool update(const struct analysis *a, struct basic_block *b)
{
	struct flow flow = flow_of(&a->f->code[b->end - 1]);
	bool changed = false;

	for (unsigned t = 0; t < flow.count; t++)
		join(a, b, (uint32_t)(flow.targets[t] - a->f->code));
	if (flow.falls_through && b->end < a->f->code_count)
		join(a, b, b->end);
	for (uint32_t n = 0; n < a->words; n++) {
		uint64_t in = b->used[n] | (b->live_out[n] & ~b->defined[n]);

		changed |= in != b->live_in[n];
		b->live_in[n] = in;
	}
	return changed;
}

static void solve(const struct analysis *a)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (uint32_t n = a->block_count; n-- > 0;)
			changed |= update(a, &a->blocks[n]);
	}
}

static int32_t weight(const uint64_t *set, uint32_t words)
{
	int32_t sum = 0;

	for (uint32_t n = 0; n < words; n++)
		sum += __builtin_popcountll(set[n]) +
		       __builtin_popcountll(set[n] & 0xaaaaaaaaaaaaaaaa);
	return sum;
}

/* Set or clear a register in @set; what that changes of its weight. */
static int32_t change(uint64_t *set, uint32_t register_id, bool alive)
{
	int32_t own = 1 + (int32_t)(register_id & 1);

	if (has(set, register_id) == alive)
		return 0;
	set[register_id / 64] ^= 1ull << register_id % 64;
	return alive ? own : -own;
}

/* From the block's end to its start, with the weight of what is alive. */
static int32_t most_alive(const struct analysis *a, struct basic_block *b)
{
	int32_t now = weight(b->live_out, a->words), most = now;
	uint32_t end = b->occurrence_end;

	while (end > b->occurrence) {
		uint32_t first = end - 1;

		while (first > b->occurrence &&
		       a->occurrences[first - 1].insn == a->occurrences[end - 1].insn)
			first--;
		for (uint32_t n = first; n < end; n++)
			if (kills(a, &a->occurrences[n]))
				now += change(b->live_out, a->occurrences[n].register_id, false);
		for (uint32_t n = first; n < end; n++)
			if (!a->occurrences[n].write)
				now += change(b->live_out, a->occurrences[n].register_id, true);
		most = now > most ? now : most;
		end = first;
	}
	return most;
}

unsigned registers_estimate(struct parser *p)
{
	struct analysis a = {.f = p->f, .occurrences = p->occurrences,
		.occurrence_count = p->occurrence_count};
	uint32_t ids = 2 * (p->words > p->longs ? p->words : p->longs);
	int32_t most = 0;

	a.words = (ids + 63) / 64;
	if (find_blocks(&a) || (uint64_t)a.block_count * a.words * 256 > WORK_LIMIT ||
	    make_sets(&a)) {
		most = REGISTERS_UNKNOWN;
	} else {
		solve(&a);
		for (uint32_t n = 0; n < a.block_count; n++) {
			int32_t alive = most_alive(&a, &a.blocks[n]);

			most = alive > most ? alive : most;
		}
	}
	free(a.sets);
	free(a.blocks);
	free(a.block_of);
	most += REGISTERS_RESERVED;
	return most < REGISTERS_MOST ? (unsigned)most : REGISTERS_MOST;
}
