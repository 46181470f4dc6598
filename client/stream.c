/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: made and destroyed without a round trip, waited for only when something is outstanding. */
#include "stream.h"

#include <stdlib.h>

#include "call.h"
#include "capture.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "hostfunc.h"
#include "mirror.h"
#include "thread.h"
#include "values.h"
#include "window.h"
#include "wire_calls.h"

#define HANDLE_LEGACY 1u
#define HANDLE_PER_THREAD 2u

static void raise_to(_Atomic uint64_t *value, uint64_t least)
{
	uint64_t before = atomic_load(value);

	while (before < least && !atomic_compare_exchange_weak(value, &before, least))
		continue;
}

static bool alive(const struct stream *s)
{
	return s->context && s->context->active && s->life == s->context->life;
}

static struct stream *stream_new(struct context *c, unsigned flags, int priority)
{
	struct stream *s = (struct stream *)object_create(KIND_CUstream);

	if (!s)
		return NULL;
	s->context = c;
	s->life = c->life;
	s->flags = flags;
	s->priority = priority;
	s->id = stream_new_id();
	if (flags & CU_STREAM_NON_BLOCKING)
		atomic_fetch_add(&c->nonblocking, 1);
	return s;
}

/* It goes away; what it still has to do stays the context's to wait for. */
static void stream_drop(struct stream *s)
{
	struct context *c = s->context;

	if (s->flags & CU_STREAM_NON_BLOCKING) {
		if (!stream_idle(s))
			raise_to(&c->left, c->posted); /* before the count: see is_everything */
		atomic_fetch_sub(&c->nonblocking, 1);
	}
	object_destroy(KIND_CUstream, &s->object);
}

static CUresult stream_make(unsigned flags, int priority, struct stream **out)
{
	struct context *c = context_self();
	struct stream *s = stream_new(c, flags, priority);
	CUresult r;

	if (!s)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_stream_create(s->object.handle, flags, priority);
	if (r) {
		stream_drop(s);
		return r;
	}
	*out = s;
	return CUDA_SUCCESS;
}

/* The calling thread's own default stream in its current context, made on first use. */
static CUresult per_thread(struct stream **out)
{
	struct thread *t = thread_self();
	struct context *c = thread_context(t);
	struct thread_stream *ts;
	CUresult r;

	for (ts = t->streams; ts; ts = ts->next) {
		if (ts->context == c)
			break;
	}
	if (ts && ts->life == c->life) {
		*out = ts->stream;
		return CUDA_SUCCESS;
	}
	r = stream_make(CU_STREAM_DEFAULT, 0, out);
	if (r)
		return r;
	if (!ts) {
		ts = calloc(1, sizeof(*ts));
		if (!ts)
			return CUDA_ERROR_OUT_OF_MEMORY;
		ts->next = t->streams;
		t->streams = ts;
	}
	ts->context = c;
	ts->life = c->life;
	ts->stream = *out;
	return CUDA_SUCCESS;
}

void stream_abandon(struct stream *s, unsigned life)
{
	if (client_usable() || s->life != life || !alive(s) || !s->object.handle)
		return;
	window_close(s);
	wire_stream_destroy(s->object.handle);
	stream_drop(s);
}

struct gone {
	struct context *context;
	unsigned life;
};

static void stream_gone(struct object *o, void *user)
{
	struct stream *s = (struct stream *)o;
	const struct gone *g = user;

	/* A capture that was not ended still names its streams. */
	if (s->context != g->context || s->life != g->life || atomic_load(&s->capture))
		return;
	window_forget(s);
	object_destroy(KIND_CUstream, o);
}

void stream_context_gone(struct context *c, unsigned life)
{
	struct gone g = {c, life};

	window_forget(&c->legacy);
	object_each(KIND_CUstream, stream_gone, &g);
}

CUresult stream_find(CUstream handle, struct stream **out)
{
	uintptr_t value = (uintptr_t)handle;
	struct thread *t = thread_self();
	struct context *c = t ? thread_context(t) : NULL;
	struct stream *s;

	if (value == 0 && t)
		value = t->default_stream;
	if (value <= HANDLE_PER_THREAD && !c)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (value == HANDLE_LEGACY) {
		*out = &c->legacy;
		return CUDA_SUCCESS;
	}
	if (value == HANDLE_PER_THREAD)
		return per_thread(out);
	s = (struct stream *)object_get(KIND_CUstream, handle);
	if (!s || !alive(s))
		return CUDA_ERROR_INVALID_HANDLE;
	*out = s;
	return CUDA_SUCCESS;
}

CUresult stream_use(struct stream *s, uint64_t *wire)
{
	/* This may be what lets a stream go, which reads what the host wrote before. */
	CUresult r = values_awaited() ? mirror_send() : CUDA_SUCCESS;

	if (r)
		return r;
	*wire = atomic_load_explicit(&s->object.handle, memory_order_relaxed);
	thread_self()->uses = s;
	/* Work in the legacy stream comes after that of all blocking ones, and before theirs. */
	if (!*wire && s->context->taint != s->taint)
		s->taint = s->context->taint;
	if (!atomic_load_explicit(&captures_active, memory_order_relaxed))
		return CUDA_SUCCESS;
	return *wire ? capture_check(s) : capture_legacy_used();
}

CUresult stream_check(CUstream handle, uint64_t *wire)
{
	struct stream *s;
	CUresult r = stream_find(handle, &s);

	if (!r)
		r = window_take(s, 1);
	return r ? r : stream_use(s, wire);
}

void stream_taint(struct stream *s, uint64_t id)
{
	raise_to(&s->taint, id);
	if (!(s->flags & CU_STREAM_NON_BLOCKING))
		raise_to(&s->context->taint, id);
}

bool stream_tainted(struct stream *s)
{
	uint64_t oldest = hostfunc_oldest();
	/* stream_use, which raises the legacy stream's own, comes later. */
	uint64_t taint = s->object.handle ? s->taint : s->context->taint;

	bool behind = oldest != UINT64_MAX &&
		      (taint >= oldest || (!(s->flags & CU_STREAM_NON_BLOCKING) &&
						  s->context->legacy.taint >= oldest));

	/* Numbers say what was enqueued later, not what runs later: its own functions may be over. */
	return (behind || hostfunc_in_graphs() || values_awaited()) && !stream_first(s);
}

uint64_t stream_mark(struct stream *s)
{
	return s->object.handle ? s->posted : s->context->posted;
}

/* The legacy stream waits for all blocking ones: that is everything where there are no others, nor
 * work of any that are gone. */
static bool is_everything(struct context *c)
{
	return !c->nonblocking && c->synced >= c->left;
}

void stream_completed(struct stream *s, uint64_t mark)
{
	raise_to(&s->synced, mark);
	if (!s->object.handle && is_everything(s->context))
		context_completed(s->context, mark);
}

bool stream_idle(struct stream *s)
{
	uint64_t mark = stream_mark(s);

	if (s->context->sticky)
		return false;
	return s->synced >= mark || s->context->synced >= s->context->posted;
}

/* Nothing of the legacy stream's own is under way that @s would come after. */
static bool legacy_idle(const struct stream *s)
{
	struct context *c = s->context;
	uint64_t mark = c->legacy_mark;

	return s->flags & CU_STREAM_NON_BLOCKING || c->synced >= mark || c->legacy.synced >= mark;
}

bool stream_first(struct stream *s)
{
	return stream_idle(s) && (!s->object.handle || legacy_idle(s));
}

CUresult stream_leave(struct stream *s)
{
	bool legacy = !legacy_idle(s);

	return legacy || !stream_idle(s) ? wire_stream_leave(s->object.handle, legacy)
					 : CUDA_SUCCESS;
}

/* Blocking streams may have work that the legacy stream @s, whose own is older, waits for. */
static bool legacy_behind(const struct stream *s)
{
	return !s->object.handle && s->context->posted > s->context->legacy_mark;
}

CUresult stream_settle(struct stream *s)
{
	CUresult r = CUDA_SUCCESS;

	/* The server's driver does not say of a stream without work what that would wait for. */
	if (!s->object.handle || !stream_idle(s))
		r = wire_stream_synchronize(s->object.handle, legacy_behind(s));
	if (!r && s->object.handle && !legacy_idle(s))
		r = wire_stream_synchronize(0, false);
	return r;
}

CUresult client_cuStreamCreateWithPriority(CUstream *phStream, unsigned int flags, int priority)
{
	CUresult r = call_check(0);
	struct stream *s;
	int least, greatest;

	if (r)
		return r;
	if (!phStream || flags & ~CU_STREAM_NON_BLOCKING)
		return CUDA_ERROR_INVALID_VALUE;
	if (wire_stream_priority_range(&least, &greatest) == CUDA_SUCCESS)
		priority = priority > least ? least : priority < greatest ? greatest : priority;
	r = stream_make(flags, priority, &s);
	if (!r)
		*phStream = (CUstream)(uintptr_t)s->object.handle;
	return r;
}

CUresult client_cuStreamCreate(CUstream *phStream, unsigned int Flags)
{
	CUresult r = call_check(0);
	struct stream *s;

	if (r)
		return r;
	if (!phStream || Flags & ~CU_STREAM_NON_BLOCKING)
		return CUDA_ERROR_INVALID_VALUE;
	r = stream_make(Flags, 0, &s);
	if (!r)
		*phStream = (CUstream)(uintptr_t)s->object.handle;
	return r;
}

CUresult client_cuStreamDestroy_v2(CUstream hStream)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct stream *s;
	uint64_t handle;

	if (r)
		return r;
	if ((uintptr_t)hStream <= HANDLE_PER_THREAD)
		return CUDA_ERROR_INVALID_HANDLE;
	r = stream_find(hStream, &s);
	if (r)
		return r;
	handle = s->object.handle;
	window_close(s);
	r = wire_stream_destroy(handle);
	if (!r)
		stream_drop(s);
	return r;
}

CUresult stream_wait(struct stream *s)
{
	CUresult r = mirror_send(); /* a kernel may wait for what the host just wrote */
	uint64_t mark;

	if (r || stream_idle(s))
		return r;
	mark = stream_mark(s);
	r = wire_stream_synchronize(s->object.handle, legacy_behind(s));
	if (!r)
		stream_completed(s, mark);
	return r;
}

CUresult client_cuStreamSynchronize(CUstream hStream)
{
	CUresult r = call_check(0);
	struct stream *s;

	if (!r)
		r = stream_find(hStream, &s);
	if (!r && atomic_load(&captures_active))
		r = s->object.handle ? capture_forbid(s) : capture_legacy_used();
	if (!r)
		r = capture_unsafe();
	return r ? r : stream_wait(s);
}

CUresult client_cuStreamQuery(CUstream hStream)
{
	CUresult r = call_check(0);
	struct stream *s;
	uint64_t mark;

	if (!r)
		r = stream_find(hStream, &s);
	if (!r && atomic_load(&captures_active))
		r = s->object.handle ? capture_forbid(s) : capture_legacy_used();
	if (!r)
		r = capture_unsafe();
	if (!r)
		r = mirror_send();
	if (r || stream_idle(s))
		return r;
	mark = stream_mark(s);
	r = wire_stream_query(s->object.handle);
	if (!r)
		stream_completed(s, mark);
	return r;
}

/* The shadow for functions that only tell what it holds. */
static CUresult look_up(CUstream hStream, const void *out, struct stream **s)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	return out ? stream_find(hStream, s) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuStreamGetFlags(CUstream hStream, unsigned int *flags)
{
	struct stream *s;
	CUresult r = look_up(hStream, flags, &s);

	if (!r)
		*flags = s->flags;
	return r;
}

CUresult client_cuStreamGetPriority(CUstream hStream, int *priority)
{
	struct stream *s;
	CUresult r = look_up(hStream, priority, &s);

	if (!r)
		*priority = s->priority;
	return r;
}

CUresult client_cuStreamGetCtx(CUstream hStream, CUcontext *pctx)
{
	struct stream *s;
	CUresult r = look_up(hStream, pctx, &s);

	if (!r)
		*pctx = context_handle(s->context);
	return r;
}

CUresult client_cuStreamGetCtx_v2(CUstream hStream, CUcontext *pCtx, CUgreenCtx *pGreenCtx)
{
	CUresult r = client_cuStreamGetCtx(hStream, pCtx);

	if (!r && pGreenCtx)
		*pGreenCtx = NULL;
	return r;
}

CUresult client_cuStreamGetId(CUstream hStream, unsigned long long *streamId)
{
	struct stream *s;
	CUresult r = look_up(hStream, streamId, &s);

	if (!r)
		*streamId = s->id;
	return r;
}

CUresult client_cuStreamGetDevice(CUstream hStream, CUdevice *device)
{
	struct stream *s;
	CUresult r = look_up(hStream, device, &s);

	if (!r)
		*device = s->context->device;
	return r;
}

CUresult stream_resolve_object(CUcontext context, CUstream stream, int per_thread_flag, void **object)
{
	struct thread *t = thread_self();
	struct context *c = context_get(context);
	struct stream *s;
	CUresult r;

	(void)per_thread_flag;
	if (c && c != thread_context(t) && (uintptr_t)stream < HANDLE_PER_THREAD) {
		*object = &c->legacy;
		return CUDA_SUCCESS;
	}
	r = stream_find(stream, &s);
	if (!r)
		*object = s;
	return r;
}

uint64_t stream_object_id(void *object)
{
	return ((struct stream *)object)->id;
}

CUresult client_cuCtxGetStreamPriorityRange(int *leastPriority, int *greatestPriority)
{
	int least, greatest;
	CUresult r = wire_stream_priority_range(&least, &greatest);

	if (r)
		return r;
	if (leastPriority)
		*leastPriority = least;
	if (greatestPriority)
		*greatestPriority = greatest;
	return CUDA_SUCCESS;
}
