/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch window. The driver takes about 1,000 pieces of work into a stream
 * that does not move and then blocks the thread that enqueues; on the server
 * that thread would be everybody's. So the thread that enqueues waits here,
 * before that, as it would natively, and other threads' streams go on.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include "stream.h"

CUresult window_take_slow(struct stream *s, unsigned queued);

/* The stream goes away, and the events with it. */
void window_close(struct stream *s);
/* They are gone already, with their context. */
void window_forget(struct stream *s);

/* At every step a thread waits for what it posted two steps before, so that up to three are queued:
 * the driver takes 1,021 launches, as measured, and some of those are for what the server adds. */
enum { WINDOW_STEP = 320, WINDOW_BEHIND_FUNCTION = 17 };

/* Work is about to be posted into @s, @count pieces of it for the driver: waits while too many are
 * under way. The driver takes any number of host functions, but other work behind one only 56 times. */
static inline CUresult window_take(struct stream *s, unsigned count)
{
	unsigned before;

	if (atomic_load_explicit(&s->behind_function, memory_order_relaxed)) {
		atomic_store_explicit(&s->behind_function, false, memory_order_relaxed);
		count += WINDOW_BEHIND_FUNCTION;
	}
	before = atomic_fetch_add_explicit(&s->queued, count, memory_order_relaxed);

	return before / WINDOW_STEP == (before + count) / WINDOW_STEP
		       ? CUDA_SUCCESS
		       : window_take_slow(s, before + count);
}

#endif
