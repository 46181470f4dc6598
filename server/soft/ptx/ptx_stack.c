/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that a function takes from its thread's stack while it runs. Addresses
 * are of local space; what was taken ends with the function.
 */
#include <errno.h>

#include "ptx_lane.h"
#include "ptx_parser.h"

#define ALIGNMENT_LIMIT 4096

HANDLER(run_alloca)
{
	uint64_t *d = column(w, i->d);
	const uint64_t *sizes = column(w, i->a);
	uint64_t alignment = i->value;

	for (; lanes; lanes &= lanes - 1) {
		unsigned l = (unsigned)__builtin_ctz(lanes);
		uint64_t place = (w->top[l] + alignment - 1) & ~(alignment - 1);
		int err = -EOVERFLOW;

		if (sizes[l] < UINT32_MAX / 2 && place < UINT32_MAX / 2)
			err = warp_reserve(w, 0, (uint32_t)(place + sizes[l]));
		if (err < 0)
			return warp_fault(w, i, l,
				err == -ENOMEM ? PTX_FAULT_MEMORY : PTX_FAULT_STACK, 0);
		w->top[l] = (uint32_t)(place + sizes[l]);
		d[l] = place;
	}
	return i + 1;
}

HANDLER(run_stacksave)
{
	uint64_t *d = column(w, i->d);

	LANES(lanes, l, d[l] = w->top[l]);
	return i + 1;
}

/* Back to what was saved, never into the caller's frame nor up. */
HANDLER(run_stackrestore)
{
	const uint64_t *a = column(w, i->a);

	for (; lanes; lanes &= lanes - 1) {
		unsigned l = (unsigned)__builtin_ctz(lanes);

		if (a[l] < w->local[l] || a[l] > w->top[l])
			return warp_fault(w, i, l, PTX_FAULT_ADDRESS, a[l]);
		w->top[l] = (uint32_t)a[l];
	}
	return i + 1;
}

static void build_alloca(struct parser *p, const struct rule *r, struct insn *i)
{
	statement_expect(p, 2, 3);
	if (p->err)
		return;
	i->d = operand_write(p, &p->s.terms[0], 64);
	i->a = operand_read(p, &p->s.terms[1], 64, false);
	i->value = p->s.term_count > 2 ? p->s.terms[2].integer : 16;
	if (!i->value || i->value > ALIGNMENT_LIMIT || (i->value & (i->value - 1)))
		parse_error_at(p, p->s.line, "bad alignment of 'alloca'");
}

const struct rule rules_stack[] = {
	{"alloca.<u64|s64>", NULL, run_alloca, 0, build_alloca},
	{"stacksave.u64", "L", run_stacksave},
	{"stackrestore.u64", "l", run_stackrestore},
	RULES_END
};
