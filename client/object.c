/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of shadows, one per kind: chunks that are allocated once and never
 * move or go away, a free list under a lock, look-ups without one.
 */
#include "object.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "event.h"
#include "handle.h"
#include "module.h"
#include "stream.h"

enum { CHUNK = 1024, CHUNKS = HANDLE_INDEX_MAX / CHUNK };

struct table {
	pthread_mutex_t lock;
	size_t size;			/* of one shadow */
	void (*recycle)(struct object *o); /* frees what a place that is used again still holds */
	char *_Atomic chunk[CHUNKS];
	uint32_t used;			/* indices ever given out */
	uint32_t *free;			/* indices to reuse, oldest first, a ring */
	uint32_t free_head, free_count, free_size;
	uint16_t *generation[CHUNKS];
};

static struct table tables[KIND_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	for (int i = 0; i < KIND_COUNT; i++)
		pthread_mutex_init(&tables[i].lock, NULL);
	tables[KIND_CUcontext].size = sizeof(struct context);
	tables[KIND_CUstream].size = sizeof(struct stream);
	tables[KIND_CUevent].size = sizeof(struct event);
	tables[KIND_CUmodule].size = sizeof(struct module);
	tables[KIND_CUlibrary].size = sizeof(struct module);
	tables[KIND_CUfunction].size = sizeof(struct function);
	tables[KIND_CUkernel].size = sizeof(struct function);
	tables[KIND_CUfunction].recycle = tables[KIND_CUkernel].recycle = function_recycle;
}

static struct object *at(struct table *t, uint32_t index)
{
	char *chunk = atomic_load_explicit(&t->chunk[index / CHUNK], memory_order_acquire);

	return chunk ? (struct object *)(chunk + (index % CHUNK) * t->size) : NULL;
}

struct object *object_get(enum kind kind, const void *handle)
{
	uint64_t h = (uintptr_t)handle;
	struct object *o;

	if (handle_kind(h) != (unsigned)kind || !tables[kind].size)
		return NULL;
	o = at(&tables[kind], handle_index(h));
	if (!o || atomic_load_explicit(&o->handle, memory_order_acquire) != h)
		return NULL;
	return o;
}

static int add_chunk(struct table *t, uint32_t number)
{
	char *chunk = calloc(CHUNK, t->size);
	uint16_t *generation = calloc(CHUNK, sizeof(*generation));

	if (!chunk || !generation) {
		free(chunk);
		free(generation);
		return -1;
	}
	t->generation[number] = generation;
	atomic_store_explicit(&t->chunk[number], chunk, memory_order_release);
	return 0;
}

/* A free index: the one that was freed longest ago once many wait, so that stale handles stay stale
 * for long; else a new one. */
static bool take_index(struct table *t, uint32_t *out)
{
	if (t->free_count > 256 || (t->free_count && t->used == HANDLE_INDEX_MAX)) {
		*out = t->free[t->free_head];
		t->free_head = (t->free_head + 1) % t->free_size;
		t->free_count--;
		return true;
	}
	if (t->used == HANDLE_INDEX_MAX)
		return false;
	if (!t->chunk[t->used / CHUNK] && add_chunk(t, t->used / CHUNK))
		return false;
	*out = t->used++;
	return true;
}

struct object *object_create(enum kind kind)
{
	struct table *t = &tables[kind];
	struct object *o = NULL;
	uint16_t *generation;
	uint32_t index;

	pthread_once(&once, init);
	pthread_mutex_lock(&t->lock);
	if (take_index(t, &index)) {
		generation = &t->generation[index / CHUNK][index % CHUNK];
		*generation = *generation % ((1 << HANDLE_GENERATION_BITS) - 1) + 1;
		o = at(t, index);
		if (t->recycle)
			t->recycle(o);
		memset((char *)o + sizeof(*o), 0, t->size - sizeof(*o));
		o->index = index;
		atomic_store_explicit(&o->handle, handle_make(kind, *generation, index),
			memory_order_release);
	}
	pthread_mutex_unlock(&t->lock);
	return o;
}

static bool grow_free(struct table *t)
{
	uint32_t size = t->free_size ? t->free_size * 2 : 1024;
	uint32_t *ring = malloc(size * sizeof(*ring));

	if (!ring)
		return false;
	for (uint32_t i = 0; i < t->free_count; i++)
		ring[i] = t->free[(t->free_head + i) % t->free_size];
	free(t->free);
	t->free = ring;
	t->free_head = 0;
	t->free_size = size;
	return true;
}

void object_destroy(enum kind kind, struct object *o)
{
	struct table *t = &tables[kind];

	pthread_mutex_lock(&t->lock);
	if (atomic_exchange(&o->handle, 0) && (t->free_count < t->free_size || grow_free(t)))
		t->free[(t->free_head + t->free_count++) % t->free_size] = o->index;
	pthread_mutex_unlock(&t->lock);
}

void object_each(enum kind kind, void (*each)(struct object *o, void *user), void *user)
{
	struct table *t = &tables[kind];
	uint32_t used;

	pthread_mutex_lock(&t->lock);
	used = t->used;
	pthread_mutex_unlock(&t->lock);
	for (uint32_t i = 0; i < used; i++) {
		struct object *o = at(t, i);

		if (atomic_load(&o->handle))
			each(o, user);
	}
}
