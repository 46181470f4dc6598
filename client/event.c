/* SPDX-License-Identifier: Apache-2.0 */
/* Events: posted throughout; a query waits only while the answer is not known. */
#include "event.h"

#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "mirror.h"
#include "stream.h"
#include "thread.h"
#include "window.h"
#include "wire_calls.h"

enum {
	EVENT_FLAGS = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING | CU_EVENT_INTERPROCESS,
};

static CUresult find(CUevent handle, struct event **out)
{
	struct event *e = (struct event *)object_get(KIND_CUevent, handle);

	if (!e || !e->context || e->life != e->context->life)
		return CUDA_ERROR_INVALID_HANDLE;
	*out = e;
	return CUDA_SUCCESS;
}

CUresult event_check(CUevent handle, uint64_t *wire)
{
	struct event *e;
	CUresult r = find(handle, &e);

	if (!r)
		*wire = e->object.handle;
	return r;
}

/* A node that records the event was made: from now on only the server can say what is done. */
CUresult event_in_graph(CUevent handle)
{
	struct event *e;

	/* Another thread may have destroyed it since. */
	if (!find(handle, &e))
		atomic_store(&e->in_graphs, true);
	return CUDA_SUCCESS;
}

struct gone {
	struct context *context;
	unsigned life;
};

static void event_gone(struct object *o, void *user)
{
	struct event *e = (struct event *)o;
	const struct gone *g = user;

	if (e->context == g->context && e->life == g->life)
		object_destroy(KIND_CUevent, o);
}

void event_context_gone(struct context *c, unsigned life)
{
	struct gone g = {c, life};

	object_each(KIND_CUevent, event_gone, &g);
}

CUresult client_cuEventCreate(CUevent *phEvent, unsigned int Flags)
{
	CUresult r = call_check(0);
	struct event *e;

	if (r)
		return r;
	if (!phEvent || Flags & ~EVENT_FLAGS ||
		((Flags & CU_EVENT_INTERPROCESS) && !(Flags & CU_EVENT_DISABLE_TIMING)))
		return CUDA_ERROR_INVALID_VALUE;
	e = (struct event *)object_create(KIND_CUevent);
	if (!e)
		return CUDA_ERROR_OUT_OF_MEMORY;
	e->context = context_self();
	e->life = e->context->life;
	e->flags = Flags;
	r = wire_event_create(e->object.handle, Flags);
	if (r)
		object_destroy(KIND_CUevent, &e->object);
	else
		*phEvent = (CUevent)(uintptr_t)e->object.handle;
	return r;
}

CUresult client_cuEventDestroy_v2(CUevent hEvent)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct event *e;

	if (!r)
		r = find(hEvent, &e);
	if (!r)
		r = wire_event_destroy(e->object.handle);
	if (!r)
		object_destroy(KIND_CUevent, &e->object);
	return r;
}

CUresult client_cuEventRecordWithFlags(CUevent hEvent, CUstream hStream, unsigned int flags)
{
	CUresult r = call_check(0);
	struct stream *s;
	struct event *e;
	uint64_t wire;

	if (!r)
		r = find(hEvent, &e);
	if (!r && flags & ~CU_EVENT_RECORD_EXTERNAL)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(hStream, &s);
	if (!r && s->context != e->context)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r && flags && !atomic_load(&s->capture))
		r = CUDA_ERROR_ILLEGAL_STATE;
	if (!r)
		r = window_take(s, 1);
	if (!r)
		r = stream_use(s, &wire);
	if (!r)
		r = wire_event_record(e->object.handle, wire, flags);
	if (!r && flags) /* a node that records is no record */
		return event_in_graph(hEvent);
	if (r)
		return r;
	e->stream = s;
	e->stream_handle = s->object.handle;
	e->mark = stream_mark(s);
	e->taint = s->flags & CU_STREAM_NON_BLOCKING ? s->taint : s->context->taint;
	atomic_fetch_add(&e->records, 1);
	capture_record(e, s);
	return CUDA_SUCCESS;
}

CUresult client_cuEventRecord(CUevent hEvent, CUstream hStream)
{
	return client_cuEventRecordWithFlags(hEvent, hStream, CU_EVENT_RECORD_DEFAULT);
}

/* Complete without asking: never recorded, seen complete, or its stream was waited for since. A
 * graph records it at each launch, and neither that nor its stream is noted. */
static bool known_finished(struct event *e)
{
	if (atomic_load_explicit(&e->in_graphs, memory_order_acquire))
		return false;
	if (e->finished >= e->records)
		return true;
	return e->stream && e->stream->object.handle == e->stream_handle &&
	       e->stream->synced >= e->mark;
}

static CUresult ask(CUevent hEvent, CUresult (*wire_ask)(uint64_t))
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct event *e;
	uint64_t records;

	if (!r)
		r = find(hEvent, &e);
	if (!r && e->capture)
		return capture_forbid_event(e);
	if (!r)
		r = capture_unsafe();
	if (!r)
		r = e->context->sticky;
	if (!r)
		r = mirror_send(); /* a kernel may wait for what the host just wrote */
	if (r || known_finished(e))
		return r;
	records = e->records;
	r = wire_ask(e->object.handle);
	if (!r)
		e->finished = records;
	return r;
}

CUresult client_cuEventQuery(CUevent hEvent)
{
	return ask(hEvent, wire_event_query);
}

CUresult client_cuEventSynchronize(CUevent hEvent)
{
	return ask(hEvent, wire_event_synchronize);
}

CUresult client_cuStreamWaitEvent(CUstream hStream, CUevent hEvent, unsigned int Flags)
{
	CUresult r = call_check(0);
	struct stream *s;
	struct event *e;
	uint64_t wire;

	if (!r)
		r = find(hEvent, &e);
	if (!r && Flags & ~CU_EVENT_WAIT_EXTERNAL)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(hStream, &s);
	if (!r)
		r = capture_join(s, e, Flags);
	if (!r)
		r = window_take(s, 1);
	if (!r)
		r = stream_use(s, &wire);
	if (!r)
		r = wire_stream_wait_event(wire, e->object.handle, Flags);
	if (!r)
		stream_taint(s, e->taint);
	return r;
}
