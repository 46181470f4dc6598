/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See copy.h. The dispatcher issues copies; who polls ends them. Those under
 * way are kept in the order of their issue. They are asked newest first: if a
 * newer one is found complete, every older one that it could depend on is found
 * complete too, so pushing in order of issue never shows an effect before its
 * cause.
 */
#include "copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bulk.h"
#include "clock.h"
#include "hostfunc.h"
#include "pending.h"
#include "stream.h"
#include "watch.h"

enum {
	NAP_US = 20,
	STALL_MS = 50, /* nothing moves for so long: not the GPU's or the network's pace */
	CANCEL = -1, /* as an offset: the copy failed */
};

struct copy_wait {
	struct pending pending;
	unsigned left; /* parts not pushed; guarded by the copies' lock, as is pending.result */
};

/* A part of a copy: one slot. */
struct flight {
	TAILQ_ENTRY(flight) link;
	struct context *context;
	CUevent event;
	struct slot *slot; /* NULL: chunk of a lane */
	uint64_t chunk;
	/* To the client: */
	uint64_t id, offset;
	uint64_t number; /* among those issued */
	CUstream stream;
	_Atomic bool orphan; /* the stream is gone */
	uint32_t bytes;
	bool inlined;
	struct copy_wait *wait;
	_Atomic bool done;
	CUresult result;
};

TAILQ_HEAD(flights, flight);

struct copies {
	pthread_mutex_t lock; /* lists; flights are changed by who polls once they are in one */
	_Atomic unsigned under_way;
	_Atomic uint64_t issued; /* to the client */
	struct flights in, out;
	struct flights spare;
};

int copies_create(struct session *s)
{
	struct copies *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	TAILQ_INIT(&c->in);
	TAILQ_INIT(&c->out);
	TAILQ_INIT(&c->spare);
	s->copies = c;
	return 0;
}

static void flights_free(struct flights *list)
{
	while (!TAILQ_EMPTY(list)) {
		struct flight *f = TAILQ_FIRST(list);

		TAILQ_REMOVE(list, f, link);
		free(f);
	}
}

void copies_destroy(struct session *s)
{
	flights_free(&s->copies->in);
	flights_free(&s->copies->out);
	flights_free(&s->copies->spare);
	free(s->copies);
}

static struct flight *flight_new(struct copies *c, struct context *context)
{
	struct flight *f;
	CUevent event;

	if (context_event(context, &event))
		return NULL;
	pthread_mutex_lock(&c->lock);
	f = TAILQ_FIRST(&c->spare);
	if (f)
		TAILQ_REMOVE(&c->spare, f, link);
	pthread_mutex_unlock(&c->lock);
	if (!f)
		f = malloc(sizeof(*f));
	if (!f) {
		context_event_done(context, event);
		return NULL;
	}
	*f = (struct flight){.context = context, .event = event};
	atomic_fetch_add(&context->users, 1);
	return f;
}

static void flight_end(struct session *s, struct flights *list, struct flight *f)
{
	struct copies *c = s->copies;
	struct context *context = f->context;

	context_event_done(context, f->event);
	pthread_mutex_lock(&c->lock);
	TAILQ_REMOVE(list, f, link);
	TAILQ_INSERT_HEAD(&c->spare, f, link);
	pthread_mutex_unlock(&c->lock);
	atomic_fetch_sub(&c->under_way, 1);
	atomic_fetch_sub(&context->users, 1);
}

/* Let other things go on while this frame waits. True when nothing has for long: *since is the time
 * when it last did, 0 at first. */
static bool stalled(struct request *q, uint64_t *since)
{
	uint64_t now = clock_ns();

	if (session_poll(q->session) || !*since)
		*since = now;
	session_flush(q->session);
	context_use(q->context);
	if (now - *since < STALL_MS * 1000000ull)
		return false;
	*since = now;
	return true;
}

/* A slot of @class, waited for while copies that hold some go on, else made. */
static struct slot *slot_await(struct request *q, enum staging_class class)
{
	struct staging *st = q->session->staging;
	uint64_t since = 0;
	struct slot *slot;

	while (!(slot = staging_take(st, class))) {
		if (stalled(q, &since))
			staging_grow(st, class, serving_context);
		else
			usleep(NAP_US);
	}
	return slot;
}

static CUresult flight_go(
	struct session *s, struct flights *list, struct flight *f, CUresult r, CUstream stream)
{
	struct copies *c = s->copies;
	CUresult recorded = driver.cuEventRecord(f->event, stream);

	/* Also of what failed: a part of it, or what it waits for, may use the slot. */
	if (!r)
		r = recorded;
	f->result = r;
	atomic_fetch_add(&c->under_way, 1);
	pthread_mutex_lock(&c->lock);
	TAILQ_INSERT_TAIL(list, f, link);
	pthread_mutex_unlock(&c->lock);
	watch_wake(s);
	return r;
}

/* In a capture a copy would become a node, which uses its slot at every launch, when that is
 * another's. Clients send none: they mirror pinned memory, whose copies are the device's own. */
static CUresult copy_possible(CUstream stream)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUresult r = driver.cuStreamIsCapturing(stream, &status);

	if (!r && status != CU_STREAM_CAPTURE_STATUS_NONE)
		r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	return r;
}

CUresult copy_in(struct request *q, const struct copy_shape *c, const void *bytes, CUstream stream)
{
	struct session *s = q->session;
	struct slot *slot;
	struct flight *f;
	CUresult r;

	if (!c->bytes)
		return CUDA_SUCCESS;
	if (c->bytes > STAGING_LARGE)
		return CUDA_ERROR_INVALID_VALUE;
	r = copy_possible(stream);
	if (r)
		return r;
	slot = slot_await(q, staging_class(c->bytes));
	f = flight_new(s->copies, serving_context);
	if (!f) {
		staging_give(s->staging, slot);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	f->slot = slot;
	memcpy(slot->bytes, bytes, c->bytes);
	return flight_go(s, &s->copies->in, f,
		shape_issue(c, true, slot->bytes, 0, c->bytes, stream), stream);
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
		struct flight *f = flight_new(s->copies, serving_context);

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
		if (stalled(q, &since))
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
	struct context *context = serving_context;
	CUresult r = copy_possible(stream);
	uint32_t chunk = bulk_size(s, c->bytes);
	uint64_t at;

	for (at = 0; at < c->bytes && !r; at += chunk, first++) {
		uint32_t n = chunk_bytes(c->bytes, at, chunk);
		struct slot *slot = chunk_await(q, first, n);
		struct flight *f = flight_new(s->copies, context);

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

/* One part less to wait for. */
static void wait_part(struct copies *c, struct copy_wait *w, CUresult r)
{
	pthread_mutex_lock(&c->lock);
	if (r && !w->pending.result)
		w->pending.result = r;
	if (--w->left == 0)
		w->pending.done = true; /* from here on it may be gone */
	pthread_mutex_unlock(&c->lock);
}

static bool wait_last(struct copies *c, const struct copy_wait *w)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	last = w->left == 1;
	pthread_mutex_unlock(&c->lock);
	return last;
}

static void flight_drop_wait(struct flight *f)
{
	if (f->wait)
		wait_part(f->context->session->copies, f->wait, f->result);
}

static CUresult out_part(struct request *q, const struct copy_shape *c, uint64_t id, uint64_t at,
	uint32_t n, struct copy_wait *w, CUstream stream)
{
	struct session *s = q->session;
	bool inlined = c->bytes <= FRAME_INLINE_MAX;
	struct slot *slot;
	struct flight *f;

	slot = slot_await(q, inlined ? staging_class(n) : STAGING_CLASS_CHUNK);
	f = flight_new(s->copies, serving_context);
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
	f->stream = stream;
	f->number = ++s->copies->issued;
	if (w) {
		pthread_mutex_lock(&s->copies->lock);
		w->left++;
		pthread_mutex_unlock(&s->copies->lock);
	}
	return flight_go(
		s, &s->copies->out, f, shape_issue(c, false, slot->bytes, at, n, stream), stream);
}

/* Tell a client that nobody waits on that the bytes will not come. */
static void copy_cancel(struct session *s, uint64_t id)
{
	uint8_t *out = frame_begin(s, FRAME_DATA, 24);

	if (!out)
		return;
	put_u64(&out, id);
	put_u64(&out, (uint64_t)CANCEL);
	put_u64(&out, 0);
	frame_end(s, FRAME_DATA, 24, false);
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

static void out_send(struct session *s, struct flight *f)
{
	uint8_t *out = frame_begin(s, FRAME_DATA, 24 + f->bytes);

	if (!out)
		return;
	put_u64(&out, f->id);
	put_u64(&out, f->offset);
	put_u32(&out, f->bytes);
	put_u32(&out, 0);
	put_bytes(&out, f->slot->bytes, f->bytes);
	frame_end(s, FRAME_DATA, 24 + f->bytes, false);
}

static void out_done(struct session *s, struct flight *f)
{
	struct slot *slot = f->slot;

	if (f->result) {
		if (!f->wait)
			copy_cancel(s, f->id);
	} else if (f->inlined) {
		out_send(s, f);
	} else {
		bulk_push(s, slot, f->id, f->offset, f->bytes);
		slot = NULL;
	}
	if (slot)
		staging_give(s->staging, slot);
	/* A blocking copy natively shows what kernels printed. */
	if (f->wait && !s->watched && wait_last(s->copies, f->wait) && !f->result &&
		!context_use(f->context->real))
		driver.cuEventSynchronize(f->event);
	flight_drop_wait(f);
	flight_end(s, &s->copies->out, f);
}

static void flight_ask(struct flight *f)
{
	CUresult r = context_use(f->context->real);

	if (!r)
		r = driver.cuEventQuery(f->event);
	if (r == CUDA_ERROR_NOT_READY)
		return;
	f->done = true;
	if (r && !f->result)
		f->result = r;
}

/* Steps along a list to which the dispatcher may add meanwhile; only who polls removes. */
static struct flight *list_first(struct copies *c, struct flights *list)
{
	struct flight *f;

	pthread_mutex_lock(&c->lock);
	f = TAILQ_FIRST(list);
	pthread_mutex_unlock(&c->lock);
	return f;
}

static struct flight *list_next(struct copies *c, struct flight *f)
{
	pthread_mutex_lock(&c->lock);
	f = TAILQ_NEXT(f, link);
	pthread_mutex_unlock(&c->lock);
	return f;
}

static struct flight *list_before(struct copies *c, struct flights *list, struct flight *f)
{
	pthread_mutex_lock(&c->lock);
	f = f ? TAILQ_PREV(f, flights, link) : TAILQ_LAST(list, flights);
	pthread_mutex_unlock(&c->lock);
	return f;
}

uint64_t copy_issued(const struct session *s)
{
	return s->copies->issued;
}

void copy_completed(
	struct session *s, const struct context *context, bool all, CUstream stream, uint64_t issued)
{
	struct copies *c = s->copies;
	struct flight *f;

	pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH(f, &c->out, link) {
		if (f->number > issued)
			break;
		if (f->context == context && (all || (!f->orphan && f->stream == stream)))
			f->done = true;
	}
	pthread_mutex_unlock(&c->lock);
}

void copy_recheck(struct session *s, uint64_t issued)
{
	struct copies *c = s->copies;
	struct flight *f;
	bool capturing;

	for (f = list_first(c, &c->out); f && f->number <= issued; f = list_next(c, f)) {
		if (f->done || f->orphan || context_use(f->context->real))
			continue;
		if (!stream_capturing(f->stream, &capturing) && !capturing &&
			driver.cuStreamQuery(f->stream) == CUDA_SUCCESS)
			f->done = true;
	}
}

void copy_stream_gone(struct session *s, CUstream stream)
{
	struct copies *c = s->copies;
	struct flight *f;

	pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH(f, &c->out, link) {
		if (f->stream == stream)
			f->orphan = true;
	}
	pthread_mutex_unlock(&c->lock);
}

static bool outs_poll(struct session *s)
{
	struct copies *c = s->copies;
	struct flight *f, *next;
	bool moved = false;

	for (f = list_before(c, &c->out, NULL); f; f = list_before(c, &c->out, f)) {
		if (!f->done)
			flight_ask(f);
	}
	for (f = list_first(c, &c->out); f; f = next) {
		next = list_next(c, f);
		if (f->done) {
			out_done(s, f);
			moved = true;
		}
	}
	return moved;
}

static bool ins_poll(struct session *s)
{
	struct copies *c = s->copies;
	struct flight *f, *next;
	bool moved = false;

	for (f = list_first(c, &c->in); f; f = next) {
		next = list_next(c, f);
		if (!f->done)
			flight_ask(f);
		if (!f->done)
			continue;
		if (f->slot)
			staging_give(s->staging, f->slot);
		else
			bulk_release(s, f->chunk);
		flight_end(s, &s->copies->in, f);
		moved = true;
	}
	return moved;
}

bool copy_poll(struct session *s)
{
	bool moved;

	if (!copy_busy(s))
		return false;
	moved = outs_poll(s);
	moved |= ins_poll(s);
	return moved;
}

bool copy_busy(const struct session *s)
{
	return atomic_load(&s->copies->under_way);
}
