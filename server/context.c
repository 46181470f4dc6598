/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See context.h. A context's struct is never freed, and long not used again: helpers may still
 * hold it.
 */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"
#include "memory.h"
#include "mirror.h"
#include "staging.h"
#include "stream.h"
#include "watch.h"

enum {
	SEEN_MAX = 65536,
	CONTEXTS_MAX = 4096, /* at a time */
	ENDED_KEPT = 256,
	QUIESCE_US = 50,
};

struct context *context_find(struct session *s, uint64_t id)
{
	struct handle_entry *e = handles_find(&s->handles, KIND_CUcontext, id);

	return e ? atomic_load_explicit(&e->state, memory_order_acquire) : NULL;
}

/* The state's lock is held. */
static struct context *context_take(struct session *s)
{
	struct context *c = STAILQ_FIRST(&s->ended);

	if (c && (s->ended_count > ENDED_KEPT || s->contexts_made == CONTEXTS_MAX)) {
		STAILQ_REMOVE_HEAD(&s->ended, ended);
		s->ended_count--;
		return c;
	}
	c = s->contexts_made < CONTEXTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	LIST_INIT(&c->streams);
	c->session = s;
	s->contexts_made++;
	return c;
}

/* The state's lock is held. */
static void context_give(struct session *s, struct context *c)
{
	STAILQ_INSERT_TAIL(&s->ended, c, ended);
	s->ended_count++;
}

static struct context *context_new(
	struct session *s, uint64_t id, CUcontext real, CUdevice device, bool primary)
{
	struct context *c;

	pthread_mutex_lock(&s->state);
	c = context_take(s);
	pthread_mutex_unlock(&s->state);
	if (!c)
		return NULL;
	pthread_mutex_lock(&c->lock);
	c->id = id;
	c->real = real;
	c->device = device;
	c->primary = primary;
	c->failures = 0;
	c->ending = false;
	c->seen_count = c->spare_count = 0;
	c->left = NULL;
	c->probe = NULL;
	c->fault = CUDA_SUCCESS;
	pthread_mutex_unlock(&c->lock);
	return c;
}

CUresult context_add(struct session *s, uint64_t id, CUcontext real, CUdevice device, bool primary,
	struct context **out)
{
	struct context *c = context_new(s, id, real, device, primary);
	CUresult r;

	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = handle_set(s, KIND_CUcontext, id, real, CUDA_SUCCESS);
	if (!r) {
		handles_attach(&s->handles, KIND_CUcontext, id, c);
		fault_prepare(c);
	}
	pthread_mutex_lock(&s->state);
	if (r)
		context_give(s, c);
	else
		LIST_INSERT_HEAD(&s->contexts, c, link);
	pthread_mutex_unlock(&s->state);
	if (r)
		return r;
	watch_wake(s);
	if (out)
		*out = c;
	return CUDA_SUCCESS;
}

static __thread CUcontext thread_current;
static __thread unsigned thread_epoch;
/* Contexts ended so far: a new one may have the address of an ended one that a thread still
 * believes to be current. */
static _Atomic unsigned epoch;

CUresult context_use(CUcontext real)
{
	unsigned now = atomic_load_explicit(&epoch, memory_order_acquire);
	CUresult r;

	if (real == thread_current && thread_epoch == now)
		return CUDA_SUCCESS;
	r = driver.cuCtxSetCurrent(real);
	thread_current = r ? NULL : real;
	thread_epoch = now;
	return r;
}

void context_forget(void)
{
	atomic_fetch_add_explicit(&epoch, 1, memory_order_release);
}

/* Pairs with context_end, which says that it is ending before it looks for users. */
bool context_hold(struct context *c)
{
	atomic_fetch_add(&c->users, 1);
	if (!atomic_load(&c->ending))
		return true;
	context_let_go(c);
	return false;
}

void context_let_go(struct context *c)
{
	atomic_fetch_sub(&c->users, 1);
}

struct context *context_next(struct session *s, struct context *c)
{
	struct context *next;

	pthread_mutex_lock(&s->state);
	next = c ? LIST_NEXT(c, link) : LIST_FIRST(&s->contexts);
	while (next && !context_hold(next))
		next = LIST_NEXT(next, link);
	pthread_mutex_unlock(&s->state);
	if (c)
		context_let_go(c);
	return next;
}

struct end {
	struct context *context;
	enum kind kind;
};

static void object_end(void *user, uint64_t id, struct handle_entry *e)
{
	struct end *end = user;
	struct context *c = end->context;
	void *real = atomic_load(&e->real);

	if (atomic_load(&e->state) != c)
		return;
	handle_drop(c->session, end->kind, id);
	/* Some drivers keep the events of a context that is gone, to say so to who asks. */
	if (end->kind == KIND_CUevent && real)
		driver.cuEventDestroy_v2(real);
}

/* Nobody can begin anything in @c any more; what is under way ends first. */
static void context_quiesce(struct context *c)
{
	struct barrier b;

	barrier_begin(&b, c);
	while (barrier_poll(&b) == CUDA_ERROR_NOT_READY || atomic_load(&c->users))
		usleep(QUIESCE_US);
	barrier_end(&b);
}

static void context_objects_end(struct context *c)
{
	static const enum kind kinds[] = {KIND_CUevent, KIND_CUmodule, KIND_CUfunction};
	struct stream *stream;

	/* Nobody else changes the list now: who would holds the context. */
	while ((stream = LIST_FIRST(&c->streams)))
		handle_drop(c->session, KIND_CUstream, stream->id);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct end end = {c, kinds[i]};

		handles_each(&c->session->handles, kinds[i], object_end, &end);
	}
}

void context_end(struct context *c)
{
	struct session *s = c->session;
	struct context *other;

	handle_drop(s, KIND_CUcontext, c->id);
	atomic_store(&c->ending, true);
	context_quiesce(c);
	context_use(c->real);
	context_objects_end(c);
	while (c->spare_count)
		driver.cuEventDestroy_v2(c->spare[--c->spare_count]);
	fault_forget(c);
	memory_free_all(s, c);
	peer_gone(s, c);
	mirror_unpin(s, c);
	staging_unpin(s->staging, c);
	pthread_mutex_lock(&s->state);
	LIST_REMOVE(c, link);
	context_give(s, c);
	LIST_FOREACH(other, &s->contexts, link) {
		if (context_hold(other))
			break;
	}
	pthread_mutex_unlock(&s->state);
	/* Copies of the other contexts still need it. */
	if (other && !context_use(other->real))
		staging_pin(s->staging, other);
	if (other)
		context_let_go(other);
}

/* The lock is held; NULL: not met and no room. */
static struct context_seen *seen_find(struct context *c, uint32_t thread)
{
	for (size_t i = 0; i < c->seen_count; i++) {
		if (c->seen[i].thread == thread)
			return &c->seen[i];
	}
	return NULL;
}

static struct context_seen *seen_add(struct context *c, uint32_t thread)
{
	if (c->seen_count == c->seen_room) {
		size_t room = c->seen_room ? 2 * c->seen_room : 16;
		struct context_seen *bigger;

		bigger = room <= SEEN_MAX ? realloc(c->seen, room * sizeof(*bigger)) : NULL;
		if (!bigger)
			return NULL;
		c->seen = bigger;
		c->seen_room = room;
	}
	c->seen[c->seen_count] = (struct context_seen){.thread = thread};
	return &c->seen[c->seen_count++];
}

void context_meet(struct context *c, uint32_t thread, uint32_t birth)
{
	struct context_seen *seen;
	bool met;

	pthread_mutex_lock(&c->lock);
	seen = seen_find(c, thread);
	met = seen && seen->birth == birth;
	if (!seen)
		seen = seen_add(c, thread);
	if (seen && !met)
		*seen = (struct context_seen){thread, birth, c->failures};
	pthread_mutex_unlock(&c->lock);
}

void context_fail(struct context *c, CUresult r)
{
	pthread_mutex_lock(&c->lock);
	c->failure = r;
	c->failures++;
	pthread_mutex_unlock(&c->lock);
}

CUresult context_failure(struct context *c, uint32_t thread)
{
	struct context_seen *seen;
	CUresult r = CUDA_SUCCESS;

	if (!atomic_load_explicit(&c->failures, memory_order_relaxed))
		return CUDA_SUCCESS;
	pthread_mutex_lock(&c->lock);
	seen = seen_find(c, thread);
	if (!seen)
		seen = seen_add(c, thread);
	if (seen && seen->count != c->failures) {
		seen->count = c->failures;
		r = c->failure;
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

CUresult context_event(struct context *c, CUevent *out)
{
	bool spare = false;

	pthread_mutex_lock(&c->lock);
	if (c->spare_count) {
		*out = c->spare[--c->spare_count];
		spare = true;
	}
	pthread_mutex_unlock(&c->lock);
	return spare ? CUDA_SUCCESS : driver.cuEventCreate(out, CU_EVENT_DISABLE_TIMING);
}

void context_event_done(struct context *c, CUevent e)
{
	pthread_mutex_lock(&c->lock);
	if (c->spare_count == c->spare_room) {
		size_t room = c->spare_room ? 2 * c->spare_room : 64;
		CUevent *bigger = realloc((void *)c->spare, room * sizeof(*bigger));

		if (bigger) {
			c->spare = bigger;
			c->spare_room = room;
		}
	}
	/* Without room it leaks until the session ends. */
	if (c->spare_count < c->spare_room)
		c->spare[c->spare_count++] = e;
	pthread_mutex_unlock(&c->lock);
}

void context_event_later(struct context *c, CUevent e)
{
	size_t last;

	context_event_done(c, e);
	pthread_mutex_lock(&c->lock);
	last = c->spare_count ? c->spare_count - 1 : 0;
	if (last && c->spare[last] == e) {
		c->spare[last] = c->spare[0];
		c->spare[0] = e;
	}
	pthread_mutex_unlock(&c->lock);
}
