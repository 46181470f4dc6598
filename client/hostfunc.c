/* SPDX-License-Identifier: Apache-2.0 */
/* See hostfunc.h. The thread that calls them marks itself, so that CUDA calls answer NOT_PERMITTED.
 */
#include "hostfunc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "call.h"
#include "capture.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "heartbeat.h"
#include "lent.h"
#include "mirror.h"
#include "numbers.h"
#include "receive.h"
#include "stream.h"
#include "thread.h"
#include "window.h"
#include "wire_calls.h"

struct hostfunc {
	struct numbered id;
	TAILQ_ENTRY(hostfunc) link; /* only where it is waited for */
	CUhostFn fn;		    /* NULL: rows to fetch, at user */
	void *user;
	size_t width, height, pitch;
	bool repeats;
	bool ends;		  /* an object, when no graph has it: in no stream's order */
	void (*gone)(void *user); /* not NULL: it is only kept */
};

/* The server asked for one; a function of a graph may be asked for again before it ran. */
struct asked {
	struct asked *next;
	uint64_t id;
	uint32_t pushes;
	CUresult status;
};

struct queue {
	struct asked *first, **end;
	pthread_cond_t filled;
};

enum { FETCH_PART = 32 << 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all below */
static struct numbers known;
/* Functions that are called once, by rising id. */
static TAILQ_HEAD(, hostfunc) once = TAILQ_HEAD_INITIALIZER(once);
static struct queue functions = {NULL, &functions.first, PTHREAD_COND_INITIALIZER};
static struct queue ends = {NULL, &ends.first, PTHREAD_COND_INITIALIZER};
static struct queue fetches = {NULL, &fetches.first, PTHREAD_COND_INITIALIZER};
static uint64_t last_id;
static _Atomic uint64_t oldest = UINT64_MAX; /* changed under lock */
static _Atomic unsigned in_graphs;

static bool called_once(const struct hostfunc *h)
{
	return h->fn && !h->repeats && !h->ends;
}

/* Called with the lock. */
static void find_oldest(void)
{
	struct hostfunc *h = TAILQ_FIRST(&once);

	atomic_store_explicit(&oldest, h ? h->id.number : UINT64_MAX, memory_order_release);
}

static uint64_t add(const struct hostfunc *like)
{
	struct hostfunc *h = malloc(sizeof(*h));
	uint64_t id;

	if (!h)
		return 0;
	*h = *like;
	pthread_mutex_lock(&lock);
	h->id.number = id = last_id + 1;
	if (numbers_add(&known, &h->id)) {
		pthread_mutex_unlock(&lock);
		free(h);
		return 0;
	}
	last_id = id;
	if (h->repeats && h->fn)
		atomic_fetch_add(&in_graphs, 1);
	if (called_once(h)) {
		TAILQ_INSERT_TAIL(&once, h, link);
		find_oldest();
	}
	pthread_mutex_unlock(&lock);
	receive_unasked(1);
	return id;
}

uint64_t hostfunc_add(CUhostFn fn, void *user, bool repeats)
{
	return add(&(struct hostfunc){.fn = fn, .user = user, .repeats = repeats});
}

uint64_t hostfunc_add_kept(void (*gone)(void *user), void *user)
{
	return add(&(struct hostfunc){.gone = gone, .user = user, .repeats = true});
}

uint64_t hostfunc_add_end(CUhostFn fn, void *user)
{
	return add(&(struct hostfunc){.fn = fn, .user = user, .ends = true});
}

uint64_t hostfunc_add_fetch(const void *source, size_t width, size_t height, size_t pitch)
{
	return add(&(struct hostfunc){
		.user = (void *)source, .width = width, .height = height, .pitch = pitch});
}

/* Called with the lock. */
static struct hostfunc *find(uint64_t id)
{
	return (struct hostfunc *)numbers_find(&known, id);
}

void hostfunc_remove(uint64_t id)
{
	struct hostfunc *h;

	pthread_mutex_lock(&lock);
	h = find(id);
	if (h)
		numbers_remove(&known, &h->id);
	if (h && called_once(h)) {
		TAILQ_REMOVE(&once, h, link);
		find_oldest();
	}
	pthread_mutex_unlock(&lock);
	if (!h)
		return;
	if (h->repeats && h->fn)
		atomic_fetch_sub(&in_graphs, 1);
	receive_unasked(-1);
	free(h);
}

void hostfunc_gone(uint64_t id)
{
	struct hostfunc *found, h = {0};

	pthread_mutex_lock(&lock);
	found = find(id);
	if (found)
		h = *found;
	pthread_mutex_unlock(&lock);
	if (!h.repeats)
		return;
	hostfunc_remove(id);
	if (h.gone)
		h.gone(h.user);
}

bool hostfunc_describe(uint64_t id, CUhostFn *fn, void **user)
{
	struct hostfunc *h;

	pthread_mutex_lock(&lock);
	h = find(id);
	if (h) {
		*fn = h->fn;
		*user = h->user;
	}
	pthread_mutex_unlock(&lock);
	return h;
}

bool hostfunc_requested(uint64_t id, uint32_t pushes, CUresult status)
{
	struct asked *a = malloc(sizeof(*a));
	struct queue *q;
	struct hostfunc *h;

	if (!a)
		return false;
	*a = (struct asked){NULL, id, pushes, status};
	pthread_mutex_lock(&lock);
	h = find(id);
	if (h) {
		q = h->ends ? &ends : h->fn ? &functions : &fetches;
		*q->end = a;
		q->end = &a->next;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&lock);
	if (!h)
		free(a);
	return h;
}

uint64_t hostfunc_oldest(void)
{
	return atomic_load_explicit(&oldest, memory_order_acquire);
}

bool hostfunc_in_graphs(void)
{
	return atomic_load_explicit(&in_graphs, memory_order_acquire);
}

/* The next that is asked for, when the data of copies before it is here. */
static struct hostfunc next_asked(struct queue *q, CUresult *status)
{
	struct hostfunc h, *found;
	struct asked *a;

	pthread_mutex_lock(&lock);
	while (!q->first)
		pthread_cond_wait(&q->filled, &lock);
	a = q->first;
	q->first = a->next;
	if (!q->first)
		q->end = &q->first;
	found = find(a->id);
	h = found ? *found : (struct hostfunc){.id.number = a->id};
	pthread_mutex_unlock(&lock);
	receive_chunks(a->pushes);
	*status = a->status;
	free(a);
	return h;
}

static CUresult caller_status; /* of the function that the caller calls; its own */

static void *caller(void *unused)
{
	struct thread *t = thread_self();

	(void)unused;
	if (!t)
		return NULL;
	t->in_host_function = true;
	for (;;) {
		struct hostfunc h = next_asked(&functions, &caller_status);

		if (h.fn)
			h.fn(h.user);
		lent_push();
		mirror_push();
		if (!h.repeats)
			hostfunc_remove(h.id.number);
		side_send(FRAME_HOST_DONE, h.id.number, NULL, 0);
	}
	return NULL;
}

/* The server waits for no answer, and once the session is over it has said nothing. */
static void *ender(void *unused)
{
	struct thread *t = thread_self();

	(void)unused;
	if (!t)
		return NULL;
	t->in_host_function = true;
	for (;;) {
		CUresult none;
		struct hostfunc h = next_asked(&ends, &none);

		hostfunc_remove(h.id.number);
		if (h.fn && !client_usable())
			h.fn(h.user);
	}
	return NULL;
}

/* The rows' bytes from @at on, as many as there are up to FETCH_PART, packed. */
static uint32_t pack(const struct hostfunc *h, size_t at, uint8_t *part)
{
	size_t total = h->width * h->height, size = 0;

	while (at + size < total && size < FETCH_PART) {
		size_t x = (at + size) % h->width, y = (at + size) / h->width;
		size_t n = h->width - x < FETCH_PART - size ? h->width - x : FETCH_PART - size;

		memcpy(part + size, (const uint8_t *)h->user + y * h->pitch + x, n);
		size += n;
	}
	return size;
}

static void *fetcher(void *unused)
{
	static uint8_t part[FETCH_PART];

	(void)unused;
	for (;;) {
		CUresult none;
		struct hostfunc h = next_asked(&fetches, &none);
		uint32_t size;

		for (size_t at = 0; (size = pack(&h, at, part)); at += size)
			side_send(FRAME_HOST_BYTES, h.id.number, part, size);
		hostfunc_remove(h.id.number);
		side_send(FRAME_HOST_DONE, h.id.number, NULL, 0);
	}
	return NULL;
}

int hostfunc_start(void)
{
	int err = thread_start(caller, NULL);

	if (!err)
		err = thread_start(fetcher, NULL);
	return err ? err : thread_start(ender, NULL);
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
	c.fn(c.stream, caller_status, c.user);
}

static CUresult enqueue(CUstream stream, CUhostFn fn, void *user)
{
	uint64_t wire, id;
	struct stream *s;
	bool captured;
	CUresult r = call_check(0);

	if (!r)
		r = stream_find(stream, &s);
	/* How many callbacks the driver takes was not measured. */
	if (!r && fn == run_callback)
		r = window_take(s, 1);
	if (!r)
		r = stream_use(s, &wire);
	if (r)
		return r;
	/* In a capture the function becomes a node, which may run any number of times. */
	captured = atomic_load(&s->capture) != NULL;
	id = hostfunc_add(fn, user, captured);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_host_function(wire, id, fn == run_callback);
	if (r)
		hostfunc_remove(id);
	else if (!captured)
		stream_taint(s, id);
	s->behind_function = !captured;
	return r;
}

CUresult client_cuLaunchHostFunc(CUstream hStream, CUhostFn fn, void *userData)
{
	if (!fn)
		return CUDA_ERROR_INVALID_VALUE;
	return enqueue(hStream, fn, userData);
}

CUresult client_cuStreamAddCallback(
	CUstream hStream, CUstreamCallback callback, void *userData, unsigned int flags)
{
	struct callback *c;
	struct stream *s;
	CUresult r;

	if (!callback || flags)
		return CUDA_ERROR_INVALID_VALUE;
	r = call_check(0);
	if (!r)
		r = stream_find(hStream, &s);
	if (!r && atomic_load(&captures_active))
		r = capture_forbid(s);
	if (r)
		return r;
	c = malloc(sizeof(*c));
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*c = (struct callback){callback, hStream, userData};
	r = enqueue(hStream, run_callback, c);
	if (r)
		free(c);
	return r;
}
