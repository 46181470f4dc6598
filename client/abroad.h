/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies in a stream of one device on memory of another. Unified addressing has
 * them work without peer access (CUDA driver API, "Unified Addressing"); the
 * server's memory is mapped for its own device only, so they are made in a
 * stream of the context that has it, between what comes before and after in the
 * stream that was named.
 */
#ifndef ABROAD_H
#define ABROAD_H

#include <stdbool.h>
#include "context.h"
#include "memory.h"
#include "stream.h"

struct abroad {
	struct stream *home; /* NULL: nothing is abroad */
	CUstream there;
};

CUresult abroad_go(struct abroad *a, struct stream **s, const struct memory_range *range);
CUresult abroad_return(struct abroad *a, CUresult r);

/* A copy in *s uses @range: *s is a stream for it from now on, with its context current. What is captured
 * stays where it is, and so does memory whose owner says who may use it. */
static inline CUresult abroad_enter(
	struct abroad *a, struct stream **s, const struct memory_range *range)
{
	a->home = NULL;
	if (range->device == (*s)->context->device || range->kind != MEMORY_DEVICE || range->pool ||
		range->mapped || atomic_load(&(*s)->capture))
		return CUDA_SUCCESS;
	return abroad_go(a, s, range);
}

/* After the copy, which gave @r; what there is to return. Also where abroad_enter failed. */
static inline CUresult abroad_leave(struct abroad *a, CUresult r)
{
	return a->home ? abroad_return(a, r) : r;
}

#endif
