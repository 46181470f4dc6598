/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mov in all its forms: registers and constants, addresses, packing and
 * unpacking of vectors, predicates, and the special registers that change
 * while a warp runs.
 */
#include <time.h>

#include "ptx_lane.h"
#include "ptx_parser.h"

OP1(move_32, uint32_t, uint32_t, a)
OP1(move_64, uint64_t, uint64_t, a)
OP1(move_16, uint32_t, uint32_t, (uint16_t)a)

HANDLER(move_pred)
{
	predicate_set(w, i->d, lanes, predicate(w, i->a));
	return i + 1;
}

/* extra is the width of an element in bits; lists hold their operands. */
HANDLER(run_pack_32)
{
	uint32_t *d = column(w, i->d), r[WARP_LANES] = {0};

	for (unsigned n = 0; n < i->count; n++) {
		const uint32_t *s = column(w, i->list[n]);
		uint32_t mask = (1u << i->extra) - 1;

		for (unsigned l = 0; l < WARP_LANES; l++)
			r[l] |= (s[l] & mask) << (n * i->extra);
	}
	LANES(lanes, l, d[l] = r[l]);
	return i + 1;
}

HANDLER(run_pack_64)
{
	uint64_t *d = column(w, i->d), r[WARP_LANES] = {0};

	for (unsigned n = 0; n < i->count; n++) {
		const uint32_t *s = column(w, i->list[n]);
		uint64_t mask = (1ull << i->extra) - 1;

		for (unsigned l = 0; l < WARP_LANES; l++)
			r[l] |= (s[l] & mask) << (n * i->extra);
	}
	LANES(lanes, l, d[l] = r[l]);
	return i + 1;
}

HANDLER(run_unpack_32)
{
	const uint32_t *a = column(w, i->a);
	uint32_t s[WARP_LANES], mask = (1u << i->extra) - 1;

	memcpy(s, a, sizeof(s));
	for (unsigned n = 0; n < i->count; n++) {
		uint32_t *d = column(w, i->list[n]);

		LANES(lanes, l, d[l] = s[l] >> (n * i->extra) & mask);
	}
	return i + 1;
}

HANDLER(run_unpack_64)
{
	const uint64_t *a = column(w, i->a);
	uint64_t s[WARP_LANES], mask = (1ull << i->extra) - 1;

	memcpy(s, a, sizeof(s));
	for (unsigned n = 0; n < i->count; n++) {
		uint32_t *d = column(w, i->list[n]);

		LANES(lanes, l, d[l] = (uint32_t)(s[l] >> (n * i->extra) & mask));
	}
	return i + 1;
}

static void build_elements(struct parser *p, struct insn *i, const struct term *t, unsigned bits,
	bool write)
{
	uint32_t *list = parser_get(p, (t->count + 1) * sizeof(*list));

	if ((t->count != 2 && t->count != 4) || (bits != 32 && bits != 64) || bits / t->count < 8) {
		parse_error_at(p, p->s.line, "bad vector in '%.*s'", (int)p->s.name.size,
			p->s.name.at);
		return;
	}
	i->count = (uint8_t)t->count;
	i->extra = (uint8_t)(bits / t->count);
	for (unsigned n = 0; n < t->count && list; n++)
		list[n] = write ? operand_write(p, item_at(p, t, n), i->extra)
				: operand_read(p, item_at(p, t, n), i->extra, false);
	i->list = list;
}

static void build_pack(struct parser *p, struct insn *i, unsigned bits)
{
	build_elements(p, i, &p->s.terms[1], bits, false);
	i->d = operand_write(p, &p->s.terms[0], bits);
	i->run = bits == 64 ? run_pack_64 : run_pack_32;
}

static void build_unpack(struct parser *p, struct insn *i, unsigned bits)
{
	build_elements(p, i, &p->s.terms[0], bits, true);
	i->a = operand_read(p, &p->s.terms[1], bits, false);
	i->run = bits == 64 ? run_unpack_64 : run_unpack_32;
}

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

enum dynamic { DYNAMIC_CLOCK, DYNAMIC_CLOCK_HIGH, DYNAMIC_TIME, DYNAMIC_TIME_HIGH };

static uint64_t dynamic_value(unsigned which)
{
	uint64_t now = nanoseconds(which >= DYNAMIC_TIME ? CLOCK_REALTIME : CLOCK_MONOTONIC);

	return which == DYNAMIC_CLOCK_HIGH || which == DYNAMIC_TIME_HIGH ? now >> 32 : now;
}

HANDLER(run_clock_32)
{
	uint32_t *d = column(w, i->d), now = (uint32_t)dynamic_value(i->extra);

	LANES(lanes, l, d[l] = now);
	return i + 1;
}

HANDLER(run_clock_64)
{
	uint64_t *d = column(w, i->d), now = dynamic_value(i->extra);

	LANES(lanes, l, d[l] = now);
	return i + 1;
}

static bool build_clock(struct parser *p, struct insn *i, unsigned bits)
{
	static const struct {
		const char *name;
		unsigned bits;
		enum dynamic which;
	} clocks[] = {{"%clock", 32, DYNAMIC_CLOCK}, {"%clock_hi", 32, DYNAMIC_CLOCK_HIGH},
		{"%clock64", 64, DYNAMIC_CLOCK}, {"%globaltimer", 64, DYNAMIC_TIME},
		{"%globaltimer_lo", 32, DYNAMIC_TIME}, {"%globaltimer_hi", 32, DYNAMIC_TIME_HIGH}};

	for (size_t n = 0; n < sizeof(clocks) / sizeof(*clocks); n++) {
		if (!text_is(p->s.terms[1].name, clocks[n].name) || clocks[n].bits != bits)
			continue;
		i->d = operand_write(p, &p->s.terms[0], bits);
		i->extra = (uint8_t)clocks[n].which;
		i->run = bits == 64 ? run_clock_64 : run_clock_32;
		return true;
	}
	return false;
}

static void build_plain(struct parser *p, struct insn *i, unsigned bits, bool is_float)
{
	i->d = operand_write(p, &p->s.terms[0], bits);
	i->a = operand_read(p, &p->s.terms[1], bits, is_float);
	i->run = bits == 64 ? move_64 : bits == 32 ? move_32 : move_16;
}

static void build_move(struct parser *p, const struct rule *r, struct insn *i)
{
	struct text type = word_peek(p);
	unsigned bits = type_bits(type);

	p->s.word++;
	if (bits == 8 || bits > 64 || !bits)
		unsupported(p);
	statement_expect(p, 2, 2);
	if (p->err)
		return;
	if (bits == 1) {
		i->run = move_pred;
		operands_parse(p, "Pp", i);
	} else if (p->s.terms[0].kind == TERM_VECTOR) {
		build_unpack(p, i, bits);
	} else if (p->s.terms[1].kind == TERM_VECTOR) {
		build_pack(p, i, bits);
	} else if (!build_clock(p, i, bits) &&
		   !build_frame_address(p, &p->s.terms[1], i, bits, 0)) {
		build_plain(p, i, bits, *type.at == 'f');
	}
}

const struct rule rules_move[] = {
	{"mov.*", NULL, NULL, 0, build_move},
	RULES_END
};
