/* SPDX-License-Identifier: Apache-2.0 */
/* Application threads get their state on first use and lose it when they end. */
#include "thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "stream.h"

__thread struct thread *thread_pointer;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* All of them: a forked child still knows what belonged to its parent's threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;

/* The server remembers every number that it sees, so those of ended threads are used again. Under
 * the lock. */
static unsigned births, last_id, *free_id, free_count, free_room;

static unsigned id_take(void)
{
	return free_count ? free_id[--free_count] : ++last_id;
}

static void id_give(unsigned id)
{
	if (free_count == free_room) {
		unsigned room = free_room ? 2 * free_room : 64;
		unsigned *more = realloc(free_id, room * sizeof(*more));

		if (!more)
			return;
		free_id = more;
		free_room = room;
	}
	free_id[free_count++] = id;
}

static void thread_destroy(void *value)
{
	struct thread *t = value;

	thread_pointer = t; /* for what is sent below */
	while (t->streams) {
		struct thread_stream *s = t->streams;

		t->streams = s->next;
		stream_abandon(s->stream, s->life);
		free(s);
	}
	thread_pointer = NULL;
	pthread_mutex_lock(&lock);
	id_give(t->id);
	for (struct thread **p = &threads; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	free(t->told_nodes);
	free(t->told_edges);
	free(t);
}

static void make_key(void)
{
	pthread_key_create(&key, thread_destroy);
}

struct thread *thread_create(void)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	pthread_once(&once, make_key);
	t->default_stream = 1;
	t->capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
	pthread_mutex_lock(&lock);
	t->id = id_take();
	t->birth = ++births;
	t->next = threads;
	threads = t;
	pthread_mutex_unlock(&lock);
	pthread_setspecific(key, t);
	thread_pointer = t;
	return t;
}

int thread_start(void *(*run)(void *), void *argument)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, run, argument);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}
