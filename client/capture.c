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
	unsigned thread; /* that began it */
	struct stream *origin;
	bool invalid;
	struct stream **joined;
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

CUresult capture_unsafe_slow(void)
{
	struct thread *t = thread_self();
	CUresult r = CUDA_SUCCESS;

	if (t->capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&lock);
	for (struct capture *c = captures; c; c = c->next) {
		bool own = c->thread == t->id && c->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
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

CUresult capture_legacy_used(void)
{
	struct context *context = context_self();
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&lock);
	for (struct capture *c = captures; c; c = c->next) {
		for (unsigned i = 0; i < c->joined_count; i++) {
			struct stream *s = c->joined[i];

			if (s->context == context && !(s->flags & CU_STREAM_NON_BLOCKING)) {
				c->invalid = true;
				r = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
			}
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult capture_forbid(struct stream *s)
{
	struct capture *c;

	pthread_mutex_lock(&lock);
	c = atomic_load(&s->capture);
	if (c)
		c->invalid = true;
	pthread_mutex_unlock(&lock);
	return c ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

bool capture_forbid_event(struct event *e)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (struct capture *c = captures; c; c = c->next) {
		if (c->id == e->capture)
			found = c->invalid = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

void capture_record(struct event *e, struct stream *s)
{
	struct capture *c;

	e->capture = 0;
	if (!atomic_load_explicit(&captures_active, memory_order_acquire))
		return;
	pthread_mutex_lock(&lock);
	c = atomic_load(&s->capture);
	if (c)
		e->capture = c->id;
	pthread_mutex_unlock(&lock);
}

void capture_join(struct stream *s, struct event *e)
{
	if (!atomic_load_explicit(&captures_active, memory_order_acquire) || !e->capture)
		return;
	pthread_mutex_lock(&lock);
	for (struct capture *c = captures; c; c = c->next) {
		if (c->id == e->capture && !atomic_load(&s->capture))
			join(c, s);
	}
	pthread_mutex_unlock(&lock);
}

static CUresult begin(CUstream hStream, CUstreamCaptureMode mode,
	CUresult (*post)(uint64_t wire, void *argument), void *argument)
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
	if (atomic_load(&s->capture))
		return CUDA_ERROR_ILLEGAL_STATE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	stream_use(s, &wire);
	r = post(wire, argument);
	if (r) {
		free(c);
		return r;
	}
	c->mode = mode;
	c->thread = thread_self()->id;
	c->origin = s;
	pthread_mutex_lock(&lock);
	c->id = ++last_id;
	c->next = captures;
	captures = c;
	join(c, s);
	atomic_fetch_add(&captures_active, 1);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

static CUresult post_begin(uint64_t wire, void *unused)
{
	(void)unused;
	return wire_stream_begin_capture(wire);
}

CUresult client_cuStreamBeginCapture_v2(CUstream hStream, CUstreamCaptureMode mode)
{
	return begin(hStream, mode, post_begin, NULL);
}

CUresult client_cuStreamBeginCapture(CUstream hStream)
{
	return client_cuStreamBeginCapture_v2(hStream, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

struct into {
	CUgraph graph;
	const CUgraphNode *nodes;
	const CUgraphEdgeData *edges;
	size_t count;
};

static CUresult post_begin_into(uint64_t wire, void *argument)
{
	const struct into *i = argument;

	return wire_stream_begin_capture_to_graph(wire, (uintptr_t)i->graph, i->nodes, i->edges,
		i->count);
}

CUresult client_cuStreamBeginCaptureToGraph(CUstream hStream, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUstreamCaptureMode mode)
{
	struct into into = {hGraph, dependencies, dependencyData, numDependencies};

	if (!hGraph || (numDependencies && !dependencies))
		return CUDA_ERROR_INVALID_VALUE;
	return begin(hStream, mode, post_begin_into, &into);
}

/* Ended, whatever came of it: its streams are free again. */
static void end(struct capture *c)
{
	pthread_mutex_lock(&lock);
	for (struct capture **p = &captures; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	for (unsigned i = 0; i < c->joined_count; i++)
		atomic_store(&c->joined[i]->capture, NULL);
	atomic_fetch_sub(&captures_active, 1);
	pthread_mutex_unlock(&lock);
	free(c->joined);
	free(c);
}

CUresult client_cuStreamEndCapture(CUstream hStream, CUgraph *phGraph)
{
	CUresult r = call_check(0);
	CUgraph graph = NULL;
	struct capture *c;
	struct stream *s;
	bool invalid;

	if (!r)
		r = stream_find(hStream, &s);
	if (r)
		return r;
	if (!phGraph)
		return CUDA_ERROR_INVALID_VALUE;
	c = atomic_load(&s->capture);
	if (!c)
		return CUDA_ERROR_ILLEGAL_STATE;
	if (c->origin != s)
		return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
	if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED && c->thread != thread_self()->id)
		return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	invalid = c->invalid;
	r = wire_stream_end_capture(s->object.handle, &graph);
	end(c);
	*phGraph = NULL;
	if (invalid) {
		if (!r)
			wire_cuGraphDestroy((uintptr_t)graph);
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	}
	if (!r)
		*phGraph = graph;
	return r;
}

/* What a stream's capture state is, for the functions that tell it. */
static CUresult status_of(CUstream hStream, struct stream **s, CUstreamCaptureStatus *status,
	uint64_t *id)
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
		return capture_legacy_used();
	pthread_mutex_lock(&lock);
	c = atomic_load(&(*s)->capture);
	if (c) {
		*status = c->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
				     : CU_STREAM_CAPTURE_STATUS_ACTIVE;
		*id = c->id;
	}
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

CUresult client_cuStreamIsCapturing(CUstream hStream, CUstreamCaptureStatus *captureStatus)
{
	CUstreamCaptureStatus status;
	struct stream *s;
	uint64_t id;
	CUresult r;

	if (!captureStatus)
		return CUDA_ERROR_INVALID_VALUE;
	r = status_of(hStream, &s, &status, &id);
	if (!r)
		*captureStatus = status;
	return r;
}

CUresult client_cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	struct thread *t = thread_self();
	CUresult r = call_check(CALL_NO_CONTEXT);
	CUstreamCaptureMode before;

	if (r)
		return r;
	if (!mode || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_ERROR_INVALID_VALUE;
	before = t->capture_mode;
	t->capture_mode = *mode;
	*mode = before;
	return CUDA_SUCCESS;
}

CUresult client_cuStreamGetCaptureInfo(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out)
{
	return client_cuStreamGetCaptureInfo_v2(hStream, captureStatus_out, id_out, NULL, NULL, NULL);
}

CUresult client_cuStreamGetCaptureInfo_v2(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out, CUgraph *graph_out, const CUgraphNode **dependencies_out,
	size_t *numDependencies_out)
{
	return client_cuStreamGetCaptureInfo_v3(hStream, captureStatus_out, id_out, graph_out,
		dependencies_out, NULL, numDependencies_out);
}

/* What the last call told, as the manual has it: valid until the stream's next one. Kept per
 * thread, which is longer. */
static __thread CUgraphNode *told_nodes;
static __thread CUgraphEdgeData *told_edges;
static __thread size_t told_room;

static CUresult room_for(size_t count)
{
	CUgraphNode *nodes = realloc(told_nodes, count * sizeof(*nodes));
	CUgraphEdgeData *edges;

	if (!nodes)
		return CUDA_ERROR_OUT_OF_MEMORY;
	told_nodes = nodes;
	edges = realloc(told_edges, count * sizeof(*edges));
	if (!edges)
		return CUDA_ERROR_OUT_OF_MEMORY;
	told_edges = edges;
	told_room = count;
	return CUDA_SUCCESS;
}

CUresult client_cuStreamGetCaptureInfo_v3(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out, CUgraph *graph_out, const CUgraphNode **dependencies_out,
	const CUgraphEdgeData **edgeData_out, size_t *numDependencies_out)
{
	CUstreamCaptureStatus status, theirs;
	size_t count = 0;
	struct stream *s;
	CUgraph graph;
	uint64_t id, id_theirs;
	CUresult r;

	if (!captureStatus_out)
		return CUDA_ERROR_INVALID_VALUE;
	r = status_of(hStream, &s, &status, &id);
	if (r)
		return r;
	if (status == CU_STREAM_CAPTURE_STATUS_ACTIVE &&
		(graph_out || dependencies_out || numDependencies_out)) {
		do {
			r = count > told_room ? room_for(count) : told_room ? CUDA_SUCCESS
									     : room_for(16);
			count = told_room;
			if (!r)
				r = wire_stream_capture_info(s->object.handle, &theirs, &id_theirs,
					&graph, &count, told_nodes, told_edges);
		} while (!r && count > told_room);
		if (r)
			return r;
		if (graph_out)
			*graph_out = graph;
		if (dependencies_out)
			*dependencies_out = told_nodes;
		if (edgeData_out)
			*edgeData_out = told_edges;
		if (numDependencies_out)
			*numDependencies_out = count;
	}
	*captureStatus_out = status;
	if (id_out && status != CU_STREAM_CAPTURE_STATUS_NONE)
		*id_out = id;
	return CUDA_SUCCESS;
}

CUresult client_cuStreamUpdateCaptureDependencies_v2(CUstream hStream, CUgraphNode *dependencies,
	const CUgraphEdgeData *dependencyData, size_t numDependencies, unsigned int flags)
{
	CUstreamCaptureStatus status;
	struct stream *s;
	uint64_t id;
	CUresult r = status_of(hStream, &s, &status, &id);

	if (r)
		return r;
	if (status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return CUDA_ERROR_ILLEGAL_STATE;
	if (numDependencies && !dependencies)
		return CUDA_ERROR_INVALID_VALUE;
	return wire_stream_update_capture(s->object.handle, dependencies, dependencyData,
		numDependencies, flags);
}

CUresult client_cuStreamUpdateCaptureDependencies(CUstream hStream, CUgraphNode *dependencies,
	size_t numDependencies, unsigned int flags)
{
	return client_cuStreamUpdateCaptureDependencies_v2(hStream, dependencies, NULL,
		numDependencies, flags);
}
