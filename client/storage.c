/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table for the process, under a lock, and before it a small cache in each
 * thread. Whoever changes the table raises its generation; a cached entry is
 * good only for the generation it was read in. Changes are rare (once per
 * context and library), so a lookup is nearly always one load of the generation
 * and a compare in the thread's own memory. Misses are not cached: they happen
 * once, before the library attaches its value.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include "context.h"
#include "storage.h"

enum { BUCKETS = 64, CACHED = 8 };

struct value {
	struct value *next;
	CUcontext context;
	void *key;
	void *value;
	storage_destructor *destructor;
};

struct cached {
	uint64_t generation; /* 0: never filled */
	CUcontext context;
	void *key;
	void *value;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct value *bucket[BUCKETS]; /* under lock */
/* Written under lock, after the table (release); read by storage_get (acquire). */
static _Atomic uint64_t generation = 1;
static __thread struct cached cache[CACHED];

static size_t storage_hash(CUcontext context, void *key)
{
	uint64_t h = ((uintptr_t)context >> 4) * 31 + ((uintptr_t)key >> 3);

	h *= 0x9e3779b97f4a7c15u;
	return h >> 32;
}

/* A child must not inherit a lock that another thread of its parent held. */
static void storage_fork_prepare(void)
{
	pthread_mutex_lock(&lock);
}

static void storage_fork_done(void)
{
	pthread_mutex_unlock(&lock);
}

static void storage_watch_fork(void)
{
	pthread_atfork(storage_fork_prepare, storage_fork_done, storage_fork_done);
}

/* Called with the lock. The place that points to the entry, or to the end of its chain. */
static struct value **storage_find(CUcontext context, void *key)
{
	struct value **v = &bucket[storage_hash(context, key) % BUCKETS];

	while (*v && ((*v)->context != context || (*v)->key != key))
		v = &(*v)->next;
	return v;
}

static void storage_changed(void)
{
	atomic_fetch_add_explicit(&generation, 1, memory_order_release);
}

CUresult storage_put(CUcontext context, void *key, void *value, storage_destructor *destructor)
{
	struct value *new, **place;
	bool taken;

	pthread_once(&once, storage_watch_fork);
	if (!context)
		context = context_current();
	if (!context_id(context))
		return CUDA_ERROR_INVALID_CONTEXT;
	new = malloc(sizeof(*new));
	if (!new)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*new = (struct value){ NULL, context, key, value, destructor };

	pthread_mutex_lock(&lock);
	place = storage_find(context, key);
	taken = *place;
	if (!taken) {
		*place = new;
		storage_changed();
	}
	pthread_mutex_unlock(&lock);
	if (taken)
		free(new);
	return taken ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUresult storage_remove(CUcontext context, void *key)
{
	struct value **place, *old;

	if (!context)
		context = context_current();
	if (!context)
		return CUDA_ERROR_INVALID_CONTEXT;
	pthread_mutex_lock(&lock);
	place = storage_find(context, key);
	old = *place;
	if (old) {
		*place = old->next;
		storage_changed();
	}
	pthread_mutex_unlock(&lock);
	free(old);
	return old ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

/* Not inlined: storage_get's path through the cache needs no stack frame. */
static __attribute__((noinline)) CUresult storage_get_slow(void **value, CUcontext context,
							   void *key, struct cached *c)
{
	struct value *found;

	pthread_mutex_lock(&lock);
	found = *storage_find(context, key);
	if (found) {
		*c = (struct cached){ atomic_load_explicit(&generation, memory_order_relaxed),
				      context, key, found->value };
		*value = found->value;
	}
	pthread_mutex_unlock(&lock);
	return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult storage_get(void **value, CUcontext context, void *key)
{
	uint64_t now = atomic_load_explicit(&generation, memory_order_acquire);
	struct cached *c;

	if (!context)
		context = context_current();
	if (!context)
		return CUDA_ERROR_INVALID_CONTEXT;
	c = &cache[storage_hash(context, key) % CACHED];
	if (c->generation != now || c->context != context || c->key != key)
		return storage_get_slow(value, context, key, c);
	*value = c->value;
	return CUDA_SUCCESS;
}

/* Take the values of @context out of the table, as a list. */
static struct value *storage_take(CUcontext context)
{
	struct value *list = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct value **place = &bucket[i];

		while (*place) {
			struct value *v = *place;

			if (v->context != context) {
				place = &v->next;
				continue;
			}
			*place = v->next;
			v->next = list;
			list = v;
		}
	}
	if (list)
		storage_changed();
	pthread_mutex_unlock(&lock);
	return list;
}

void storage_context_gone(CUcontext context)
{
	struct value *next;

	for (struct value *v = storage_take(context); v; v = next) {
		next = v->next;
		if (v->destructor)
			v->destructor(v->context, v->key, v->value);
		free(v);
	}
}
