/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lanes of a warp do together: shuffles, votes, matches, reductions and
 * the warp's own barrier. Each lane leaves its contribution; once all lanes
 * that its mask names and that have not exited are there, each gets its result.
 * They may have come by different instructions of the same kind.
 */
#include "ptx_lane.h"
#include "ptx_parser.h"

/* The lanes that take part, gathered for the functions below. */
struct meeting {
	struct warp *w;
	uint32_t members;
	unsigned lane;			/* whose result is wanted */
	const struct contribution *own;
};

typedef void finisher(const struct meeting *m);

enum collective {
	SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_BUTTERFLY, SHUFFLE_INDEX,
	VOTE_ALL, VOTE_ANY, VOTE_UNIFORM, VOTE_BALLOT,
	MATCH_ANY, MATCH_ALL, MATCH_ANY_LONG, MATCH_ALL_LONG,
	REDUX_ADD, REDUX_MIN_U, REDUX_MAX_U, REDUX_MIN_S, REDUX_MAX_S, REDUX_AND, REDUX_OR,
	REDUX_XOR,
	WARP_SYNC, ELECT,
};

/* The lane's frame may not be the running one: operands go through its own. */
static void give_word(const struct meeting *m, uint32_t operand, uint32_t v)
{
	struct warp *w = m->w;
	size_t unit = (size_t)w->frame[m->lane] + (operand & OPERAND_MASK);

	((uint32_t *)(void *)(w->words + unit * UNIT_BYTES))[m->lane] = v;
}

static void give_predicate(const struct meeting *m, uint32_t operand, bool v)
{
	uint32_t *p = &m->w->all_predicates[m->w->frame[m->lane] + (operand >> 1)];

	*p = (*p & ~(1u << m->lane)) | (uint32_t)v << m->lane;
}

static void shuffle(const struct meeting *m)
{
	const struct insn *i = m->own->insn;
	uint32_t b = m->own->b & 31, clamp = m->own->c & 31, segment = m->own->c >> 8 & 31;
	uint32_t top = (m->lane & segment) | (clamp & ~segment), low = m->lane & segment;
	uint32_t source = m->lane - b;
	bool valid = false;

	switch (i->extra) {
	case SHUFFLE_UP:
		valid = (int32_t)source >= (int32_t)top;
		break;
	case SHUFFLE_DOWN:
		source = m->lane + b;
		valid = source <= top;
		break;
	case SHUFFLE_BUTTERFLY:
		source = m->lane ^ b;
		valid = source <= top;
		break;
	default:
		source = low | (b & ~segment);
		valid = source <= top;
		break;
	}
	if (!valid)
		source = m->lane;
	if (!(m->members >> source & 1))
		source = m->lane;
	give_word(m, i->d, (uint32_t)m->w->given[source].value);
	give_predicate(m, i->e, valid);
}

static uint32_t ballot(const struct meeting *m)
{
	uint32_t r = 0, left;

	for (left = m->members; left; left &= left - 1)
		if (m->w->given[__builtin_ctz(left)].value)
			r |= left & -left;
	return r;
}

static void vote(const struct meeting *m)
{
	const struct insn *i = m->own->insn;
	uint32_t yes = ballot(m);

	if (i->extra == VOTE_BALLOT)
		give_word(m, i->d, yes);
	else if (i->extra == VOTE_ALL)
		give_predicate(m, i->d, yes == m->members);
	else if (i->extra == VOTE_ANY)
		give_predicate(m, i->d, yes != 0);
	else
		give_predicate(m, i->d, !yes || yes == m->members);
}

static void match(const struct meeting *m)
{
	const struct insn *i = m->own->insn;
	uint32_t same = 0, left;

	for (left = m->members; left; left &= left - 1)
		if (m->w->given[__builtin_ctz(left)].value == m->own->value)
			same |= left & -left;
	if (i->extra == MATCH_ANY || i->extra == MATCH_ANY_LONG) {
		give_word(m, i->d, same);
		return;
	}
	give_word(m, i->d, same == m->members ? same : 0);
	give_predicate(m, i->e, same == m->members);
}

static uint32_t reduce_two(unsigned how, uint32_t a, uint32_t b)
{
	switch (how) {
	case REDUX_ADD:
		return a + b;
	case REDUX_MIN_U:
		return a < b ? a : b;
	case REDUX_MAX_U:
		return a > b ? a : b;
	case REDUX_MIN_S:
		return (int32_t)a < (int32_t)b ? a : b;
	case REDUX_MAX_S:
		return (int32_t)a > (int32_t)b ? a : b;
	case REDUX_AND:
		return a & b;
	case REDUX_OR:
		return a | b;
	}
	return a ^ b;
}

static void reduce(const struct meeting *m)
{
	uint32_t left = m->members;
	uint32_t r = (uint32_t)m->w->given[__builtin_ctz(left)].value;

	while (left &= left - 1)
		r = reduce_two(m->own->insn->extra, r,
			(uint32_t)m->w->given[__builtin_ctz(left)].value);
	give_word(m, m->own->insn->d, r);
}

static void elect(const struct meeting *m)
{
	uint32_t leader = (uint32_t)__builtin_ctz(m->members);

	give_word(m, m->own->insn->d, leader);
	give_predicate(m, m->own->insn->e, leader == m->lane);
}

static void finish_lane(const struct meeting *m)
{
	unsigned kind = m->own->insn->extra;

	if (kind <= SHUFFLE_INDEX)
		shuffle(m);
	else if (kind <= VOTE_BALLOT)
		vote(m);
	else if (kind <= MATCH_ALL_LONG)
		match(m);
	else if (kind <= REDUX_XOR)
		reduce(m);
	else if (kind == ELECT)
		elect(m);
}

/* Lanes of the same mask and kind that wait, if no other is still missing. */
static uint32_t members_of(const struct warp *w, unsigned lane)
{
	const struct contribution *own = &w->given[lane];
	uint32_t members = 0, left;

	for (left = w->collecting & own->mask; left; left &= left - 1) {
		const struct contribution *other = &w->given[__builtin_ctz(left)];

		if (other->mask == own->mask && other->insn->extra == own->insn->extra)
			members |= left & -left;
	}
	return members == (own->mask & w->live) ? members : 0;
}

void collective_recheck(struct warp *w)
{
	uint32_t todo = w->collecting;

	while (todo) {
		unsigned lane = (unsigned)__builtin_ctz(todo);
		uint32_t members = members_of(w, lane), left;

		todo &= ~(members | 1u << lane);
		for (left = members; left; left &= left - 1) {
			struct meeting m = {w, members, (unsigned)__builtin_ctz(left), NULL};

			m.own = &w->given[m.lane];
			finish_lane(&m);
		}
		w->collecting &= ~members;
		w->ready |= members;
	}
}

/* All contributions are in w->given: wait for whoever else is named. */
static const struct insn *meet(struct warp *w, const struct insn *i, uint32_t lanes)
{
	warp_park(w, w->lanes, i + 1);
	w->collecting |= lanes;
	w->ready &= ~lanes;
	collective_recheck(w);
	if ((w->ready & w->lanes) == w->lanes && !w->limit && w->ready == w->lanes)
		return i + 1;
	return warp_select(w);
}

/* A lane that its own mask does not name waits for nobody else. */
static void give(struct warp *w, const struct insn *i, unsigned l, uint32_t mask, uint64_t value)
{
	w->given[l] = (struct contribution){.insn = i, .mask = mask | 1u << l, .value = value};
}

HANDLER(run_shuffle)
{
	const uint32_t *a = column(w, i->a), *b = column(w, i->b), *c = column(w, i->c);
	const uint32_t *masks = column(w, i->list[0]);

	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		give(w, i, l, masks[l], a[l]);
		w->given[l].b = b[l];
		w->given[l].c = c[l];
	}
	return meet(w, i, lanes);
}

/* Values of 32 bits, of a column; the mask is in b. */
HANDLER(run_words)
{
	const uint32_t *a = column(w, i->a), *masks = column(w, i->b);

	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		give(w, i, l, masks[l], a[l]);
	}
	return meet(w, i, lanes);
}

HANDLER(run_longs)
{
	const uint64_t *a = column(w, i->a);
	const uint32_t *masks = column(w, i->b);

	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		give(w, i, l, masks[l], a[l]);
	}
	return meet(w, i, lanes);
}

HANDLER(run_vote)
{
	const uint32_t *masks = column(w, i->b);
	uint32_t yes = predicate(w, i->a);

	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		give(w, i, l, masks[l], yes >> l & 1);
	}
	return meet(w, i, lanes);
}

/* Without a mask the running lanes are meant, whichever these are. */
HANDLER(run_vote_running)
{
	uint32_t yes = predicate(w, i->a);

	for (uint32_t left = lanes; left; left &= left - 1)
		give(w, i, (unsigned)__builtin_ctz(left), lanes,
			yes >> __builtin_ctz(left) & 1);
	return meet(w, i, lanes);
}

HANDLER(run_shuffle_running)
{
	const uint32_t *a = column(w, i->a), *b = column(w, i->b), *c = column(w, i->c);

	for (uint32_t left = lanes; left; left &= left - 1) {
		unsigned l = (unsigned)__builtin_ctz(left);

		give(w, i, l, lanes, a[l]);
		w->given[l].b = b[l];
		w->given[l].c = c[l];
	}
	return meet(w, i, lanes);
}

HANDLER(run_activemask)
{
	uint32_t *d = column(w, i->d);

	LANES(lanes, l, d[l] = lanes);
	return i + 1;
}

/* d|p, a, b, c, mask */
static void build_shuffle(struct parser *p, const struct rule *r, struct insn *i)
{
	bool running = r->run == run_shuffle_running;
	uint32_t *list = parser_get(p, sizeof(*list));
	struct term d;

	statement_expect(p, running ? 4 : 5, running ? 4 : 5);
	if (p->err)
		return;
	d = p->s.terms[0];
	i->e = d.paired ? predicate_write(p, d.pair) : 0;
	d.paired = false;
	i->d = operand_write(p, &d, 32);
	i->a = operand_read(p, &p->s.terms[1], 32, true);
	i->b = operand_read(p, &p->s.terms[2], 32, false);
	i->c = operand_read(p, &p->s.terms[3], 32, false);
	i->list = list;
	if (!running && list)
		*list = operand_read(p, &p->s.terms[4], 32, false);
}

static void build_match_all(struct parser *p, const struct rule *r, struct insn *i)
{
	struct term *d = &p->s.terms[0];

	statement_expect(p, 3, 3);
	if (p->err)
		return;
	i->e = d->paired ? predicate_write(p, d->pair) : 0;
	d->paired = false;
	operands_parse(p, r->operands, i);
}

static void build_elect(struct parser *p, const struct rule *r, struct insn *i)
{
	struct term *d = &p->s.terms[0];

	statement_expect(p, 2, 2);
	if (p->err)
		return;
	i->e = d->paired ? predicate_write(p, d->pair) : 0;
	d->paired = false;
	i->d = operand_write(p, d, 32);
	i->a = literal_word(p, 0);
	i->b = operand_read(p, &p->s.terms[1], 32, false);
}

static void build_warp_sync(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 1, 1);
	if (p->err)
		return;
	i->a = literal_word(p, 0);
	i->b = operand_read(p, &p->s.terms[0], 32, false);
}

const struct rule rules_warp[] = {
	{"shfl.sync.up.b32", NULL, run_shuffle, SHUFFLE_UP, build_shuffle},
	{"shfl.sync.down.b32", NULL, run_shuffle, SHUFFLE_DOWN, build_shuffle},
	{"shfl.sync.bfly.b32", NULL, run_shuffle, SHUFFLE_BUTTERFLY, build_shuffle},
	{"shfl.sync.idx.b32", NULL, run_shuffle, SHUFFLE_INDEX, build_shuffle},
	{"shfl.up.b32", NULL, run_shuffle_running, SHUFFLE_UP, build_shuffle},
	{"shfl.down.b32", NULL, run_shuffle_running, SHUFFLE_DOWN, build_shuffle},
	{"shfl.bfly.b32", NULL, run_shuffle_running, SHUFFLE_BUTTERFLY, build_shuffle},
	{"shfl.idx.b32", NULL, run_shuffle_running, SHUFFLE_INDEX, build_shuffle},
	{"vote.sync.all.pred", "Ppw", run_vote, VOTE_ALL},
	{"vote.all.sync.pred", "Ppw", run_vote, VOTE_ALL},
	{"vote.sync.any.pred", "Ppw", run_vote, VOTE_ANY},
	{"vote.any.sync.pred", "Ppw", run_vote, VOTE_ANY},
	{"vote.sync.uni.pred", "Ppw", run_vote, VOTE_UNIFORM},
	{"vote.uni.sync.pred", "Ppw", run_vote, VOTE_UNIFORM},
	{"vote.sync.ballot.b32", "Wpw", run_vote, VOTE_BALLOT},
	{"vote.ballot.sync.b32", "Wpw", run_vote, VOTE_BALLOT},
	{"vote.all.pred", "Pp", run_vote_running, VOTE_ALL},
	{"vote.any.pred", "Pp", run_vote_running, VOTE_ANY},
	{"vote.uni.pred", "Pp", run_vote_running, VOTE_UNIFORM},
	{"vote.ballot.b32", "Wp", run_vote_running, VOTE_BALLOT},
	{"match.any.sync.b32", "Www", run_words, MATCH_ANY},
	{"match.any.sync.b64", "Wlw", run_longs, MATCH_ANY_LONG},
	{"match.all.sync.b32", "Www", run_words, MATCH_ALL, build_match_all},
	{"match.all.sync.b64", "Wlw", run_longs, MATCH_ALL_LONG, build_match_all},
	{"redux.sync.add.<u32|s32>", "Www", run_words, REDUX_ADD},
	{"redux.sync.min.u32", "Www", run_words, REDUX_MIN_U},
	{"redux.sync.max.u32", "Www", run_words, REDUX_MAX_U},
	{"redux.sync.min.s32", "Www", run_words, REDUX_MIN_S},
	{"redux.sync.max.s32", "Www", run_words, REDUX_MAX_S},
	{"redux.sync.and.b32", "Www", run_words, REDUX_AND},
	{"redux.sync.or.b32", "Www", run_words, REDUX_OR},
	{"redux.sync.xor.b32", "Www", run_words, REDUX_XOR},
	{"activemask.b32", "W", run_activemask},
	{"bar.warp.sync", NULL, run_words, WARP_SYNC, build_warp_sync},
	{"elect.sync", NULL, run_words, ELECT, build_elect},
	RULES_END
};
