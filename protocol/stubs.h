/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated stubs of exported functions share.
 */
#ifndef STUBS_H
#define STUBS_H

#include "call.h"
#include "object.h"

/* What a twin passes for the default stream, as a handle. */
#define PER_THREAD 2

/* The state of things comes before what is wrong with arguments. */
static inline CUresult call_refuse(unsigned flags, CUresult error)
{
	CUresult r = call_check(flags);

	return r != CUDA_SUCCESS ? r : error;
}

static inline CUresult call_unsupported(unsigned index, CUresult error)
{
	if (call_stats)
		call_stats_leave(index, call_stats_enter());
	return error;
}

#endif
