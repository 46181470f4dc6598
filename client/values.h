/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for values in memory. A stream behind one stands still until something
 * writes the value, which may be work that the program posts when it has filled
 * memory that the stream reads then.
 */
#ifndef VALUES_H
#define VALUES_H

#include <stdatomic.h>
#include <stdbool.h>

/* Set by the first such wait, in a stream or a graph, and for good: the client does not know which
 * streams it holds, nor until when. */
extern _Atomic bool values_were_awaited;

static inline bool values_awaited(void)
{
	return atomic_load_explicit(&values_were_awaited, memory_order_acquire);
}

#endif
