/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: its warps, its shared memory, and turns for all warps until every
 * thread has exited. Blocks are set up once for each worker and started again
 * and again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_machine.h"

static void fill(struct block *b, enum special special, uint32_t value)
{
	uint32_t *c = (uint32_t *)(void *)(b->specials + (size_t)special * UNIT_BYTES);

	for (unsigned l = 0; l < WARP_LANES; l++)
		c[l] = value;
}

static void fill_threads(struct warp *w, const unsigned *size)
{
	for (uint32_t l = 0; l < WARP_LANES; l++) {
		uint32_t thread = w->index * WARP_LANES + l;

		w->threads[SPECIAL_TID_X * WARP_LANES + l] = thread % size[0];
		w->threads[SPECIAL_TID_Y * WARP_LANES + l] = thread / size[0] % size[1];
		w->threads[SPECIAL_TID_Z * WARP_LANES + l] = thread / size[0] / size[1];
		w->threads[SPECIAL_WARPID * WARP_LANES + l] = w->index;
	}
}

static void fill_lanes(struct block *b)
{
	uint32_t *c = (uint32_t *)(void *)b->specials;
	uint64_t *grid_id = (uint64_t *)(void *)(b->specials + SPECIAL_GRIDID * UNIT_BYTES);

	for (uint32_t l = 0; l < WARP_LANES; l++) {
		c[SPECIAL_LANEID * WARP_LANES + l] = l;
		c[SPECIAL_MASK_EQ * WARP_LANES + l] = 1u << l;
		c[SPECIAL_MASK_LT * WARP_LANES + l] = (1u << l) - 1;
		c[SPECIAL_MASK_LE * WARP_LANES + l] = (2u << l) - 1;
		c[SPECIAL_MASK_GE * WARP_LANES + l] = ~0u << l;
		c[SPECIAL_MASK_GT * WARP_LANES + l] = ~((2u << l) - 1);
		grid_id[l] = b->grid->launch->grid_id;
	}
}

/* What stays the same in all blocks of the grid. */
static void fill_constants(struct block *b)
{
	const struct ptx_launch *launch = b->grid->launch;
	uint64_t workspace = (uint64_t)(uintptr_t)b->grid->workspace;
	unsigned multiprocessors = launch->multiprocessors ? launch->multiprocessors : 1;

	fill_lanes(b);
	for (unsigned i = 0; i < 3; i++) {
		fill(b, SPECIAL_NTID_X + i, launch->block[i]);
		fill(b, SPECIAL_NCTAID_X + i, launch->grid[i]);
	}
	fill(b, SPECIAL_NWARPID, BLOCK_WARPS);
	fill(b, SPECIAL_SMID, b->worker->index % multiprocessors);
	fill(b, SPECIAL_NSMID, multiprocessors);
	fill(b, SPECIAL_DYNAMIC_SHARED, (uint32_t)launch->dynamic_shared);
	fill(b, SPECIAL_TOTAL_SHARED, b->shared_bytes);
	fill(b, SPECIAL_ONE, 1);
	fill(b, SPECIAL_ENVREG1, (uint32_t)(workspace >> 32));
	fill(b, SPECIAL_ENVREG2, (uint32_t)workspace);
}

static int warp_init(struct warp *w, struct block *b, unsigned index)
{
	const struct function *k = b->grid->kernel;
	int err;

	w->block = b;
	w->index = index;
	err = warp_reserve(w, k->slots, k->frame_bytes + STACK_SLACK);
	if (err < 0)
		return err;
	w->file[FILE_LITERALS] = b->grid->launch->module->literals;
	w->file[FILE_SYMBOLS] = b->grid->symbols;
	w->file[FILE_THREADS] = (unsigned char *)w->threads;
	w->file[FILE_SPECIALS] = b->specials;
	fill_threads(w, b->grid->launch->block);
	return 0;
}

int block_init(struct block *b, struct worker *worker)
{
	const struct ptx_launch *launch = worker->grid->launch;
	int err = 0;

	b->grid = worker->grid;
	b->worker = worker;
	b->threads = launch->block[0] * launch->block[1] * launch->block[2];
	b->warp_count = (b->threads + WARP_LANES - 1) / WARP_LANES;
	b->shared_bytes = b->grid->kernel->dynamic_offset + (uint32_t)launch->dynamic_shared;
	b->shared = aligned_alloc(4096, ((size_t)b->shared_bytes + 4096) & ~(size_t)4095);
	b->specials = calloc(SPECIAL_UNITS, UNIT_BYTES);
	if (!b->shared || !b->specials)
		return -ENOMEM;
	memset(b->shared, 0, b->shared_bytes);
	fill_constants(b);
	for (unsigned i = 0; i < b->warp_count && !err; i++)
		err = warp_init(&b->warps[i], b, i);
	return err;
}

void block_fini(struct block *b)
{
	for (unsigned i = 0; i < b->warp_count; i++)
		warp_fini(&b->warps[i]);
	free(b->shared);
	free(b->specials);
}

static void warp_start(struct warp *w)
{
	const struct block *b = w->block;
	const struct function *k = b->grid->kernel;
	uint32_t threads = b->threads - w->index * WARP_LANES;

	w->live = threads >= WARP_LANES ? ALL_LANES : (1u << threads) - 1;
	w->ready = w->live;
	w->collecting = w->at_barrier = 0;
	w->carry = 0;
	w->rotate = false;
	w->turn = 0;
	for (unsigned l = 0; l < WARP_LANES; l++) {
		w->pc[l] = k->code;
		w->frame[l] = w->depth[l] = w->local[l] = w->stamp[l] = 0;
		w->top[l] = k->frame_bytes;
	}
}

void block_start(struct block *b, uint64_t index)
{
	const unsigned *size = b->grid->launch->grid;

	b->id[0] = (uint32_t)(index % size[0]);
	b->id[1] = (uint32_t)(index / size[0] % size[1]);
	b->id[2] = (uint32_t)(index / size[0] / size[1]);
	b->live = b->threads;
	for (unsigned i = 0; i < 3; i++)
		fill(b, SPECIAL_CTAID_X + i, b->id[i]);
	memset(b->barriers, 0, sizeof(b->barriers));
	for (unsigned i = 0; i < b->warp_count; i++)
		warp_start(&b->warps[i]);
}

static void deadlock(struct block *b)
{
	for (unsigned i = 0; i < b->warp_count; i++) {
		struct warp *w = &b->warps[i];

		if (w->live) {
			unsigned lane = (unsigned)__builtin_ctz(w->live);

			warp_fault(w, w->pc[lane] - 1, lane, PTX_FAULT_DEADLOCK, 0);
			return;
		}
	}
}

bool block_turn(struct block *b)
{
	bool ran = false;

	for (unsigned i = 0; i < b->warp_count; i++) {
		if (!b->warps[i].ready)
			continue;
		ran = true;
		warp_run(&b->warps[i]);
		if (grid_stopped(b->grid))
			return false;
	}
	if (b->live && !ran)
		deadlock(b);
	return b->live && ran;
}
