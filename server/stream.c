/* SPDX-License-Identifier: Apache-2.0 */
/* See stream.h, and the server's halves of stream and capture calls. */
#include "stream.h"

#include <stdlib.h>

#include "copy.h"
#include "hostfunc.h"
#include "mirror.h"
#include "pending.h"
#include "server_calls.h"

CUresult stream_capturing(CUstream real, bool *capturing)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUresult r = driver.cuStreamIsCapturing(real, &status);

	if (!r)
		*capturing = status != CU_STREAM_CAPTURE_STATUS_NONE;
	return r;
}

CUresult stream_born(struct session *s, uint64_t id, CUstream real)
{
	struct stream *stream;
	struct context *c = serving_context;

	stream = calloc(1, sizeof(*stream));
	if (!c || !stream) {
		free(stream);
		return stream ? CUDA_ERROR_INVALID_CONTEXT : CUDA_ERROR_OUT_OF_MEMORY;
	}
	stream->context = c;
	stream->id = id;
	stream->real = real;
	pthread_mutex_lock(&c->lock);
	LIST_INSERT_HEAD(&c->streams, stream, link);
	pthread_mutex_unlock(&c->lock);
	handles_own(&s->handles, KIND_CUstream, id, c);
	handles_attach(&s->handles, KIND_CUstream, id, stream);
	return CUDA_SUCCESS;
}

/* Whose @real is. */
static struct context *stream_context(struct session *s, CUstream real)
{
	struct context *c, *found = NULL;
	struct stream *stream;

	pthread_mutex_lock(&s->state);
	LIST_FOREACH(c, &s->contexts, link) {
		pthread_mutex_lock(&c->lock);
		LIST_FOREACH(stream, &c->streams, link) {
			if (stream->real == real)
				found = c;
		}
		pthread_mutex_unlock(&c->lock);
	}
	pthread_mutex_unlock(&s->state);
	return found;
}

void stream_gone(struct session *s, uint64_t id)
{
	struct handle_entry *e = handles_find(&s->handles, KIND_CUstream, id);
	struct stream *stream = e ? atomic_exchange(&e->state, NULL) : NULL;

	if (!stream)
		return;
	pthread_mutex_lock(&stream->context->lock);
	LIST_REMOVE(stream, link);
	pthread_mutex_unlock(&stream->context->lock);
	free(stream);
}

/* Wait for a stream: while no other frame comes its own state says it; before another is executed
 * an event takes over, which later work does not move. */
struct stream_wait {
	struct pending pending;
	_Atomic CUevent event; /* NULL: not recorded */
};

static CUresult wait_poll(struct pending *p)
{
	struct stream_wait *w = container_of(p, struct stream_wait, pending);

	CUevent event = w->event;

	return event ? driver.cuEventQuery(event) : driver.cuStreamQuery(p->stream);
}

static void wait_harden(struct pending *p)
{
	struct stream_wait *w = container_of(p, struct stream_wait, pending);
	CUevent event;
	CUresult r = context_event(p->context, &event);

	if (!r) {
		r = driver.cuEventRecord(event, p->stream);
		if (!r)
			w->event = event;
		else
			context_event_done(p->context, event);
	}
	/* The stream may be gone when it is asked again. */
	if (r) {
		p->result = r;
		p->done = true;
	}
}

static void wait_finish(struct pending *p)
{
	struct stream_wait *w = container_of(p, struct stream_wait, pending);

	CUevent event = w->event;

	/* It is done, so these do not wait; they make the driver print what kernels printed. */
	if (!p->result && !p->q.session->watched) {
		if (event)
			driver.cuEventSynchronize(event);
		else
			driver.cuStreamSynchronize(p->stream);
	}
	if (event)
		context_event_done(p->context, event);
	pending_reply(p, p->result);
	free(w);
}

/* @behind: also for what new work in it would come after, which an event does. */
CUresult server_stream_synchronize(struct request *q, CUstream stream, unsigned int behind)
{
	struct stream_wait *w = calloc(1, sizeof(*w));

	if (!w)
		return CUDA_ERROR_OUT_OF_MEMORY;
	w->pending.stream = stream;
	w->pending.covers = COVERS_STREAM;
	w->pending.poll = wait_poll;
	w->pending.harden = wait_harden;
	w->pending.finish = wait_finish;
	if (behind) {
		w->pending.context = serving_named();
		if (!context_use(w->pending.context->real))
			wait_harden(&w->pending);
		w->pending.harden = NULL;
	}
	return pending_add(q->session, &w->pending, q);
}

/* The client waits for nothing that it knows is done, so what kernels printed is shown now. */
CUresult stream_seen(struct request *q, CUstream stream)
{
	driver.cuStreamSynchronize(stream);
	copy_completed(q->session, serving_context, false, stream, copy_issued(q->session));
	session_notice(q->session);
	return CUDA_SUCCESS;
}

/* What a stream that cannot be asked any more still has to do is the context's to wait for: another
 * stream, which barriers ask, comes after it. */
static void stream_leave(struct context *c, CUstream real)
{
	CUevent event;
	bool capturing;

	if (!c || context_use(c->real) || stream_capturing(real, &capturing) || capturing ||
		driver.cuStreamQuery(real) != CUDA_ERROR_NOT_READY)
		return;
	if (!c->left && driver.cuStreamCreate(&c->left, CU_STREAM_NON_BLOCKING)) {
		c->left = NULL;
		return;
	}
	if (context_event(c, &event))
		return;
	if (!driver.cuEventRecord(event, real))
		driver.cuStreamWaitEvent(c->left, event, 0);
	context_event_later(c, event);
}

CUresult server_stream_leave(struct request *q, CUstream stream, unsigned int legacy)
{
	struct context *c = stream_context(q->session, stream);

	if (legacy)
		stream_leave(c, CU_STREAM_LEGACY);
	stream_leave(c, stream);
	return CUDA_SUCCESS;
}

CUresult stream_ending(struct request *q, CUstream stream)
{
	/* Waits for it were hardened; nobody asks the stream itself any more after this. */
	pthread_mutex_lock(&q->session->polling);
	copy_stream_gone(q->session, stream);
	pthread_mutex_unlock(&q->session->polling);
	copy_stream_gone(q->session, stream);
	stream_leave(stream_context(q->session, stream), stream);
	return CUDA_SUCCESS;
}

CUresult server_stream_capture_info(struct request *q, CUstream stream,
	CUstreamCaptureStatus *status, uint64_t *id, CUgraph *graph, size_t *count,
	CUgraphNode *nodes, CUgraphEdgeData *edges)
{
	const CUgraphEdgeData *edges_got = NULL;
	const CUgraphNode *nodes_got = NULL;
	size_t room = *count;
	CUresult r;

	*count = 0;
	r = driver.cuStreamGetCaptureInfo_v3(
		stream, status, id, graph, &nodes_got, &edges_got, count);
	if (r)
		return r;
	room = *count < room ? *count : room;
	if (room && nodes_got)
		memcpy(nodes, nodes_got, room * sizeof(*nodes));
	if (room && edges_got)
		memcpy(edges, edges_got, room * sizeof(*edges));
	return CUDA_SUCCESS;
}
