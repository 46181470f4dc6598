/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client knows of memory: device allocations (address, size, owner),
 * mirrored host memory, and thereby what a bare pointer is.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cuda_types.h"

struct context;

enum memory_kind {
	MEMORY_UNKNOWN, /* the application's own, as far as we know */
	MEMORY_DEVICE,
	MEMORY_HOST, /* pinned, ours */
};

struct memory_range {
	uint64_t base;
	size_t size;
	enum memory_kind kind;
	struct context *context;
	CUdevice device;
	unsigned flags;	   /* of cuMemHostAlloc */
	uint64_t id;	   /* buffer id: unique for ever */
	CUmemoryPool pool; /* NULL: from none */
	bool registered;   /* the application's own pages */
	bool mapped;	   /* by cuMemMap: copies may go on in the next mapping */
	bool of_graph; /* there from a graph's launch until it is freed, and at the next again */
	bool sync;	   /* what SYNC_MEMOPS was set to */
};

/* The range that holds @address; false: none is known. */
bool memory_find(uint64_t address, struct memory_range *out);

/* A range that shares an address with [address, address + size). */
bool memory_overlaps(uint64_t address, size_t size, struct memory_range *out);

/* What @address is, also within the arena where no single allocation is known (VMM). */
enum memory_kind memory_classify(uint64_t address);

/* Note a range that the server or the client placed; replaces what overlaps. -ENOMEM. */
int memory_add(const struct memory_range *range);
bool memory_remove(uint64_t base, struct memory_range *out);

/* Some graph has memory of its own. */
bool memory_of_graphs(void);
/* Set what SYNC_MEMOPS is of the range that holds @address; false: none is known. */
bool memory_set_sync(uint64_t address, bool sync);

/* A context's life ended: its device memory is gone, its host memory too. */
void memory_context_gone(struct context *context);

/* A copy or set of @bytes at @address: INVALID_VALUE when it leaves the allocation that it begins in,
 * or begins in none. */
CUresult memory_check(uint64_t address, size_t bytes);
/* The same, with the range in which it begins. */
CUresult memory_check_range(uint64_t address, size_t bytes, struct memory_range *out);

#endif
