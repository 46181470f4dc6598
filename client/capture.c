/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See capture.h. Few captures exist at a time: one list under one lock, which
 * nobody takes while captures_active is 0.
 */
#include "capture.h"

#include <pthread.h>
#include <stdlib.h>

#include "call.h"
#include "client_calls.h"
#include "context.h"
#include "event.h"
#include "stream.h"
#include "thread.h"
#include "wire_calls.h"

struct capture {
	struct capture *next;
	uint64_t id;
	CUstreamCaptureMode mode;
	unsigned thread; /* birth of the one that began it */
	struct stream *origin;
	uint64_t origin_handle; /* to notice that it was destroyed since */
	unsigned life;		/* or its context */
	bool lent;		/* the graph is the application's */
	bool invalid;
	struct stream *
		*joined; /* the origin too; one that was destroyed does not name us any more */
	unsigned joined_count, joined_size;
};

_Atomic unsigned captures_active;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct capture *captures;
static uint64_t last_id;

static void join(struct capture *c, struct stream *s)
{
	if (c->joined_count == c->joined_size) {
		unsigned size = c->joined_size ? 2 * c->joined_size : 8;
		struct stream **list = realloc(c->joined, size * sizeof(struct stream *));

		if (!list) {
			c->invalid = true;
			return;
		}
		c->joined = list;
		c->joined_size = size;
	}
	c->joined[c->joined_count++] = s;
	atomic_store(&s->capture, c);
}

/* Out of the list, and its streams are free again. Called with the lock held. */
static void detach(struct capture **place)
{
	struct capture *c = *place;

	*place = c->next;
	for (unsigned i = 0; i < c->joined_count; i++) {
		struct capture *was = c;

		atomic_compare_exchange_strong(&c->joined[i]->capture, &was, NULL);
	}
	atomic_fetch_sub(&captures_active, 1);
}

static void capture_free(struct capture *c)
{
	free(c->joined);
	free(c);
}

/* Takes the lock. A capture has ended that lost the stream it began in, or that stream's context.
 */
static void enter(void)
{
	struct capture **place = &captures, *c;

	pthread_mutex_lock(&lock);
	while ((c = *place)) {
		if (c->origin->object.handle == c->origin_handle &&
			c->origin->context->life == c->life) {
			place = &c->next;
		} else {
			detach(place);
			capture_free(c);
		}
	}
}

CUresult capture_unsafe_slow(void)
{
	struct thread *t = thread_self();
	CUresult r = CUDA_SUCCESS;

	if (t->capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_SUCCESS;
	enter();
	for (struct capture *c = captures; c; c = c->next) {
		bool own = c->thread == t->birth && c->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
		bool any = t->capture_mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
			   c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL;

		if (own || any) {
			c->invalid = true;
			r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult capture_safe(void)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	return r ? r : capture_unsafe();
}

CUresult capture_safe_in(CUstream stream)
{
	CUresult r = call_check(0);
	struct stream *s;

	if (!r)
		r = stream_find(stream, &s);
	return r || atomic_load(&s->capture) ? r : capture_unsafe();
}

/* IMPLICIT if a blocking stream of the current context captures; @invalidate says what then comes
 * of it. */
static CUresult legacy(bool invalidate)
{
	struct context *context = context_self();
	CUresult r = CUDA_SUCCESS;

	enter();
	for (struct capture *c = captures; c; c = c->next) {
		for (unsigned i = 0; i < c->joined_count; i++) {
			struct stream *s = c->joined[i];

			if (atomic_load(&s->capture) != c || s->context != context ||
				s->flags & CU_STREAM_NON_BLOCKING)
				continue;
			c->invalid |= invalidate;
			r = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult capture_legacy_used(void)
{
	return legacy(true);
}

CUresult capture_context_used(struct context *context)
{
	CUresult r = CUDA_SUCCESS;

	enter();
	for (struct capture *c = captures; c; c = c->next) {
		if (c->origin->context == context) {
			c->invalid = true;
			r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

uint64_t capture_id(struct stream *s)
{
	struct capture *c;
	uint64_t id;

	enter();
	c = atomic_load(&s->capture);
	id = c ? c->id : 0;
	pthread_mutex_unlock(&lock);
	return id;
}

CUresult capture_check(struct stream *s)
{
	struct capture *c;
	bool invalid;

	enter();
	c = atomic_load(&s->capture);
	invalid = c && c->invalid;
	pthread_mutex_unlock(&lock);
	return invalid ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
}

CUresult capture_forbid(struct stream *s)
{
	struct capture *c;

	enter();
	c = atomic_load(&s->capture);
	if (c)
		c->invalid = true;
	pthread_mutex_unlock(&lock);
	return c ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

/* The capture that last recorded @e; NULL: it is over. Called with the lock held. */
static struct capture *recorder(const struct event *e)
{
	struct capture *c = captures;

	while (c && c->id != e->capture)
		c = c->next;
	return c;
}

CUresult capture_forbid_event(struct event *e)
{
	struct capture *c;

	enter();
	c = recorder(e);
	if (c)
		c->invalid = true;
	pthread_mutex_unlock(&lock);
	return c ? CUDA_ERROR_CAPTURED_EVENT : CUDA_ERROR_INVALID_VALUE;
}

void capture_record(struct event *e, struct stream *s)
{
	struct capture *c;

	e->capture = 0;
	if (!atomic_load_explicit(&captures_active, memory_order_acquire))
		return;
	enter();
	c = atomic_load(&s->capture);
	if (c)
		e->capture = c->id;
	pthread_mutex_unlock(&lock);
}

/* Of a stream in capture @mine that is to wait for an event of capture @its; either may be NULL. */
static CUresult meet(struct stream *s, struct capture *mine, struct capture *its)
{
	if (!its) { /* over */
		if (mine)
			mine->invalid = true;
		return CUDA_ERROR_INVALID_VALUE;
	}
	if (its->invalid)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!s->object.handle || s->context != its->origin->context) {
		its->invalid = true;
		return s->object.handle ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
					: CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	}
	if (mine && mine != its) {
		mine->invalid = its->invalid = true;
		return CUDA_ERROR_STREAM_CAPTURE_MERGE;
	}
	if (!mine)
		join(its, s);
	return CUDA_SUCCESS;
}

CUresult capture_join(struct stream *s, struct event *e, unsigned flags)
{
	struct capture *mine;
	bool joined;
	CUresult r = CUDA_SUCCESS;

	if (!e->capture && !flags && !atomic_load_explicit(&captures_active, memory_order_acquire))
		return CUDA_SUCCESS;
	enter();
	mine = atomic_load(&s->capture);
	if (mine && mine->invalid) {
		r = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	} else if (flags) {
		r = mine ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_STATE;
	} else if (e->capture) {
		r = meet(s, mine, recorder(e));
	} else if (mine && e->records) {
		mine->invalid = true;
		r = CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
	}
	joined = !mine && atomic_load(&s->capture);
	pthread_mutex_unlock(&lock);
	return joined ? stream_leave(s) : r;
}

/* A graph of the application's that a capture adds to. */
struct into {
	CUgraph graph;
	const CUgraphNode *nodes;
	const CUgraphEdgeData *edges;
	size_t count;
};

/* The server captures in relaxed mode whatever @mode is. */
static CUresult post_begin(uint64_t stream, const struct into *into)
{
	if (!into)
		return wire_stream_begin_capture(stream);
	return wire_stream_begin_capture_to_graph(stream, (uintptr_t)into->graph, into->nodes,
		into->edges, into->count);
}

static bool capturing(struct stream *s)
{
	bool found;

	enter();
	found = atomic_load(&s->capture);
	pthread_mutex_unlock(&lock);
	return found;
}

static CUresult begin(CUstream hStream, CUstreamCaptureMode mode, const struct into *into)
{
	CUresult r = call_check(0);
	struct capture *c;
	struct stream *s;
	uint64_t wire;

	if (!r && (unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(hStream, &s);
	if (r)
		return r;
	if (!s->object.handle)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (capturing(s))
		return CUDA_ERROR_ILLEGAL_STATE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = stream_leave(s);
	if (!r)
		r = stream_use(s, &wire);
	if (!r)
		r = post_begin(wire, into);
	if (r) {
		free(c);
		return r;
	}
	c->mode = mode;
	c->thread = thread_self()->birth;
	c->origin = s;
	c->origin_handle = wire;
	c->life = s->life;
	c->lent = into;
	pthread_mutex_lock(&lock);
	c->id = ++last_id;
	c->next = captures;
	captures = c;
	join(c, s);
	atomic_fetch_add(&captures_active, 1);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

CUresult client_cuStreamBeginCapture_v2(CUstream hStream, CUstreamCaptureMode mode)
{
	return begin(hStream, mode, NULL);
}

CUresult client_cuStreamBeginCapture(CUstream hStream)
{
	return begin(hStream, CU_STREAM_CAPTURE_MODE_GLOBAL, NULL);
}

CUresult client_cuStreamBeginCaptureToGraph(CUstream hStream, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUstreamCaptureMode mode)
{
	struct into into = {hGraph, dependencies, dependencyData, numDependencies};

	if (!hGraph || (numDependencies && !dependencies))
		return CUDA_ERROR_INVALID_VALUE;
	return begin(hStream, mode, &into);
}

/* The capture that began in @s is over, whatever its end will say: out of the list, for the caller
 * to free. */
static CUresult take(struct stream *s, struct capture **out)
{
	CUresult r = CUDA_SUCCESS;
	struct capture *c;

	enter();
	c = atomic_load(&s->capture);
	if (!c) {
		r = CUDA_ERROR_ILLEGAL_STATE;
	} else if (c->origin != s) {
		c->invalid = true;
		r = CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
	} else {
		struct capture **place = &captures;

		while (*place != c)
			place = &(*place)->next;
		detach(place);
		*out = c;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

/* Without @phGraph the capture ends all the same, as natively. */
CUresult client_cuStreamEndCapture(CUstream hStream, CUgraph *phGraph)
{
	CUresult r = call_check(CALL_NO_CONTEXT), broken = CUDA_SUCCESS;
	CUgraph graph = NULL;
	struct capture *c;
	struct stream *s;

	if (!r)
		r = stream_find(hStream, &s);
	if (!r)
		r = take(s, &c);
	if (r)
		return r;
	if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED && c->thread != thread_self()->birth)
		broken = CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	else if (c->invalid)
		broken = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	r = wire_stream_end_capture(s->object.handle, &graph);
	if (!r && (broken || (!phGraph && !c->lent))) {
		wire_cuGraphDestroy((uintptr_t)graph);
		graph = NULL;
	}
	if (phGraph)
		*phGraph = graph;
	capture_free(c);
	return broken ? broken : r;
}

CUresult capture_status(
	CUstream hStream, struct stream **s, CUstreamCaptureStatus *status, uint64_t *id)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct capture *c;

	*status = CU_STREAM_CAPTURE_STATUS_NONE;
	*id = 0;
	if (!r)
		r = stream_find(hStream, s);
	if (r || !atomic_load_explicit(&captures_active, memory_order_acquire))
		return r;
	if (!(*s)->object.handle)
		return legacy(false);
	enter();
	c = atomic_load(&(*s)->capture);
	if (c) {
		*status = c->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
				     : CU_STREAM_CAPTURE_STATUS_ACTIVE;
		*id = c->id;
	}
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}
