/* SPDX-License-Identifier: Apache-2.0 */
/* See abroad.h. Such copies are rare: each has a stream of its own. */
#include "abroad.h"

#include "client_calls.h"

/* @later waits for what @earlier has to do; either is a stream of the current context or a made one. */
static CUresult order(CUstream earlier, struct context *its, CUstream later)
{
	CUevent e;
	CUresult r = context_push(its);

	if (r)
		return r;
	r = client_cuEventCreate(&e, CU_EVENT_DISABLE_TIMING);
	if (r) {
		client_cuCtxPopCurrent_v2(NULL);
		return r;
	}
	r = client_cuEventRecord(e, earlier);
	client_cuCtxPopCurrent_v2(NULL);
	if (!r)
		r = client_cuStreamWaitEvent(later, e, 0);
	client_cuEventDestroy_v2(e);
	return r;
}

/* For calls with the stream's context current. */
static CUstream handle(struct stream *s)
{
	return s->object.handle ? (CUstream)(uintptr_t)s->object.handle : CU_STREAM_LEGACY;
}

CUresult abroad_go(struct abroad *a, struct stream **s, const struct memory_range *range)
{
	CUresult r = context_push(range->context);

	if (r)
		return r;
	r = client_cuStreamCreate(&a->there, CU_STREAM_NON_BLOCKING);
	if (r) {
		client_cuCtxPopCurrent_v2(NULL);
		return r;
	}
	a->home = *s;
	r = order(handle(*s), (*s)->context, a->there);
	return r ? r : stream_find(a->there, s);
}

CUresult abroad_return(struct abroad *a, CUresult r)
{
	struct context *own = context_self();

	client_cuCtxPopCurrent_v2(NULL);
	if (!r) {
		r = context_push(a->home->context);
		if (!r) {
			r = order(a->there, own, handle(a->home));
			client_cuCtxPopCurrent_v2(NULL);
		}
	}
	client_cuStreamDestroy_v2(a->there);
	return r;
}
