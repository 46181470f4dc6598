/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See window.h. Every WINDOW_STEP pieces of work an event of ours is recorded in
 * the stream; two exist, so that the next use of one is when twice as many lie
 * behind its record. Unless it is known to have passed, it is waited for.
 */
#include "window.h"

#include <pthread.h>

#include "context.h"
#include "event.h"
#include "wire_calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* making of events */

static CUresult window_event(struct stream *s, unsigned which, uint64_t *out)
{
	struct object *o;
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&lock);
	if (!s->window[which].event || s->window[which].life != s->context->life) {
		o = object_create(KIND_CUevent);
		r = o ? wire_event_create(o->handle, CU_EVENT_DISABLE_TIMING)
		      : CUDA_ERROR_OUT_OF_MEMORY;
		if (!r) {
			s->window[which].event = o->handle;
			s->window[which].life = s->context->life;
			s->window[which].mark = 0;
		} else if (o) {
			object_destroy(KIND_CUevent, o);
		}
	}
	*out = s->window[which].event;
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult window_take_slow(struct stream *s, unsigned queued)
{
	unsigned which = queued / WINDOW_STEP % 2;
	uint64_t event;
	CUresult r;

	/* What is captured goes into a graph, not into the queue. */
	if (atomic_load(&s->capture))
		return CUDA_SUCCESS;
	r = window_event(s, which, &event);
	if (r)
		return r;
	if (s->window[which].mark > s->synced) {
		r = wire_event_synchronize(event);
		if (r)
			return r;
	}
	s->window[which].mark = stream_mark(s);
	return wire_event_record(event, s->object.handle, 0);
}

void window_forget(struct stream *s)
{
	for (int i = 0; i < 2; i++) {
		struct object *o = object_get(KIND_CUevent, (void *)(uintptr_t)s->window[i].event);

		if (o)
			object_destroy(KIND_CUevent, o);
		s->window[i].event = 0;
	}
}

void window_close(struct stream *s)
{
	for (int i = 0; i < 2; i++) {
		struct object *o = object_get(KIND_CUevent, (void *)(uintptr_t)s->window[i].event);

		if (o && s->window[i].life == s->context->life) {
			wire_event_destroy(o->handle);
			object_destroy(KIND_CUevent, o);
		}
	}
}
