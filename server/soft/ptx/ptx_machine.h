/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running machine: a grid on some workers, a block on one of them, warps
 * of 32 lanes. Lanes of a warp that stand at the same instruction in the same
 * frame run together as its group; the others wait with a program counter of
 * their own, so that lanes make progress independently of each other.
 */
#ifndef PTX_MACHINE_H
#define PTX_MACHINE_H

#include <pthread.h>

#include "ptx_code.h"
#include "ptx_special.h"

#define BLOCK_THREADS 1024
#define BLOCK_WARPS (BLOCK_THREADS / WARP_LANES)
#define BLOCK_BARRIERS 16
#define SPAN_SITES 256
#define STACK_SLACK 64	/* beyond what a frame asks for, for alignment */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A stretch of memory that may be accessed, found at some instruction. */
struct span {
	uint64_t base;
	uint64_t size;
};

struct grid {
	const struct ptx_launch *launch;
	const struct function *kernel;
	unsigned char *symbols;		/* FILE_SYMBOLS */
	unsigned char *params;
	uint32_t *workspace;		/* of a cooperative launch */
	uint64_t blocks;
	atomic_ullong next;		/* block to start */
	atomic_int fences;
	atomic_int stop;		/* a fault or cancel; first to set it fills fault */
	struct ptx_fault fault;
	pthread_mutex_t print;
};

/* What one lane of a warp brought to a collective. */
struct contribution {
	const struct insn *insn;
	uint32_t mask;
	uint64_t value;
	uint32_t b, c;
};

struct barrier {
	uint32_t expected;		/* threads, 0 for all of the block */
	uint32_t arrived;		/* by bar.arrive, they don't wait */
	uint32_t votes;			/* of bar.red: lanes with a true predicate */
	uint32_t voters;
};

struct warp {
	unsigned char *file[FILE_COUNT];
	uint32_t *predicates;		/* of the frame */
	uint32_t lanes;			/* the running group */
	uint32_t base;			/* its frame, in slots */
	uint32_t carry;			/* CC.CF of each lane */
	uint32_t budget;		/* backward branches until others get a turn */
	const struct insn *limit;	/* where other lanes wait to be joined */
	struct block *block;

	uint32_t live;			/* lanes that have not exited */
	uint32_t ready;			/* of these, not waiting for others */
	uint32_t collecting;		/* waiting in a collective */
	uint32_t at_barrier;
	bool rotate;
	uint32_t turn;
	uint32_t index;			/* in its block */
	const struct insn *pc[WARP_LANES];
	uint32_t frame[WARP_LANES];	/* in slots */
	uint32_t depth[WARP_LANES];
	uint32_t local[WARP_LANES];	/* the frame's memory in the lane's stack */
	uint32_t top[WARP_LANES];	/* end of the lane's stack */
	uint32_t stamp[WARP_LANES];
	uint8_t barrier[WARP_LANES];
	struct contribution given[WARP_LANES];

	uint32_t slots;			/* capacity of the register files */
	unsigned char *words, *longs;
	uint32_t *all_predicates;
	uint32_t stack_bytes;		/* capacity of each lane */
	unsigned char *stack;
	uint32_t threads[THREAD_SPECIALS * WARP_LANES];
};

struct block {
	struct grid *grid;
	struct worker *worker;
	uint32_t id[3];
	uint32_t threads;
	uint32_t live;			/* threads that have not exited */
	unsigned warp_count;
	unsigned char *shared;
	uint32_t shared_bytes;
	struct barrier barriers[BLOCK_BARRIERS];
	unsigned char *specials;
	struct warp warps[BLOCK_WARPS];
};

struct worker {
	struct grid *grid;
	pthread_t thread;
	unsigned index;
	struct span reads[SPAN_SITES];
	struct span writes[SPAN_SITES];
};

/* All accesses before it come before all after it, for every observer. GCC's
 * thread sanitizer knows no fences, but what an atomic operation orders. */
static inline void memory_fence(struct grid *g)
{
#ifdef __SANITIZE_THREAD__
	atomic_fetch_add(&g->fences, 1);
#else
	(void)g;
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* A column; the type is the handler's business. */
static inline void *column(const struct warp *w, uint32_t operand)
{
	return w->file[operand >> OPERAND_SHIFT] + (size_t)(operand & OPERAND_MASK) * UNIT_BYTES;
}

/* Lanes for which a predicate operand is true. */
static inline uint32_t predicate(const struct warp *w, uint32_t operand)
{
	uint32_t invert = -(operand & 1);

	if (operand >= PREDICATE_FALSE)
		return invert;
	return w->predicates[operand >> 1] ^ invert;
}

static inline void predicate_set(struct warp *w, uint32_t operand, uint32_t lanes, uint32_t value)
{
	uint32_t *p = &w->predicates[operand >> 1];

	*p = (*p & ~lanes) | (value & lanes);
}

/* ptx_warp.c: groups */
/* The group's lanes will go on at @pc when they are selected again. */
static inline void warp_park(struct warp *w, uint32_t lanes, const struct insn *pc)
{
	for (; lanes; lanes &= lanes - 1)
		w->pc[__builtin_ctz(lanes)] = pc;
}

/* Choose a group among the ready lanes and make it the running one: where it
 * goes on, or NULL. The group running until now must be parked. */
const struct insn *warp_select(struct warp *w);
/* The same after what may be a step of an endless loop: costs a bit of the turn. */
const struct insn *warp_reselect(struct warp *w);
/* The whole group goes to @target. */
const struct insn *warp_jump(struct warp *w, const struct insn *from, const struct insn *target);
const struct insn *warp_exit(struct warp *w, const struct insn *i, uint32_t lanes);
void warp_run(struct warp *w);
int warp_reserve(struct warp *w, uint32_t slots, uint32_t stack_bytes);
void warp_fini(struct warp *w);

/* Note a fault unless there was one; always NULL, to be returned by handlers. */
const struct insn *warp_fault(struct warp *w, const struct insn *i, unsigned lane,
	enum ptx_fault_kind kind, uint64_t address);
bool grid_stopped(const struct grid *g);

/* ptx_address.c */
/* The host's view of [address, address + size), or NULL after a fault. */
void *memory_at(struct warp *w, const struct insn *i, unsigned lane, enum space space,
	uint64_t address, uint32_t size, bool write);
/* A generic address that need not be aligned; for what reads strings. */
void *memory_bytes(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size, bool write);

/* ptx_barrier.c: lanes left, others may have waited for them only */
void barriers_recheck(struct block *b);
/* ptx_collective.c: the same within a warp */
void collective_recheck(struct warp *w);

/* ptx_block.c */
int block_init(struct block *b, struct worker *worker);
void block_fini(struct block *b);
void block_start(struct block *b, uint64_t index);
/* Give each warp a turn. True while there is something left to do. */
bool block_turn(struct block *b);

handler run_exit, run_return, run_call, run_call_indirect, run_builtin_call;

/* Copy arguments or results between frames. */
void slot_read(struct warp *w, unsigned lane, const struct slot *s, unsigned char *out);

#endif
