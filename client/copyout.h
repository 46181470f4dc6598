/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies from the device that are under way: where their bytes go. A copy is
 * named by an id that we mint; bytes for an id that never was, or beyond its
 * rows, are an error of the server. Those for a copy that was cancelled are not:
 * lanes and the command connection overtake one another.
 */
#ifndef COPYOUT_H
#define COPYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cuda_types.h"

/* Host memory that a copy fills: @height rows of @width bytes, @pitch apart; they arrive packed.
 * depth slices of rows are @slice bytes apart. */
struct copyout_target {
	void *host;
	size_t width, height, depth;
	size_t pitch, slice;
};

/* An id for a copy of width * height * depth bytes. @awaited: somebody waits for it; else it
 * arrives unasked. 0: out of memory. */
uint64_t copyout_begin(const struct copyout_target *target, bool awaited);

/* Forget a copy that failed or was never posted; waits while a lane receives into its memory. */
void copyout_cancel(uint64_t id);

/* Data that came inline, after @pushes chunks of the lanes, which are there first where that can be seen.
 * False: it fits no copy. */
bool copyout_data(uint64_t id, uint64_t offset, const void *data, size_t size, uint32_t pushes);

/* Where @size bytes that a lane delivers go; for targets with rows a staging buffer that
 * copyout_arrived spreads. The memory stays until copyout_arrived says that it is not received into
 * any more. *out NULL: the copy was cancelled, and nobody wants them. *behind: what came before may go to
 * the same memory, and has to be there first. False: they fit no copy. */
bool copyout_place(uint64_t id, uint64_t offset, size_t size, void **out, bool *behind);
/* @size bytes are there; 0: they did not come, since the session is over. */
void copyout_arrived(uint64_t id, size_t size);

/* Does a copy that nobody waits for still write to this host memory? */
bool copyout_pending(const void *host, size_t size);

#endif
