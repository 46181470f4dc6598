/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that CUDA programs find in the device's own library: vprintf,
 * malloc, free and __assertfail. A call of one runs here, lane by lane.
 */
#include <stdio.h>

#include "ptx_lane.h"
#include "ptx_printf.h"

#define ARGUMENT_LIMIT 5

struct builtin {
	const char *name;
	unsigned arguments;
	unsigned results;
	/* False after a fault. */
	bool (*run)(struct warp *w, const struct insn *i, unsigned lane, const uint64_t *arguments,
		uint64_t *result);
};

static bool run_vprintf(struct warp *w, const struct insn *i, unsigned lane,
	const uint64_t *arguments, uint64_t *result)
{
	int count;

	if (!device_printf(w, i, lane, arguments[0], arguments[1], &count))
		return false;
	*result = (uint64_t)(int64_t)count;
	return true;
}

static bool run_malloc(struct warp *w, const struct insn *i, unsigned lane,
	const uint64_t *arguments, uint64_t *result)
{
	const struct ptx_memory *m = w->block->grid->launch->memory;

	*result = m && m->allocate && arguments[0] ? m->allocate(m->user, arguments[0]) : 0;
	return true;
}

static bool run_free(struct warp *w, const struct insn *i, unsigned lane,
	const uint64_t *arguments, uint64_t *result)
{
	const struct ptx_memory *m = w->block->grid->launch->memory;

	if (!arguments[0])
		return true;
	if (m && m->release && m->release(m->user, arguments[0])) {
		/* What was known of memory may be true no longer. */
		memset(w->block->worker->reads, 0, sizeof(w->block->worker->reads));
		memset(w->block->worker->writes, 0, sizeof(w->block->worker->writes));
		return true;
	}
	warp_fault(w, i, lane, PTX_FAULT_ADDRESS, arguments[0]);
	return false;
}

/* (message, file, line, function, character size) */
static bool run_assertfail(struct warp *w, const struct insn *i, unsigned lane,
	const uint64_t *arguments, uint64_t *result)
{
	device_assert(w, i, lane, arguments);
	warp_fault(w, i, lane, PTX_FAULT_ASSERT, 0);
	return false;
}

static const struct builtin builtins[] = {
	{"vprintf", 2, 1, run_vprintf},
	{"malloc", 1, 1, run_malloc},
	{"free", 1, 0, run_free},
	{"__assertfail", 5, 0, run_assertfail},
};

const struct builtin *builtin_find(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

bool builtin_accepts(const struct builtin *b, const struct call *c)
{
	if (c->argument_count != b->arguments || c->result_count > b->results)
		return false;
	for (unsigned n = 0; n < c->argument_count; n++)
		if (c->arguments[n].size > sizeof(uint64_t))
			return false;
	return !c->result_count || c->results[0].size <= sizeof(uint64_t);
}

static void give_result(struct warp *w, unsigned lane, const struct slot *s, uint64_t v)
{
	if (s->kind == SLOT_FRAME)
		memcpy(w->stack + (size_t)lane * w->stack_bytes + w->local[lane] + s->place, &v,
			s->size);
	else if (s->kind == SLOT_LONG)
		((uint64_t *)column(w, s->place))[lane] = v;
	else
		((uint32_t *)column(w, s->place))[lane] = (uint32_t)v;
}

const struct insn *run_builtin_call(struct warp *w, const struct insn *i, uint32_t lanes)
{
	const struct call *c = i->call;
	bool failed = false;

	/* All whose assertion fails say so. */
	for (; lanes; lanes &= lanes - 1) {
		unsigned l = (unsigned)__builtin_ctz(lanes);
		uint64_t arguments[ARGUMENT_LIMIT] = {0}, result = 0;

		for (unsigned n = 0; n < c->argument_count; n++)
			slot_read(w, l, &c->arguments[n], (unsigned char *)&arguments[n]);
		if (!c->builtin->run(w, i, l, arguments, &result))
			failed = true;
		else if (c->result_count)
			give_result(w, l, &c->results[0], result);
	}
	return failed ? NULL : i + 1;
}
