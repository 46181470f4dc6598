/* SPDX-License-Identifier: Apache-2.0 */
/* See copy.h: what the dispatcher issues. */
#include "copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bulk.h"
#include "flight.h"
#include "hostfunc.h"

enum {
	NAP_US = 20,
	SHARE_ALIGN = 64, /* of bytes in a slot that copies share: lines of the cache are not */
};

/* A slot of @class, waited for while copies that hold some go on, else made. */
static struct slot *slot_await(struct request *q, enum staging_class class)
{
	struct staging *st = q->session->staging;
	uint64_t since = 0;
	struct slot *slot;

	while (!(slot = staging_take(st, class))) {
		if (session_stalled(q, &since))
			staging_grow(st, class, serving_context);
		else
			usleep(NAP_US);
	}
	return slot;
}

/* In a capture a copy would become a node, which uses its slot at every launch, when that is
 * another's. Clients send none: they give this side the memory, and the copies are the device's
 * own. */
static CUresult copy_possible(CUstream stream)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUresult r = driver.cuStreamIsCapturing(stream, &status);

	if (!r && status != CU_STREAM_CAPTURE_STATUS_NONE)
		r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	return r;
}

/* A copy may go into a stream of another context than the current one, whose events it then needs. What
 * follows is issued with that context current. */
static struct flight *flight_make(struct session *s)
{
	struct context *c = serving_named();

	return context_use(c->real) ? NULL : flight_new(s->copies, c);
}

/* What is open ends, and another begins. */
static CUresult open_new(struct request *q, uint64_t bytes, CUstream stream)
{
	struct session *s = q->session;
	struct slot *slot;
	struct flight *f;
	CUresult r;

	if (s->copies->open) {
		copy_close(s);
		context_use(q->context);
	}
	r = copy_possible(stream);
	if (r)
		return r;
	slot = slot_await(q, staging_class(bytes));
	f = flight_make(s);
	if (!f) {
		staging_give(s->staging, slot);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	f->slot = slot;
	f->stream = stream;
	s->copies->open = f;
	return CUDA_SUCCESS;
}

/* Make s->copies->open one that has room for @bytes to go into @stream. */
static CUresult open_for(struct request *q, uint64_t bytes, CUstream stream)
{
	const struct flight *f = q->session->copies->open;

	if (f && f->stream == stream && f->context == serving_named() &&
		bytes <= f->slot->size - f->bytes)
		return context_use(f->context->real);
	return open_new(q, bytes, stream);
}

CUresult copy_in(struct request *q, const struct copy_shape *c, const void *bytes, CUstream stream)
{
	struct flight *f;
	uint8_t *at;
	CUresult r;

	if (!c->bytes)
		return CUDA_SUCCESS;
	if (c->bytes > STAGING_LARGE)
		return CUDA_ERROR_INVALID_VALUE;
	r = open_for(q, c->bytes, stream);
	if (r)
		return r;
	f = q->session->copies->open;
	at = f->slot->bytes + f->bytes;
	f->bytes += (c->bytes + SHARE_ALIGN - 1) & -SHARE_ALIGN;
	memcpy(at, bytes, c->bytes);
	r = shape_issue(c, true, at, 0, c->bytes, stream);
	if (f->bytes == f->slot->size || f->slot->class != STAGING_CLASS_SMALL)
		copy_close(q->session);
	return r;
}

static uint32_t chunk_bytes(uint64_t bytes, uint64_t offset, uint32_t chunk)
{
	return bytes - offset < chunk ? bytes - offset : chunk;
}

/* Slots for the chunks of a copy that is fetched, and the room they make; NULL: out of memory. */
static struct slot **fetch_slots(
	struct request *q, uint64_t bytes, unsigned count, struct fetch_room **out)
{
	struct slot **slots = calloc(count, sizeof(struct slot *));
	struct fetch_room *room = calloc(count + 1, sizeof(*room));

	if (!slots || !room) {
		free((void *)slots);
		free(room);
		return NULL;
	}
	for (unsigned i = 0; i < count; i++) {
		size_t n = chunk_bytes(bytes, (uint64_t)i * BULK_CHUNK, BULK_CHUNK);

		slots[i] = slot_await(q, staging_class(n));
		room[i] = (struct fetch_room){slots[i]->bytes, n};
	}
	*out = room;
	return slots;
}

CUresult copy_in_fetched(
	struct request *q, const struct copy_shape *c, uint64_t id, CUstream stream)
{
	struct session *s = q->session;
	unsigned count = (c->bytes + BULK_CHUNK - 1) / BULK_CHUNK;
	struct fetch_room *room;
	struct slot **slots;
	CUresult r;

	if (!c->bytes || c->bytes > FETCH_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	r = copy_possible(stream);
	if (r)
		return r;
	slots = fetch_slots(q, c->bytes, count, &room);
	if (!slots)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = hostfunc_fetch(s, stream, id, room);
	for (unsigned i = 0; r && i < count; i++)
		staging_give(s->staging, slots[i]);
	if (r) {
		free((void *)slots);
		return r;
	}
	/* Bytes will come into all of them, so each is held until then, whatever fails. */
	for (unsigned i = 0; i < count; i++) {
		struct flight *f = flight_make(s);

		if (!f) {
			r = CUDA_ERROR_OUT_OF_MEMORY;
			break;
		}
		f->slot = slots[i];
		if (!r)
			r = shape_issue(c, true, slots[i]->bytes, (uint64_t)i * BULK_CHUNK,
				chunk_bytes(c->bytes, (uint64_t)i * BULK_CHUNK, BULK_CHUNK), stream);
		r = flight_go(s, &s->copies->in, f, r, stream);
	}
	free((void *)slots);
	return r;
}

static struct slot *chunk_await(struct request *q, uint64_t number, uint32_t bytes)
{
	uint64_t since = 0;
	struct slot *slot;

	while (!(slot = bulk_arrived(q->session, number, bytes))) {
		if (session_stalled(q, &since))
			bulk_grow(q->session, number, serving_context);
		else
			bulk_wait(q->session, number);
	}
	return slot;
}

void copy_accept(struct request *q)
{
	if (!q->waits)
		return;
	request_answer(q, CUDA_SUCCESS);
	session_flush(q->session);
	q->waits = false;
}

/* The chunks of a transfer of @bytes that lie from @at on, @first the first of them. */
static void collect_from(
	struct request *q, uint64_t first, uint64_t at, uint64_t bytes, uint8_t *to)
{
	uint32_t chunk = bulk_size(q->session, bytes);

	for (; at < bytes; at += chunk, first++) {
		uint32_t n = chunk_bytes(bytes, at, chunk);
		struct slot *slot = chunk_await(q, first, n);

		if (to)
			memcpy(to + at, slot->bytes, n);
		bulk_release(q->session, first);
	}
}

void copy_collect(struct request *q, uint64_t first, uint64_t bytes, uint8_t *to)
{
	collect_from(q, first, 0, bytes, to);
}

CUresult copy_in_bulk(
	struct request *q, const struct copy_shape *c, uint64_t first, CUstream stream)
{
	struct session *s = q->session;
	CUresult r = copy_possible(stream);
	uint32_t chunk = bulk_size(s, c->bytes);
	uint64_t at;

	for (at = 0; at < c->bytes && !r; at += chunk, first++) {
		uint32_t n = chunk_bytes(c->bytes, at, chunk);
		struct slot *slot = chunk_await(q, first, n);
		struct flight *f = flight_make(s);

		if (!f) {
			r = CUDA_ERROR_OUT_OF_MEMORY;
			break;
		}
		f->chunk = first;
		r = flight_go(s, &s->copies->in, f,
			shape_issue(c, true, slot->bytes, at, n, stream), stream);
	}
	if (at < c->bytes)
		collect_from(q, first, at, c->bytes, NULL);
	return r;
}

/* The answer of a waiting copy; its data is sent. */
static void copy_finish(struct pending *p)
{
	struct copy_wait *w = container_of(p, struct copy_wait, pending);

	pending_reply(p, p->result);
	free(w);
}

static CUresult out_part(struct request *q, const struct copy_shape *c, uint64_t id, uint64_t at,
	uint32_t n, struct copy_wait *w, CUstream stream)
{
	struct session *s = q->session;
	bool inlined = c->bytes <= FRAME_INLINE_MAX;
	struct slot *slot;
	struct flight *f;

	slot = slot_await(q, inlined ? staging_class(n) : STAGING_CLASS_CHUNK);
	f = flight_make(s);
	if (!f) {
		staging_give(s->staging, slot);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	f->slot = slot;
	f->id = id;
	f->offset = at;
	f->bytes = n;
	f->inlined = inlined;
	f->wait = w;
	f->number = ++s->copies->issued;
	if (w) {
		pthread_mutex_lock(&s->copies->lock);
		w->left++;
		pthread_mutex_unlock(&s->copies->lock);
	}
	return flight_go(
		s, &s->copies->out, f, shape_issue(c, false, slot->bytes, at, n, stream), stream);
}

CUresult copy_out(
	struct request *q, const struct copy_shape *c, uint64_t id, CUstream stream, bool waits)
{
	uint32_t chunk =
		c->bytes <= FRAME_INLINE_MAX ? STAGING_LARGE : bulk_size(q->session, c->bytes);
	struct copy_wait *w = NULL;
	CUresult r = copy_possible(stream);

	if (!r && waits) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return CUDA_ERROR_OUT_OF_MEMORY;
		/* copy_poll knows when it is done. */
		w->pending.finish = copy_finish;
		w->left = 1; /* this loop */
	}
	for (uint64_t at = 0; at < c->bytes && !r; at += chunk)
		r = out_part(q, c, id, at, chunk_bytes(c->bytes, at, chunk), w, stream);
	if (!w) {
		if (r)
			copy_cancel(q->session, id);
		return r;
	}
	pending_add(q->session, &w->pending, q);
	wait_part(q->session->copies, w, r);
	return (CUresult)REQUEST_PENDING;
}

