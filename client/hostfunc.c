/* SPDX-License-Identifier: Apache-2.0 */
/* See hostfunc.h. The thread that calls them marks itself, so that CUDA calls answer NOT_PERMITTED. */
#include "hostfunc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "call.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "heartbeat.h"
#include "receive.h"
#include "thread.h"
#include "wire_calls.h"

struct hostfunc {
	struct hostfunc *next;
	struct hostfunc *queued;
	uint64_t id;
	CUhostFn fn;
	void *user;
	bool repeats;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static struct hostfunc *known;
static struct hostfunc *queue, **queue_end = &queue;
static uint64_t last_id;
static _Atomic unsigned outstanding;

uint64_t hostfunc_add(CUhostFn fn, void *user, bool repeats)
{
	struct hostfunc *h = calloc(1, sizeof(*h));
	uint64_t id;

	if (!h)
		return 0;
	h->fn = fn;
	h->user = user;
	h->repeats = repeats;
	pthread_mutex_lock(&lock);
	h->id = id = ++last_id;
	h->next = known;
	known = h;
	pthread_mutex_unlock(&lock);
	if (!repeats)
		atomic_fetch_add(&outstanding, 1);
	receive_unasked(1);
	return id;
}

static struct hostfunc *take(uint64_t id, bool keep)
{
	struct hostfunc *h = NULL;

	for (struct hostfunc **p = &known; *p; p = &(*p)->next) {
		if ((*p)->id == id) {
			h = *p;
			if (!keep || !h->repeats)
				*p = h->next;
			break;
		}
	}
	return h;
}

void hostfunc_remove(uint64_t id)
{
	struct hostfunc *h;

	pthread_mutex_lock(&lock);
	h = take(id, false);
	pthread_mutex_unlock(&lock);
	if (!h)
		return;
	if (!h->repeats)
		atomic_fetch_sub(&outstanding, 1);
	receive_unasked(-1);
	free(h);
}

bool hostfunc_describe(uint64_t id, CUhostFn *fn, void **user)
{
	struct hostfunc *h;

	pthread_mutex_lock(&lock);
	for (h = known; h && h->id != id; h = h->next)
		continue;
	if (h) {
		*fn = h->fn;
		*user = h->user;
	}
	pthread_mutex_unlock(&lock);
	return h;
}

bool hostfunc_requested(uint64_t id)
{
	struct hostfunc *h;

	pthread_mutex_lock(&lock);
	h = take(id, true);
	if (h) {
		h->queued = NULL;
		*queue_end = h;
		queue_end = &h->queued;
		pthread_cond_signal(&asked);
	}
	pthread_mutex_unlock(&lock);
	return h;
}

bool hostfunc_outstanding(void)
{
	return atomic_load_explicit(&outstanding, memory_order_acquire);
}

static struct hostfunc *next_asked(void)
{
	struct hostfunc *h;

	pthread_mutex_lock(&lock);
	while (!queue)
		pthread_cond_wait(&asked, &lock);
	h = queue;
	queue = h->queued;
	if (!queue)
		queue_end = &queue;
	pthread_mutex_unlock(&lock);
	return h;
}

static void *caller(void *unused)
{
	struct thread *t = thread_self();

	(void)unused;
	if (!t)
		return NULL;
	t->in_host_function = true;
	for (;;) {
		struct hostfunc *h = next_asked();
		uint64_t id = h->id;

		h->fn(h->user);
		if (!h->repeats) {
			atomic_fetch_sub(&outstanding, 1);
			receive_unasked(-1);
			free(h);
		}
		side_send(FRAME_HOST_DONE, id);
	}
	return NULL;
}

int hostfunc_start(void)
{
	return thread_start(caller, NULL);
}

/* What a stream callback needs beside its own argument. */
struct callback {
	CUstreamCallback fn;
	CUstream stream;
	void *user;
};

static void run_callback(void *p)
{
	struct callback c = *(struct callback *)p;

	free(p);
	c.fn(c.stream, CUDA_SUCCESS, c.user);
}

static CUresult enqueue(CUstream stream, CUhostFn fn, void *user)
{
	uint64_t wire, id;
	struct stream *s;
	CUresult r = call_check(0);

	if (!r)
		r = stream_find(stream, &s);
	if (!r)
		r = stream_use(s, &wire);
	if (r)
		return r;
	/* In a capture the function becomes a node, which may run any number of times. */
	id = hostfunc_add(fn, user, atomic_load(&s->capture) != NULL);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_host_function(wire, id);
	if (r)
		hostfunc_remove(id);
	return r;
}

CUresult client_cuLaunchHostFunc(CUstream hStream, CUhostFn fn, void *userData)
{
	if (!fn)
		return CUDA_ERROR_INVALID_VALUE;
	return enqueue(hStream, fn, userData);
}

CUresult client_cuStreamAddCallback(CUstream hStream, CUstreamCallback callback, void *userData,
	unsigned int flags)
{
	struct callback *c;
	CUresult r;

	if (!callback || flags)
		return CUDA_ERROR_INVALID_VALUE;
	c = malloc(sizeof(*c));
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*c = (struct callback){callback, hStream, userData};
	r = enqueue(hStream, run_callback, c);
	if (r)
		free(c);
	return r;
}
