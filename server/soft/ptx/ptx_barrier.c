/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Barriers of a block. Threads are counted, not warps; only where a barrier
 * names a number of threads does a warp whose last lanes have exited count as
 * whole, as such numbers are multiples of a warp.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"

enum reduction { REDUCE_NONE, REDUCE_POPC, REDUCE_AND, REDUCE_OR };

/* Lanes of @w that wait at barrier @id. */
static uint32_t waiting_lanes(const struct warp *w, unsigned id)
{
	uint32_t lanes = 0, left;

	for (left = w->at_barrier; left; left &= left - 1)
		if (w->barrier[__builtin_ctz(left)] == id)
			lanes |= left & -left;
	return lanes;
}

/* In @whole each warp all of whose remaining lanes wait counts in full. */
static void count_waiting(const struct block *b, unsigned id, uint32_t *threads, uint32_t *whole)
{
	*threads = *whole = 0;
	for (unsigned n = 0; n < b->warp_count; n++) {
		uint32_t lanes = waiting_lanes(&b->warps[n], id);
		uint32_t count = (uint32_t)__builtin_popcount(lanes);

		*threads += count;
		*whole += lanes && lanes == b->warps[n].live ? WARP_LANES : count;
	}
}

static bool is_complete(const struct block *b, unsigned id)
{
	const struct barrier *r = &b->barriers[id];
	uint32_t threads, whole;

	count_waiting(b, id, &threads, &whole);
	if (!threads)
		return false;
	if (!r->expected)
		return threads + r->arrived >= b->live;
	return threads + r->arrived >= r->expected || whole + r->arrived >= r->expected;
}

/* The result of bar.red goes to where the waiting instruction wants it. */
static void give_result(struct warp *w, unsigned lane, const struct barrier *r)
{
	const struct insn *i = w->pc[lane] - 1;
	bool yes = i->extra == REDUCE_AND ? r->votes == r->voters : r->votes != 0;
	uint32_t *bits;

	if (i->extra == REDUCE_POPC) {
		uint32_t *words = (uint32_t *)(void *)(w->words +
			((size_t)w->frame[lane] + (i->d & OPERAND_MASK)) * UNIT_BYTES);

		words[lane] = r->votes;
	} else if (i->extra) {
		bits = &w->all_predicates[w->frame[lane] + (i->d >> 1)];
		*bits = (*bits & ~(1u << lane)) | (uint32_t)yes << lane;
	}
}

static void release(struct block *b, unsigned id)
{
	struct barrier *r = &b->barriers[id];

	for (unsigned n = 0; n < b->warp_count; n++) {
		struct warp *w = &b->warps[n];
		uint32_t lanes = waiting_lanes(w, id), left;

		for (left = lanes; left; left &= left - 1)
			give_result(w, (unsigned)__builtin_ctz(left), r);
		w->at_barrier &= ~lanes;
		w->ready |= lanes;
	}
	*r = (struct barrier){0};
}

void barriers_recheck(struct block *b)
{
	uint32_t ids = 0;

	for (unsigned n = 0; n < b->warp_count; n++)
		for (uint32_t left = b->warps[n].at_barrier; left; left &= left - 1)
			ids |= 1u << b->warps[n].barrier[__builtin_ctz(left)];
	for (; ids; ids &= ids - 1)
		if (is_complete(b, (unsigned)__builtin_ctz(ids)))
			release(b, (unsigned)__builtin_ctz(ids));
}

static bool check_operands(struct warp *w, const struct insn *i, uint32_t lanes, uint32_t *id,
	uint32_t *expected)
{
	unsigned first = (unsigned)__builtin_ctz(lanes);

	*id = ((const uint32_t *)column(w, i->a))[first];
	*expected = ((const uint32_t *)column(w, i->b))[first];
	if (*id < BLOCK_BARRIERS && *expected <= 2 * BLOCK_THREADS)
		return true;
	warp_fault(w, i, first, PTX_FAULT_INSTRUCTION, 0);
	return false;
}

static void vote(struct warp *w, const struct insn *i, uint32_t lanes, struct barrier *r)
{
	if (!i->extra)
		return;
	r->votes += (uint32_t)__builtin_popcount(predicate(w, i->c) & lanes);
	r->voters += (uint32_t)__builtin_popcount(lanes);
}

HANDLER(run_barrier)
{
	struct block *b = w->block;
	uint32_t id, expected, left;

	if (!check_operands(w, i, lanes, &id, &expected))
		return NULL;
	b->barriers[id].expected = expected;
	vote(w, i, lanes, &b->barriers[id]);
	for (left = lanes; left; left &= left - 1)
		w->barrier[__builtin_ctz(left)] = (uint8_t)id;
	w->at_barrier |= lanes;
	w->ready &= ~lanes;
	warp_park(w, w->lanes, i + 1);
	if (is_complete(b, id))
		release(b, id);
	return warp_select(w);
}

/* Counted, but not waiting; a warp arrives as a whole. */
HANDLER(run_arrive)
{
	struct block *b = w->block;
	uint32_t id, expected;

	if (!check_operands(w, i, lanes, &id, &expected))
		return NULL;
	b->barriers[id].expected = expected;
	b->barriers[id].arrived += lanes == w->live ? WARP_LANES
						    : (uint32_t)__builtin_popcount(lanes);
	if (is_complete(b, id))
		release(b, id);
	else if (b->barriers[id].arrived >= expected)
		b->barriers[id] = (struct barrier){0};
	return i + 1;
}

/* a is the barrier and b the number of threads, 0 for all. */
static void build_barrier(struct parser *p, const struct rule *r, struct insn *i)
{
	unsigned low = r->extra || r->run == run_arrive ? 2 : 1, at = 0;

	if (r->extra)
		low = 3;
	statement_expect(p, low, r->extra ? 4 : 2);
	if (p->err)
		return;
	if (r->extra == REDUCE_POPC)
		i->d = operand_write(p, &p->s.terms[at++], 32);
	else if (r->extra)
		i->d = predicate_write(p, p->s.terms[at++].name);
	i->a = operand_read(p, &p->s.terms[at++], 32, false);
	if (at + (r->extra ? 1 : 0) < p->s.term_count)
		i->b = operand_read(p, &p->s.terms[at++], 32, false);
	else
		i->b = literal_word(p, 0);
	if (r->extra && !p->err)
		i->c = predicate_read(p, &p->s.terms[at]);
}

/* barrier.cluster of a block that is a cluster by itself. */
static void build_cluster(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 0, 0);
	i->a = i->b = literal_word(p, 0);
}

HANDLER(run_cluster_arrive)
{
	return i + 1;
}

#define BARRIER(name, words)                                                                       \
	{name words ".sync.{aligned}", NULL, run_barrier, REDUCE_NONE, build_barrier},             \
	{name words ".arrive.{aligned}", NULL, run_arrive, REDUCE_NONE, build_barrier},            \
	{name words ".red.popc.{aligned}.u32", NULL, run_barrier, REDUCE_POPC, build_barrier},     \
	{name words ".red.and.{aligned}.pred", NULL, run_barrier, REDUCE_AND, build_barrier},      \
	{name words ".red.or.{aligned}.pred", NULL, run_barrier, REDUCE_OR, build_barrier},        \
	{name words ".red.{aligned}.popc.u32", NULL, run_barrier, REDUCE_POPC, build_barrier},     \
	{name words ".red.{aligned}.and.pred", NULL, run_barrier, REDUCE_AND, build_barrier},      \
	{name words ".red.{aligned}.or.pred", NULL, run_barrier, REDUCE_OR, build_barrier}

const struct rule rules_barrier[] = {
	BARRIER("bar", ".{cta}"),
	BARRIER("barrier", ".{cta}"),
	{"barrier.cluster.arrive.{release}.{relaxed}.{aligned}", NULL, run_cluster_arrive, 0,
		build_cluster},
	{"barrier.cluster.wait.{acquire}.{aligned}", NULL, run_barrier, 0, build_cluster},
	RULES_END
};
