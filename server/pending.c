/* SPDX-License-Identifier: Apache-2.0 */
/* See pending.h. Answers are given in the order in which the waits began. */
#include "pending.h"

#include "copy.h"
#include "mirror.h"
#include "output.h"
#include "watch.h"

CUresult pending_add(struct session *s, struct pending *p, const struct request *q)
{
	if (atomic_load(&s->pending_count) >= SESSION_WAITS_MAX)
		session_fatal(s, CUDA_ERROR_OUT_OF_MEMORY, "too many calls wait at once");
	request_copy(&p->q, q);
	if (!p->context)
		p->context = serving_named();
	if (p->context)
		atomic_fetch_add(&p->context->users, 1);
	p->issued = copy_issued(s);
	pthread_mutex_lock(&s->pending_lock);
	TAILQ_INSERT_TAIL(&s->pendings, p, link);
	atomic_fetch_add(&s->pending_count, 1);
	pthread_mutex_unlock(&s->pending_lock);
	watch_wake(s);
	return (CUresult)REQUEST_PENDING;
}

static struct pending *pending_first(struct session *s)
{
	struct pending *p;

	pthread_mutex_lock(&s->pending_lock);
	p = TAILQ_FIRST(&s->pendings);
	pthread_mutex_unlock(&s->pending_lock);
	return p;
}

/* Only who polls removes, so @p stays where it is. */
static struct pending *pending_next(struct session *s, struct pending *p)
{
	pthread_mutex_lock(&s->pending_lock);
	p = TAILQ_NEXT(p, link);
	pthread_mutex_unlock(&s->pending_lock);
	return p;
}

static void pending_ask(struct pending *p)
{
	CUresult r;

	if (!p->poll)
		return;
	r = p->context ? context_use(p->context->real) : CUDA_SUCCESS;
	if (!r)
		r = p->poll(p);
	if (r == CUDA_ERROR_NOT_READY)
		return;
	/* The legacy stream waits for others, too. */
	if (!r && (p->covers == COVERS_NOTHING || (p->covers == COVERS_STREAM && !p->stream)))
		copy_recheck(p->q.session, p->issued);
	if (!r && p->covers)
		copy_completed(p->q.session, p->context, p->covers == COVERS_CONTEXT, p->stream,
			p->issued);
	p->result = r;
	p->done = true;
}

void pending_reply(struct pending *p, CUresult result)
{
	struct session *s = p->q.session;

	output_forward(s);
	mirror_forward(s);
	request_answer(&p->q, result);
}

/* The dispatcher is about to use what it waits for. */
static bool pending_hardens(struct session *s, struct pending *p)
{
	bool hardening;

	pthread_mutex_lock(&s->pending_lock);
	hardening = p->hardening;
	pthread_mutex_unlock(&s->pending_lock);
	return hardening;
}

bool pending_query(struct session *s)
{
	bool done = false;

	if (!atomic_load(&s->pending_count))
		return false;
	for (struct pending *p = pending_first(s); p; p = pending_next(s, p)) {
		if (!p->done && !pending_hardens(s, p))
			pending_ask(p);
		done |= p->done;
	}
	return done;
}

static void pending_remove(struct session *s, struct pending *p)
{
	pthread_mutex_lock(&s->pending_lock);
	TAILQ_REMOVE(&s->pendings, p, link);
	atomic_fetch_sub(&s->pending_count, 1);
	pthread_mutex_unlock(&s->pending_lock);
}

static void pending_finish(struct pending *p)
{
	struct context *context = p->context;

	if (p->context)
		context_use(p->context->real);
	p->finish(p);
	if (context)
		atomic_fetch_sub(&context->users, 1);
}

bool pending_answer(struct session *s, struct pendings *acting)
{
	bool answered = false;
	struct pending *p, *next;

	if (!atomic_load(&s->pending_count))
		return false;
	for (p = pending_first(s); p; p = next) {
		next = pending_next(s, p);
		if (!p->done || (p->acts && !acting) || pending_hardens(s, p))
			continue;
		pending_remove(s, p);
		if (p->acts)
			TAILQ_INSERT_TAIL(acting, p, link);
		else
			pending_finish(p);
		answered = true;
	}
	return answered;
}

void pending_act(struct pendings *acting)
{
	struct pending *p;

	while ((p = TAILQ_FIRST(acting))) {
		TAILQ_REMOVE(acting, p, link);
		pending_finish(p);
	}
}

/* Called with pending_lock. */
static struct pending *pending_soft(struct session *s)
{
	struct pending *p;

	TAILQ_FOREACH(p, &s->pendings, link) {
		if (p->harden && !p->done)
			break;
	}
	return p;
}

/* The next to harden, marked so that it is neither asked nor finished meanwhile. Nobody is asking
 * when that begins: what the driver says of a stream must not meet a record into it. */
static struct pending *pending_take_soft(struct session *s)
{
	struct pending *p;

	pthread_mutex_lock(&s->pending_lock);
	p = pending_soft(s);
	pthread_mutex_unlock(&s->pending_lock);
	if (!p)
		return NULL;
	pthread_mutex_lock(&s->polling);
	pthread_mutex_lock(&s->pending_lock);
	p = pending_soft(s);
	if (p)
		p->hardening = true;
	pthread_mutex_unlock(&s->pending_lock);
	pthread_mutex_unlock(&s->polling);
	return p;
}

void pending_harden(struct session *s)
{
	struct pending *p;

	if (!atomic_load_explicit(&s->pending_count, memory_order_relaxed))
		return;
	while ((p = pending_take_soft(s))) {
		if (!p->context || !context_use(p->context->real))
			p->harden(p);
		pthread_mutex_lock(&s->pending_lock);
		p->harden = NULL;
		p->hardening = false;
		pthread_mutex_unlock(&s->pending_lock);
	}
}

void pending_each(
	struct session *s, bool (*each)(struct pending *p, const void *user), const void *user)
{
	for (struct pending *p = pending_first(s); p; p = pending_next(s, p)) {
		if (!each(p, user))
			return;
	}
}
