/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies from global to shared memory beside the program's course. Here they
 * are done at once, so that waiting for them is waiting for nothing.
 */
#include "ptx_address.h"
#include "ptx_lane.h"
#include "ptx_memory.h"

/* a, offset: the source; b: the destination in shared memory, value in list;
 * c: bytes to read, the rest up to size is zeros. */
HANDLER(run_copy)
{
	const void *source = column(w, i->a);
	const uint32_t *destination = column(w, i->b), *sizes = column(w, i->c);

	for (; lanes; lanes &= lanes - 1) {
		unsigned l = (unsigned)__builtin_ctz(lanes);
		uint32_t bytes = sizes[l] < i->size ? sizes[l] : i->size;
		void *to = place_shared(w, i, l, (uint64_t)destination[l] + i->list[0], i->size,
			true);
		const void *from;

		if (!to)
			return NULL;
		memset(to, 0, i->size);
		if (!bytes)
			continue;
		from = bytes == i->size
			       ? place_global(w, i, l, lane_address(i, source, l), bytes, false)
			       : memory_bytes(w, i, l, lane_address(i, source, l), bytes, false);
		if (!from)
			return NULL;
		memcpy(to, from, bytes);
	}
	return i + 1;
}

/* A destination address of 64 bits is cut off: shared addresses are smaller. */
static uint32_t destination(struct parser *p, struct insn *i)
{
	struct insn address = {.space = SPACE_SHARED};
	struct term t = p->s.terms[0];
	struct term name = {.kind = TERM_NAME, .name = t.name};
	uint32_t *list = parser_get(p, sizeof(*list));
	unsigned bits = operand_bits(p, &name);

	if (!list || t.kind != TERM_ADDRESS || bits == 64 || !t.name.size) {
		unsupported(p);
		return 0;
	}
	*list = (uint32_t)t.integer;
	i->list = list;
	address.a = operand_read(p, &name, 32, false);
	return address.a;
}

/* cp.async.ca|cg.shared.global [to], [from], size {, bytes} {, policy}; */
static void build_copy(struct parser *p, const struct rule *r, struct insn *i)
{
	uint64_t size;

	while (word_take_hint(p, i))
		;
	statement_expect(p, 3, 5);
	if (p->err)
		return;
	size = p->s.terms[2].integer;
	if (p->s.terms[2].kind != TERM_INTEGER || (size != 4 && size != 8 && size != 16)) {
		parse_error_at(p, p->s.line, "bad size of 'cp.async'");
		return;
	}
	i->space = SPACE_GLOBAL;
	i->size = (uint8_t)size;
	address_parse(p, &p->s.terms[1], i);
	i->b = destination(p, i);
	i->c = p->s.term_count > 3 ? operand_read(p, &p->s.terms[3], 32, false)
				   : literal_word(p, (uint32_t)size);
}

HANDLER(run_wait)
{
	return i + 1;
}

const struct rule rules_copy[] = {
	{"cp.async.commit_group", "", run_wait},
	{"cp.async.wait_all", "", run_wait},
	{"cp.async.wait_group", "w", run_wait},
	{"cp.async.<ca|cg>.<shared|shared::cta>.global.*", NULL, run_copy, 0, build_copy},
	RULES_END
};
