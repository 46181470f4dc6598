/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch window. The driver takes about 1,000 launches into a stream that
 * does not move and then blocks the launching thread; on the server that thread
 * would be everybody's. So the thread that launches waits here, before that,
 * as it would natively, and other threads' streams go on.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include "stream.h"

/* One more launch is about to be posted into @s: waits while too many are under way. */
CUresult window_take_slow(struct stream *s, unsigned launches);

/* The stream goes away, and the events with it. */
void window_close(struct stream *s);

enum { WINDOW_STEP = 384 };

static inline CUresult window_take(struct stream *s)
{
	unsigned launches = atomic_fetch_add_explicit(&s->launches, 1, memory_order_relaxed) + 1;

	return launches % WINDOW_STEP ? CUDA_SUCCESS : window_take_slow(s, launches);
}

#endif
