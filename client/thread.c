/* SPDX-License-Identifier: Apache-2.0 */
/* Application threads get their state on first use and lose it when they end. */
#include "thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "stream.h"

__thread struct thread *thread_pointer;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic unsigned last_id;

/* All of them: a forked child still knows what belonged to its parent's threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;

static void thread_destroy(void *value)
{
	struct thread *t = value;

	thread_pointer = NULL;
	while (t->streams) {
		struct thread_stream *s = t->streams;

		t->streams = s->next;
		stream_abandon(s->stream, s->life);
		free(s);
	}
	pthread_mutex_lock(&lock);
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
	t->id = atomic_fetch_add(&last_id, 1) + 1;
	t->default_stream = 1;
	t->capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
	pthread_mutex_lock(&lock);
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
