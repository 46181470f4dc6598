/* SPDX-License-Identifier: Apache-2.0 */
/* See helpers.h. A client thread waits for its call, so a helper's queue is short; one that does not
 * wait fills no more than a session's requests may take. */
#include "helpers.h"

#include <errno.h>
#include <stdlib.h>

#include "thread.h"

struct job {
	STAILQ_ENTRY(job) link;
	struct request q;
	size_t size; /* counted */
	uint64_t payload[];
};

struct helper {
	struct session *session;
	uint32_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	STAILQ_HEAD(, job) jobs;
};

struct helpers {
	unsigned count;
	struct helper helper[SESSION_HELPERS_MAX];
};

int helpers_create(struct session *s)
{
	s->helpers = calloc(1, sizeof(*s->helpers));
	return s->helpers ? 0 : -ENOMEM;
}

/* NULL: no memory, or over the session's limit. */
static struct job *job_create(struct session *s, size_t payload)
{
	size_t size = sizeof(struct job) + payload;
	struct job *j = NULL;

	if (atomic_fetch_add(&s->request_bytes, size) + size <= SESSION_REQUEST_BYTES)
		j = malloc(size);
	if (j)
		j->size = size;
	else
		atomic_fetch_sub(&s->request_bytes, size);
	return j;
}

static void job_destroy(struct session *s, struct job *j)
{
	atomic_fetch_sub(&s->request_bytes, j->size);
	free(j);
}

static struct job *helper_next(struct helper *h)
{
	struct job *j;

	pthread_mutex_lock(&h->lock);
	while (STAILQ_EMPTY(&h->jobs))
		pthread_cond_wait(&h->work, &h->lock);
	j = STAILQ_FIRST(&h->jobs);
	STAILQ_REMOVE_HEAD(&h->jobs, link);
	pthread_mutex_unlock(&h->lock);
	return j;
}

static void *helper_main(void *arg)
{
	struct helper *h = arg;
	struct serving v;

	serving_helper = true;
	thread_prepare();
	if (serving_init(&v, h->session))
		session_fatal(h->session, CUDA_ERROR_OUT_OF_MEMORY, "the server is out of memory");
	for (;;) {
		struct job *j = helper_next(h);
		int err;

		v.q = j->q;
		err = serving_execute(&v);
		if (err == -EPROTO)
			session_fatal(h->session, CUDA_ERROR_INVALID_VALUE, "a frame is malformed");
		job_destroy(h->session, j);
	}
	return NULL;
}

static int helper_start(struct helper *h, struct session *s, uint32_t thread)
{

	h->session = s;
	h->thread = thread;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->work, NULL);
	STAILQ_INIT(&h->jobs);
	return thread_start(helper_main, h);
}

static struct helper *helper_of(struct session *s, uint32_t thread)
{
	struct helpers *hs = s->helpers;

	for (unsigned i = 0; i < hs->count; i++) {
		if (hs->helper[i].thread == thread)
			return &hs->helper[i];
	}
	if (hs->count == SESSION_HELPERS_MAX)
		return &hs->helper[thread % SESSION_HELPERS_MAX];
	if (helper_start(&hs->helper[hs->count], s, thread))
		return hs->count ? &hs->helper[thread % hs->count] : NULL;
	return &hs->helper[hs->count++];
}

int helpers_run(struct session *s, const struct request *q)
{
	size_t size = q->in.end - q->in.pos;
	struct helper *h = helper_of(s, q->thread);
	struct job *j = h ? job_create(s, size) : NULL;

	if (!j)
		return request_answer(q, CUDA_ERROR_OUT_OF_MEMORY);
	memcpy(j->payload, q->in.pos, size);
	request_copy(&j->q, q);
	j->q.in = (struct cursor){(uint8_t *)j->payload, (uint8_t *)j->payload + size, false};
	pthread_mutex_lock(&h->lock);
	STAILQ_INSERT_TAIL(&h->jobs, j, link);
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
	return 0;
}
