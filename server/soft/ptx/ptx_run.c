/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A launch: checks it, puts addresses in place, spreads blocks over workers and
 * gathers the first fault. Blocks start in the order of their index, so that
 * one may wait for what an earlier one does; in a cooperative launch all blocks
 * take turns on one thread, so that each may wait for any other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_machine.h"

#define THREADS_LIMIT 256
#define SHARED_LIMIT (1u << 24)
#define COOPERATIVE_LIMIT 4096
#define WORKSPACE_WORDS 16

bool grid_stopped(const struct grid *g)
{
	return atomic_load_explicit(&g->stop, memory_order_acquire);
}

/* End the grid; true for the first to do so, who may fill grid->fault. */
static bool grid_stop(struct grid *g)
{
	return !atomic_exchange(&g->stop, 1);
}

const struct insn *warp_fault(struct warp *w, const struct insn *i, unsigned lane,
	enum ptx_fault_kind kind, uint64_t address)
{
	struct grid *g = w->block->grid;

	if (!grid_stop(g))
		return NULL;
	g->fault.kind = kind;
	g->fault.address = address;
	g->fault.line = i ? i->line : 0;
	for (unsigned n = 0; n < 3; n++) {
		g->fault.block[n] = w->block->id[n];
		g->fault.thread[n] = w->threads[(SPECIAL_TID_X + n) * WARP_LANES + lane];
	}
	return NULL;
}

static void stop_with(struct grid *g, enum ptx_fault_kind kind)
{
	if (grid_stop(g))
		g->fault.kind = kind;
}

static bool cancelled(struct grid *g)
{
	const atomic_int *cancel = g->launch->cancel;

	if (!cancel || !atomic_load_explicit(cancel, memory_order_relaxed))
		return false;
	stop_with(g, PTX_FAULT_CANCELLED);
	return true;
}

static void run_blocks(struct worker *worker, struct block *b)
{
	struct grid *g = worker->grid;

	for (;;) {
		uint64_t index = atomic_fetch_add(&g->next, 1);

		if (index >= g->blocks || grid_stopped(g))
			return;
		block_start(b, index);
		do {
			if (cancelled(g))
				return;
		} while (block_turn(b));
	}
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct block *b = calloc(1, sizeof(*b));

	if (!b || block_init(b, worker) < 0)
		stop_with(worker->grid, PTX_FAULT_MEMORY);
	else
		run_blocks(worker, b);
	if (b)
		block_fini(b);
	free(b);
	return NULL;
}

static int run_workers(struct grid *g, unsigned count)
{
	struct worker *workers = calloc(count, sizeof(*workers));
	unsigned started = 1;

	if (!workers)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		workers[i].grid = g;
		workers[i].index = i;
	}
	while (started < count &&
	       !pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]))
		started++;
	worker_main(&workers[0]);
	while (--started > 0)
		pthread_join(workers[started].thread, NULL);
	free(workers);
	return 0;
}

static void take_turns(struct grid *g, struct block **blocks)
{
	uint64_t left = g->blocks;

	for (uint64_t i = 0; i < g->blocks; i++)
		block_start(blocks[i], i);
	while (left && !cancelled(g)) {
		for (uint64_t i = 0; i < g->blocks; i++) {
			if (blocks[i]->live && !block_turn(blocks[i])) {
				if (grid_stopped(g))
					return;
				left--;
			}
		}
	}
}

static int run_cooperative(struct grid *g)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	struct block **blocks = calloc(g->blocks, sizeof(*blocks));
	int err = worker && blocks ? 0 : -ENOMEM;

	if (worker)
		worker->grid = g;
	for (uint64_t i = 0; i < g->blocks && !err; i++) {
		blocks[i] = calloc(1, sizeof(**blocks));
		err = blocks[i] ? block_init(blocks[i], worker) : -ENOMEM;
	}
	if (!err)
		take_turns(g, blocks);
	for (uint64_t i = 0; blocks && i < g->blocks; i++) {
		if (blocks[i])
			block_fini(blocks[i]);
		free(blocks[i]);
	}
	free(blocks);
	free(worker);
	return err;
}

static uint64_t address_of(const struct grid *g, const struct reference *r)
{
	const struct function *k = g->kernel;
	uint64_t address = 0;

	switch (r->kind) {
	case REFER_VARIABLE:
		address = (uint64_t)(uintptr_t)g->launch->variables[r->index];
		break;
	case REFER_FUNCTION:
		address = WINDOW_CODE | (uint64_t)r->index << 4;
		break;
	case REFER_SHARED:
		for (unsigned i = 0; i < k->shared_count; i++)
			if (k->shared[i].variable == r->index)
				address = k->shared[i].offset;
		break;
	}
	return address + (uint64_t)r->addend;
}

static void place_symbols(struct grid *g)
{
	for (unsigned f = 0; f < g->kernel->reachable_count; f++) {
		const struct function *fn = g->kernel->reachable[f];

		for (unsigned n = 0; n < fn->reference_count; n++) {
			const struct reference *r = &fn->references[n];
			unsigned char *place = g->symbols + (size_t)r->unit * UNIT_BYTES;
			uint64_t address = address_of(g, r);
			uint32_t narrow = (uint32_t)address;
			size_t size = r->wide ? sizeof(address) : sizeof(narrow);

			for (unsigned l = 0; l < WARP_LANES; l++)
				memcpy(place + l * size,
					r->wide ? (void *)&address : (void *)&narrow, size);
		}
	}
}

static bool launch_is_valid(const struct ptx_launch *l, const struct function *k)
{
	uint64_t threads = 1;

	for (unsigned i = 0; i < 3; i++) {
		if (!l->block[i] || l->block[i] > BLOCK_THREADS || !l->grid[i] ||
		    l->grid[i] > INT32_MAX)
			return false;
		threads *= l->block[i];
	}
	return threads <= BLOCK_THREADS && l->dynamic_shared <= SHARED_LIMIT &&
	       k->kernel.shared_bytes <= SHARED_LIMIT &&
	       l->params_size >= k->kernel.parameter_bytes &&
	       (uint64_t)l->grid[1] * l->grid[2] <= UINT32_MAX;
}

static int grid_init(struct grid *g, const struct ptx_launch *l, const struct function *k)
{
	g->launch = l;
	g->kernel = k;
	g->blocks = (uint64_t)l->grid[0] * l->grid[1] * l->grid[2];
	g->fault.kernel = k->name;
	pthread_mutex_init(&g->print, NULL);
	g->symbols = calloc((size_t)l->module->symbol_units + 1, UNIT_BYTES);
	g->params = calloc(1, k->kernel.parameter_bytes + 16);
	g->workspace = calloc(WORKSPACE_WORDS, sizeof(*g->workspace));
	if (!g->symbols || !g->params || !g->workspace)
		return -ENOMEM;
	if (k->kernel.parameter_bytes)
		memcpy(g->params, l->params, k->kernel.parameter_bytes);
	place_symbols(g);
	return 0;
}

static void grid_fini(struct grid *g)
{
	pthread_mutex_destroy(&g->print);
	free(g->symbols);
	free(g->params);
	free(g->workspace);
}

static unsigned worker_count(const struct grid *g)
{
	uint64_t n = g->launch->threads ? g->launch->threads : 1;

	if (n > THREADS_LIMIT)
		n = THREADS_LIMIT;
	return (unsigned)(n > g->blocks ? g->blocks : n);
}

static int result_of(const struct grid *g)
{
	switch (g->fault.kind) {
	case PTX_FAULT_NONE:
		return 0;
	case PTX_FAULT_CANCELLED:
		return -ECANCELED;
	case PTX_FAULT_MEMORY:
		return -ENOMEM;
	default:
		return -EFAULT;
	}
}

int ptx_run(const struct ptx_launch *l, struct ptx_fault *fault)
{
	const struct function *k = NULL;
	struct grid g = {0};
	int err;

	for (unsigned i = 0; i < l->module->kernel_count; i++)
		if (&l->module->kernels[i]->kernel == l->kernel)
			k = l->module->kernels[i];
	if (!k || !launch_is_valid(l, k))
		return -EINVAL;
	err = grid_init(&g, l, k);
	if (!err && l->cooperative)
		err = g.blocks <= COOPERATIVE_LIMIT ? run_cooperative(&g) : -EINVAL;
	else if (!err)
		err = run_workers(&g, worker_count(&g));
	if (!err)
		err = result_of(&g);
	else if (err == -ENOMEM)
		g.fault.kind = PTX_FAULT_MEMORY;
	if (fault)
		*fault = g.fault;
	grid_fini(&g);
	return err;
}
