/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See flight.h and copy.h. Copies under way are kept in the order of their
 * issue. They are asked newest first: if a newer one is found complete, every
 * older one that it could depend on is found complete too, so pushing in order
 * of issue never shows an effect before its cause. Those to the device only
 * give back their slots: of these the first of each stream is enough.
 */
#include "flight.h"

#include <errno.h>
#include <stdlib.h>

#include "bulk.h"
#include "stream.h"
#include "watch.h"

enum {
	CANCEL = -1, /* as an offset: the copy failed */
	BEHIND_MAX = 8,
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
	free(s->copies->open);
	free(s->copies);
}

struct flight *flight_new(struct copies *c, struct context *context)
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
	atomic_fetch_add(&c->under_way, 1);
	atomic_fetch_add(&context->users, 1);
	return f;
}

static void flight_end(struct session *s, struct flights *list, struct flight *f)
{
	struct copies *c = s->copies;
	struct context *context = f->context;

	if (f->late)
		context_event_later(context, f->event);
	else
		context_event_done(context, f->event);
	pthread_mutex_lock(&c->lock);
	TAILQ_REMOVE(list, f, link);
	TAILQ_INSERT_HEAD(&c->spare, f, link);
	pthread_mutex_unlock(&c->lock);
	atomic_fetch_sub(&c->under_way, 1);
	atomic_fetch_sub(&context->users, 1);
}

CUresult flight_go(
	struct session *s, struct flights *list, struct flight *f, CUresult r, CUstream stream)
{
	struct copies *c = s->copies;
	CUresult recorded = driver.cuEventRecord(f->event, stream);

	/* Also of what failed: a part of it, or what it waits for, may use the slot. */
	if (!r)
		r = recorded;
	f->result = r;
	f->stream = stream;
	pthread_mutex_lock(&c->lock);
	TAILQ_INSERT_TAIL(list, f, link);
	pthread_mutex_unlock(&c->lock);
	watch_wake(s);
	return r;
}

void copy_close(struct session *s)
{
	struct flight *f = s->copies->open;
	CUresult r;

	if (!f)
		return;
	s->copies->open = NULL;
	r = context_use(f->context->real);
	r = flight_go(s, &s->copies->in, f, r, f->stream);
	if (r)
		context_fail(f->context, r);
}

void wait_part(struct copies *c, struct copy_wait *w, CUresult r)
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

void copy_cancel(struct session *s, uint64_t id)
{
	uint8_t *out = frame_begin(s, FRAME_DATA, 24);

	if (!out)
		return;
	put_u64(&out, id);
	put_u64(&out, (uint64_t)CANCEL);
	put_u64(&out, 0);
	frame_end(s, FRAME_DATA, 24, false);
}

static void out_send(struct session *s, struct flight *f)
{
	uint8_t *out = frame_begin(s, FRAME_DATA, 24 + f->bytes);

	if (!out)
		return;
	put_u64(&out, f->id);
	put_u64(&out, f->offset);
	put_u32(&out, f->bytes);
	put_u32(&out, atomic_load(&s->pushes));
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
	if (r == CUDA_ERROR_NOT_READY && !f->covered)
		return;
	f->late = r == CUDA_ERROR_NOT_READY;
	f->done = true;
	if (r && !f->late && !f->result)
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
			f->covered = true;
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
			f->covered = true;
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

/* Streams found not to have come to a flight's end: nor to that of a later one. */
struct behind {
	unsigned count;
	const struct flight *flight[BEHIND_MAX];
};

static bool behind_has(const struct behind *b, const struct flight *f)
{
	for (unsigned i = 0; i < b->count; i++) {
		if (b->flight[i]->stream == f->stream && b->flight[i]->context == f->context)
			return true;
	}
	return false;
}

/* The next after @f, the first for NULL, that may be done. */
static struct flight *in_next(struct copies *c, const struct behind *b, struct flight *f)
{
	pthread_mutex_lock(&c->lock);
	f = f ? TAILQ_NEXT(f, link) : TAILQ_FIRST(&c->in);
	while (f && behind_has(b, f))
		f = TAILQ_NEXT(f, link);
	pthread_mutex_unlock(&c->lock);
	return f;
}

static bool ins_poll(struct session *s)
{
	struct copies *c = s->copies;
	struct behind behind = {0};
	struct flight *f, *next;
	bool moved = false;

	for (f = in_next(c, &behind, NULL); f; f = next) {
		flight_ask(f);
		if (!f->done && behind.count < BEHIND_MAX)
			behind.flight[behind.count++] = f;
		next = in_next(c, &behind, f);
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
