/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated stubs of exported functions share.
 */
#ifndef STUBS_H
#define STUBS_H

#include "call.h"
#include "object.h"
#include "real.h"

/* What a twin passes for the default stream, as a handle. */
#define PER_THREAD 2

/* Answer an exported function with @invoke, counted where statistics are wanted. */
#define CALL_COUNTED(index, invoke)                                                                \
	do {                                                                                       \
		uint64_t entered;                                                                  \
		CUresult r;                                                                        \
                                                                                                   \
		if (!call_stats)                                                                   \
			return invoke;                                                             \
		entered = call_stats_enter();                                                      \
		r = invoke;                                                                        \
		call_stats_leave(index, entered, r);                                               \
		return r;                                                                          \
	} while (0)

/* The same for a twin that has no handle to say its default stream with. */
#define CALL_TWIN(index, invoke)                                                                   \
	do {                                                                                       \
		unsigned saved = call_default_stream(PER_THREAD);                                  \
		uint64_t entered = call_stats ? call_stats_enter() : 0;                            \
		CUresult r = invoke;                                                               \
                                                                                                   \
		if (call_stats)                                                                    \
			call_stats_leave(index, entered, r);                                       \
		call_default_stream(saved);                                                        \
		return r;                                                                          \
	} while (0)

/* The state of things comes before what is wrong with arguments. */
static inline CUresult call_refuse(unsigned flags, CUresult error)
{
	CUresult r = call_check(flags);

	return r != CUDA_SUCCESS ? r : error;
}

static inline CUresult call_unsupported(unsigned index, CUresult error)
{
	if (call_stats)
		call_stats_leave(index, call_stats_enter(), error);
	return error;
}

#endif
