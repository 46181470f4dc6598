/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See hostfunc.h. A job is one function; in a graph it may be called many
 * times, and by two launches at once, so calls and answers are counted. The
 * trampoline runs on the driver's threads: it takes the lock, counts and waits,
 * and leaves the sending to who polls, which pushes data that completed before
 * first. The driver is given a job's id, not its address.
 *
 * The end of an object is asked for in the same way, and nobody waits for it.
 */
#include "hostfunc.h"

#include <errno.h>
#include <stdlib.h>

#include "copy.h"
#include "kept.h"
#include "mirror.h"
#include "numbers.h"
#include "output.h"
#include "server_calls.h"
#include "stream.h"
#include "watch.h"

enum { JOBS_MAX = 1 << 20 };

struct job {
	struct numbered id;
	TAILQ_ENTRY(job) link; /* in due while asked is not 0 */
	/* Where it is enqueued, and the copies issued before. */
	struct context *context;
	CUstream stream;
	uint64_t issued;
	bool repeats;	 /* a graph's */
	bool ends;	 /* an object's end: it goes with its one call, which waits for no answer */
	unsigned asked;	 /* calls of the driver that the client was not asked for */
	unsigned noted;	 /* of those, seen by hostfunc_query */
	unsigned sent;	 /* calls that the client was asked for and has not answered */
	unsigned done;	 /* answers that no call has taken */
	CUresult status; /* of the stream, for a callback */
	struct fetch_room *rooms, *room; /* for bytes that are fetched, and the next; NULL: none */
};

struct hostfuncs {
	struct session *session;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t answered;
	struct numbers jobs;
	TAILQ_HEAD(, job) due;	      /* in the order in which the driver asked */
	_Atomic unsigned outstanding; /* enqueued and not over; not those of graphs */
	_Atomic unsigned asked;
	TAILQ_HEAD(, job) gone; /* of graphs that are gone; the client is not told yet */
	_Atomic unsigned going;
};

static struct hostfuncs *own; /* those of the worker's session */

int hostfuncs_create(struct session *s)
{
	struct hostfuncs *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->answered, NULL);
	TAILQ_INIT(&h->due);
	TAILQ_INIT(&h->gone);
	h->session = s;
	s->hostfuncs = own = h;
	return 0;
}

/* Called with the lock, as the next are. */
static struct job *job_find(struct hostfuncs *h, uint64_t id)
{
	return (struct job *)numbers_find(&h->jobs, id);
}

static void job_remove(struct hostfuncs *h, struct job *j)
{
	numbers_remove(&h->jobs, &j->id);
	if (!j->repeats)
		atomic_fetch_sub(&h->outstanding, 1);
	free(j->rooms);
	free(j);
}

static void job_due(struct hostfuncs *h, struct job *j)
{
	if (!j->asked++)
		TAILQ_INSERT_TAIL(&h->due, j, link);
	atomic_fetch_add(&h->asked, 1);
}

static void job_call(uint64_t id, CUresult status)
{
	struct hostfuncs *h = own;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	j = job_find(h, id);
	if (j) {
		j->status = status;
		job_due(h, j);
		watch_wake(h->session);
		while (!j->done)
			pthread_cond_wait(&h->answered, &h->lock);
		j->done--;
		if (!j->repeats)
			job_remove(h, j);
	}
	pthread_mutex_unlock(&h->lock);
}

static void trampoline(void *id)
{
	job_call((uintptr_t)id, CUDA_SUCCESS);
}

static void called_back(CUstream stream, CUresult status, void *id)
{
	(void)stream;
	job_call((uintptr_t)id, status);
}

/* NULL: there are too many, or @id is taken. */
static struct job *job_create(struct session *s, uint64_t id, bool repeats)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->id.number = id;
	j->repeats = repeats;
	pthread_mutex_lock(&h->lock);
	if (id && h->jobs.count < JOBS_MAX && !numbers_add(&h->jobs, &j->id)) {
		if (!repeats)
			atomic_fetch_add(&h->outstanding, 1);
	} else {
		free(j);
		j = NULL;
	}
	pthread_mutex_unlock(&h->lock);
	watch_wake(s);
	return j;
}

static CUresult job_enqueue(struct session *s, struct job *j, CUstream stream, bool callback)
{
	void *id;
	CUresult r;

	if (!j)
		return CUDA_ERROR_OUT_OF_MEMORY;
	j->context = serving_context;
	j->stream = stream;
	j->issued = copy_issued(s);
	id = (void *)(uintptr_t)j->id.number;
	r = callback ? driver.cuStreamAddCallback(stream, called_back, id, 0)
		     : driver.cuLaunchHostFunc(stream, trampoline, id);
	if (r) {
		pthread_mutex_lock(&s->hostfuncs->lock);
		job_remove(s->hostfuncs, j);
		pthread_mutex_unlock(&s->hostfuncs->lock);
	}
	return r;
}

CUresult server_host_function(
	struct request *q, CUstream stream, uint64_t id, unsigned int callback)
{
	bool capturing;
	CUresult r = stream_capturing(stream, &capturing);

	if (!r)
		r = job_enqueue(
			q->session, job_create(q->session, id, capturing), stream, callback);
	if (!r && capturing)
		kept_captured(q->session, stream, id);
	return r;
}

CUresult hostfunc_fetch(struct session *s, CUstream stream, uint64_t id, struct fetch_room *room)
{
	struct job *j = job_create(s, id, false);

	if (j)
		j->rooms = j->room = room;
	else
		free(room);
	return job_enqueue(s, j, stream, false);
}

CUhostFn hostfunc_node(struct session *s, uint64_t id, void **data)
{
	*data = (void *)(uintptr_t)id;
	return job_create(s, id, true) ? trampoline : NULL;
}

void hostfunc_drop(struct session *s, uint64_t id)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	j = job_find(h, id);
	if (j)
		job_remove(h, j);
	pthread_mutex_unlock(&h->lock);
}

void hostfunc_gone(struct session *s, uint64_t id)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	j = job_find(h, id);
	if (j && j->repeats && !j->asked && !j->sent && !j->done) {
		numbers_remove(&h->jobs, &j->id);
		TAILQ_INSERT_TAIL(&h->gone, j, link);
		atomic_fetch_add(&h->going, 1);
		watch_wake(s);
	}
	pthread_mutex_unlock(&h->lock);
}

bool hostfunc_add_end(struct session *s, uint64_t id)
{
	struct job *j = job_create(s, id, true);

	if (j)
		j->ends = true;
	return j;
}

void hostfunc_end(struct session *s, uint64_t id)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	j = job_find(h, id);
	if (j && j->ends && !j->asked) {
		job_due(h, j);
		watch_wake(s);
	}
	pthread_mutex_unlock(&h->lock);
}

uint64_t hostfunc_node_id(CUhostFn fn, const void *data)
{
	return fn == trampoline ? (uintptr_t)data : 0;
}

void hostfunc_query(struct session *s)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j;

	if (!atomic_load(&h->asked))
		return;
	pthread_mutex_lock(&h->lock);
	TAILQ_FOREACH(j, &h->due, link) {
		if (j->asked > j->noted && !j->repeats)
			copy_completed(s, j->context, false, j->stream, j->issued);
		j->noted = j->asked;
	}
	pthread_mutex_unlock(&h->lock);
}

static void job_ask(struct session *s, uint64_t id, CUresult status)
{
	uint8_t *out = frame_begin(s, FRAME_HOST_CALL, 16);

	if (!out)
		return;
	put_u64(&out, id);
	put_u32(&out, atomic_load(&s->pushes));
	put_u32(&out, status);
	frame_end(s, FRAME_HOST_CALL, 16, true);
}

/* The id of a noted call, counted as asked for, and what it is told; 0: none. */
static uint64_t job_next(struct hostfuncs *h, CUresult *status)
{
	uint64_t id = 0;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	TAILQ_FOREACH(j, &h->due, link) {
		if (j->noted)
			break;
	}
	if (j) {
		TAILQ_REMOVE(&h->due, j, link);
		j->noted--;
		if (--j->asked)
			TAILQ_INSERT_TAIL(&h->due, j, link);
		j->sent++;
		atomic_fetch_sub(&h->asked, 1);
		id = j->id.number;
		*status = j->status;
		if (j->ends)
			job_remove(h, j);
	}
	pthread_mutex_unlock(&h->lock);
	return id;
}

/* Tell the client what it can forget. What was written for it goes first: the client then does not
 * know any more where that belongs. */
static bool jobs_forget(struct session *s)
{
	struct hostfuncs *h = s->hostfuncs;
	unsigned going = atomic_load(&h->going);

	if (!going)
		return false;
	mirror_forward(s);
	for (; going; going--) {
		struct job *j;
		uint8_t *out;

		pthread_mutex_lock(&h->lock);
		j = TAILQ_FIRST(&h->gone);
		TAILQ_REMOVE(&h->gone, j, link);
		atomic_fetch_sub(&h->going, 1);
		pthread_mutex_unlock(&h->lock);
		out = frame_begin(s, FRAME_HOST_GONE, 8);
		if (out) {
			put_u64(&out, j->id.number);
			frame_end(s, FRAME_HOST_GONE, 8, false);
		}
		free(j);
	}
	return true;
}

bool hostfunc_poll(struct session *s)
{
	struct hostfuncs *h = s->hostfuncs;
	bool moved = jobs_forget(s);
	CUresult status;
	uint64_t id;

	if (!atomic_load(&h->asked))
		return moved;
	id = job_next(h, &status);
	if (id) {
		output_forward(s);
		mirror_forward(s);
		moved = true;
	}
	for (; id; id = job_next(h, &status))
		job_ask(s, id, status);
	return moved;
}

bool hostfunc_busy(struct session *s)
{
	struct hostfuncs *h = s->hostfuncs;

	return atomic_load(&h->outstanding) || atomic_load(&h->asked) || atomic_load(&h->going);
}

static void job_fill(struct job *j, const uint8_t *bytes, size_t size)
{
	while (size && j->room->size) {
		struct fetch_room *room = j->room;
		size_t n = size < room->size ? size : room->size;

		memcpy(room->to, bytes, n);
		room->to += n;
		room->size -= n;
		bytes += n;
		size -= n;
		if (!room->size)
			j->room++;
	}
}

/* A job stays until it is done, which only this thread says. */
void hostfunc_bytes(struct session *s, uint64_t id, const uint8_t *bytes, size_t size)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	j = job_find(h, id);
	if (j && (!j->room || !j->sent || j->done))
		j = NULL;
	pthread_mutex_unlock(&h->lock);
	if (j)
		job_fill(j, bytes, size);
}

void hostfunc_done(struct session *s, uint64_t id)
{
	struct hostfuncs *h = s->hostfuncs;
	struct job *j;

	pthread_mutex_lock(&h->lock);
	j = job_find(h, id);
	if (j && j->sent) {
		j->sent--;
		j->done++;
	}
	pthread_cond_broadcast(&h->answered);
	pthread_mutex_unlock(&h->lock);
}
