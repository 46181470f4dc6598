/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events. Recording puts a mark into a stream; the event then stands for that
 * mark's fence, so waiting, querying and timing are the fence's business and a
 * later record changes nothing for who already waits. Recorded in a capturing
 * stream, it stands for the captured nodes instead.
 */
#include "soft.h"

#include <stdlib.h>

static void event_release(struct object *o)
{
	struct event *e = (struct event *)o;

	fence_put(e->fence);
	nodes_free(e->capture_deps);
	object_put(e->capture);
	object_put(e->ctx);
	free(e);
}

CUresult event_find(CUevent handle, struct event **out)
{
	struct event *e = object_find(KIND_EVENT, handle);

	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!e->ctx->active)
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	*out = e;
	return e->ctx->error;
}

CUresult cuEventCreate(CUevent *out, unsigned int flags)
{
	struct context *c;
	struct event *e;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || flags & ~(unsigned)(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING |
					CU_EVENT_INTERPROCESS))
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (flags & CU_EVENT_INTERPROCESS)
		return leave(flags & CU_EVENT_DISABLE_TIMING ? CUDA_ERROR_NOT_SUPPORTED
							     : CUDA_ERROR_INVALID_VALUE);
	e = calloc(1, sizeof(*e));
	if (!e)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&e->base, KIND_EVENT, event_release);
	if (object_publish(&e->base) < 0) {
		free(e);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	e->ctx = object_get(c);
	e->flags = flags;
	*out = (CUevent)e->base.handle;
	return leave(CUDA_SUCCESS);
}

/* Never waits: a recorded mark lives on in whoever waits for it. */
CUresult cuEventDestroy_v2(CUevent handle)
{
	struct event *e;
	CUresult result = enter_device();

	if (result)
		return result;
	e = object_find(KIND_EVENT, handle);
	if (!e)
		return leave(CUDA_ERROR_INVALID_HANDLE);
	object_withdraw(&e->base);
	object_put(e);
	return leave(CUDA_SUCCESS);
}

void event_set_fence(struct event *e, struct fence *f)
{
	fence_put(e->fence);
	e->fence = fence_get(f);
	object_put(e->capture);
	nodes_free(e->capture_deps);
	e->capture = NULL;
	e->capture_deps = NULL;
}

CUresult cuEventRecordWithFlags(CUevent handle, CUstream stream, unsigned int flags)
{
	struct op op = {.kind = OP_NONE};
	struct context *c;
	struct stream *s;
	struct event *e;
	struct fence *f;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (flags & ~(unsigned)CU_EVENT_RECORD_EXTERNAL)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = event_find(handle, &e);
	if (!result)
		result = stream_find(c, stream, &s);
	if (!result && e->ctx != s->ctx)
		result = CUDA_ERROR_INVALID_HANDLE;
	if (result)
		return leave(result);
	if (s->capture)
		return leave(capture_record(s, e, flags));
	if (flags)
		return leave(CUDA_ERROR_ILLEGAL_STATE);
	result = stream_submit(s, &op, &f);
	if (!result) {
		event_set_fence(e, f);
		fence_put(f);
	}
	return leave(result);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
	return cuEventRecordWithFlags(event, stream, 0);
}

/* Not allowed for what a capture recorded, and a reason to end captures. */
static CUresult enter_touched(CUevent handle, struct event **e)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = event_find(handle, e);
	if (!result && (*e)->capture)
		result = capture_event_touched(*e);
	if (!result)
		result = capture_unsafe();
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuEventQuery(CUevent handle)
{
	struct event *e;
	CUresult result = enter_touched(handle, &e);

	if (result)
		return result;
	return leave(e->fence && !e->fence->done ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS);
}

CUresult cuEventSynchronize(CUevent handle)
{
	struct context *c;
	struct event *e;
	CUresult result = enter_touched(handle, &e);

	if (result)
		return result;
	c = object_get(e->ctx);
	fence_wait(e->fence);
	printed_flush(c);
	result = c->error;
	object_put(c);
	return leave(result);
}

CUresult cuEventElapsedTime_v2(float *ms, CUevent start, CUevent end)
{
	struct event *a, *b;
	struct context *c;
	CUresult result = need(ms, enter(&c));

	if (result)
		return result;
	result = event_find(start, &a);
	if (!result)
		result = event_find(end, &b);
	if (result)
		return leave(result);
	if (!a->fence || !b->fence || a->ctx != b->ctx ||
		(a->flags | b->flags) & CU_EVENT_DISABLE_TIMING)
		return leave(CUDA_ERROR_INVALID_HANDLE);
	if (!a->fence->done || !b->fence->done)
		return leave(CUDA_ERROR_NOT_READY);
	*ms = (b->fence->time - a->fence->time) / 1e6f;
	return leave(CUDA_SUCCESS);
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end)
{
	return cuEventElapsedTime_v2(ms, start, end);
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags)
{
	struct op op = {.kind = OP_NONE};
	struct context *c;
	struct stream *s;
	struct event *e;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (flags & ~(unsigned)CU_EVENT_WAIT_EXTERNAL)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = stream_find(c, stream, &s);
	if (!result)
		result = event_find(event, &e);
	if (result)
		return leave(result);
	if (s->capture || e->capture)
		return leave(capture_wait(s, e, flags));
	if (flags)
		return leave(CUDA_ERROR_ILLEGAL_STATE);
	result = capture_implicit(s);
	if (result || !e->fence || e->fence->done)
		return leave(result);
	return leave(stream_submit_after(s, &op, e->fence, NULL));
}
