/* SPDX-License-Identifier: Apache-2.0 */
/* See pending.h. Answers are given in the order in which the waits began. */
#include "pending.h"

#include "output.h"
#include "mirror.h"

CUresult pending_add(struct session *s, struct pending *p, const struct request *q)
{
	request_copy(&p->q, q);
	if (!p->context && q->context_id)
		p->context = context_find(s, q->context_id);
	if (p->context)
		atomic_fetch_add(&p->context->users, 1);
	pthread_mutex_lock(&s->pending_lock);
	TAILQ_INSERT_TAIL(&s->pendings, p, link);
	atomic_fetch_add(&s->pending_count, 1);
	pthread_mutex_unlock(&s->pending_lock);
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

/* Only the dispatcher removes, so @p stays where it is. */
static struct pending *pending_next(struct session *s, struct pending *p)
{
	pthread_mutex_lock(&s->pending_lock);
	p = TAILQ_NEXT(p, link);
	pthread_mutex_unlock(&s->pending_lock);
	return p;
}

static void pending_ask(struct pending *p)
{
	CUresult r = p->context ? context_use(p->context->real) : CUDA_SUCCESS;

	if (!r)
		r = p->poll(p);
	if (r == CUDA_ERROR_NOT_READY)
		return;
	p->done = true;
	p->result = r;
}

void pending_reply(struct pending *p, CUresult result)
{
	struct session *s = p->q.session;

	output_forward(s);
	mirror_forward(s);
	request_answer(&p->q, result);
}

bool pending_query(struct session *s)
{
	bool done = false;

	if (!atomic_load(&s->pending_count))
		return false;
	for (struct pending *p = pending_first(s); p; p = pending_next(s, p)) {
		if (!p->done)
			pending_ask(p);
		done |= p->done;
	}
	return done;
}

static void pending_finish(struct session *s, struct pending *p)
{
	struct context *context = p->context;

	pthread_mutex_lock(&s->pending_lock);
	TAILQ_REMOVE(&s->pendings, p, link);
	atomic_fetch_sub(&s->pending_count, 1);
	pthread_mutex_unlock(&s->pending_lock);

	if (p->context)
		context_use(p->context->real);
	p->finish(p);
	if (context)
		atomic_fetch_sub(&context->users, 1);
}

bool pending_answer(struct session *s)
{
	bool answered = false;
	struct pending *p, *next;

	if (!atomic_load(&s->pending_count))
		return false;
	for (p = pending_first(s); p; p = next) {
		next = pending_next(s, p);
		if (p->done) {
			pending_finish(s, p);
			answered = true;
		}
	}
	return answered;
}

void pending_harden(struct session *s)
{
	if (!atomic_load_explicit(&s->pending_count, memory_order_relaxed))
		return;
	for (struct pending *p = pending_first(s); p; p = pending_next(s, p)) {
		void (*harden)(struct pending * p) = p->harden;

		p->harden = NULL;
		if (!harden || p->done)
			continue;
		if (!p->context || !context_use(p->context->real))
			harden(p);
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
