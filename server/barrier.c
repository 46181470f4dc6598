/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Barriers (context.h): streams are asked themselves, until more work may come
 * into them, which is not to be waited for: then an event is put behind what
 * each that was not found idle has to do. A stream that has nothing to do costs
 * one query.
 */
#include <stdlib.h>

#include "context.h"
#include "stream.h"

/* A stream that must not be asked, or is gone since it was listed. Any other failure leaves open
 * what the stream has to do, so it is asked. */
static bool barrier_skips(struct barrier *b, CUstream real)
{
	bool capturing = false;
	CUresult r = stream_capturing(real, &capturing);

	if (r == CUDA_ERROR_INVALID_HANDLE)
		return true;
	capturing = r ? r == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT : capturing;
	b->captured |= capturing;
	return capturing;
}

/* Add what @real has to do to the barrier, if anything. */
static CUresult barrier_add(struct barrier *b, CUstream real)
{
	CUresult r;
	CUevent e;

	if (barrier_skips(b, real))
		return CUDA_SUCCESS;
	r = driver.cuStreamQuery(real);
	if (r != CUDA_ERROR_NOT_READY)
		return r;
	if (b->count == b->room) {
		size_t room = b->room ? 2 * b->room : 8;
		CUevent *bigger = realloc((void *)b->event, room * sizeof(*bigger));

		if (!bigger)
			return CUDA_ERROR_OUT_OF_MEMORY;
		b->event = bigger;
		b->room = room;
	}
	r = context_event(b->context, &e);
	if (r)
		return r;
	r = driver.cuEventRecord(e, real);
	if (r) {
		context_event_done(b->context, e);
		return r;
	}
	b->event[b->count++] = e;
	return CUDA_SUCCESS;
}

/* The streams' handles at this moment: the list may change under a driver call. */
static CUstream *stream_list(struct context *c, size_t *count)
{
	struct stream *s;
	CUstream *list;
	size_t n = 2;

	pthread_mutex_lock(&c->lock);
	LIST_FOREACH(s, &c->streams, link)
		n++;
	list = calloc(n, sizeof(*list));
	*count = 0;
	if (list) {
		list[(*count)++] = CU_STREAM_LEGACY;
		if (c->left)
			list[(*count)++] = c->left;
		LIST_FOREACH(s, &c->streams, link)
			list[(*count)++] = s->real;
	}
	pthread_mutex_unlock(&c->lock);
	return list;
}

void barrier_watch(struct barrier *b, struct context *c)
{
	*b = (struct barrier){.context = c};
	b->stream = stream_list(c, &b->streams);
	if (!b->stream)
		b->error = CUDA_ERROR_OUT_OF_MEMORY;
}

void barrier_mark(struct barrier *b)
{
	if (!b->error)
		b->error = context_use(b->context->real);
	while (!b->error && b->idle < b->streams)
		b->error = barrier_add(b, b->stream[b->idle++]);
}

void barrier_begin(struct barrier *b, struct context *c)
{
	barrier_watch(b, c);
	barrier_mark(b);
}

/* Those streams that have no event. */
static CUresult barrier_ask(struct barrier *b)
{
	CUresult r = CUDA_SUCCESS;

	while (!r && b->idle < b->streams) {
		if (!barrier_skips(b, b->stream[b->idle]))
			r = driver.cuStreamQuery(b->stream[b->idle]);
		if (!r)
			b->idle++;
	}
	return r;
}

CUresult barrier_poll(struct barrier *b)
{
	if (!b->error && (b->count || b->idle < b->streams))
		b->error = context_use(b->context->real);
	if (!b->error) {
		CUresult r = barrier_ask(b);

		if (r == CUDA_ERROR_NOT_READY)
			return r;
		b->error = r;
	}
	while (!b->error && b->count) {
		CUevent e = b->event[b->count - 1];
		CUresult r = driver.cuEventQuery(e);

		if (r == CUDA_ERROR_NOT_READY)
			return r;
		b->count--;
		b->error = r;
		context_event_done(b->context, e);
	}
	return b->error;
}

void barrier_end(struct barrier *b)
{
	while (b->count)
		context_event_later(b->context, b->event[--b->count]);
	free((void *)b->event);
	free((void *)b->stream);
	b->event = NULL;
	b->stream = NULL;
}

bool context_idle_all(struct session *s)
{
	bool idle = true;

	for (struct context *c = context_next(s, NULL); c; c = context_next(s, c)) {
		struct barrier b;

		barrier_begin(&b, c);
		idle = idle && barrier_poll(&b) != CUDA_ERROR_NOT_READY;
		barrier_end(&b);
	}
	return idle;
}
