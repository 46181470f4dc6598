/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See handles.h. An entry is published by storing its id after the rest
 * (release), and a reader checks the id again after it has read the rest, so
 * that it never mixes two lives of a place.
 */
#include "handles.h"

#include <errno.h>
#include <stdlib.h>

/* No handle of the driver's has these values; 1 is one that texture objects have. */
#define SLOT_FREE UINT64_C(0)
#define SLOT_DELETED UINT64_MAX

enum { SET_ROOM_MIN = 64 };

static bool real_possible(uint64_t value)
{
	return value != SLOT_FREE && value != SLOT_DELETED;
}

struct handle_chunk {
	struct handle_entry entry[HANDLE_CHUNK];
};

int handles_init(struct handles *h)
{
	return -pthread_mutex_init(&h->lock, NULL);
}

void handles_fini(struct handles *h)
{
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		for (unsigned i = 0; h->chunk[k] && i < HANDLE_CHUNKS; i++)
			free(atomic_load(&h->chunk[k][i]));
		free((void *)h->chunk[k]);
		h->chunk[k] = NULL;
		free(h->set[k].slot);
	}
	pthread_mutex_destroy(&h->lock);
}

static struct handle_entry *entry_at(const struct handles *h, enum kind kind, uint64_t id)
{
	uint32_t index = handle_index(id);
	struct handle_chunk *_Atomic *table;
	struct handle_chunk *c;

	if (!handle_valid(id) || handle_kind(id) != (unsigned)kind || (unsigned)kind >= KIND_COUNT)
		return NULL;

	/* The table pointer is published with the first chunk's lock held; see chunk_make. */
	table = __atomic_load_n(&h->chunk[kind], __ATOMIC_ACQUIRE);
	if (!table)
		return NULL;
	c = atomic_load_explicit(&table[index / HANDLE_CHUNK], memory_order_acquire);
	return c ? &c->entry[index % HANDLE_CHUNK] : NULL;
}

struct handle_entry *handles_find(const struct handles *h, enum kind kind, uint64_t id)
{
	struct handle_entry *e = entry_at(h, kind, id);

	/* Pairs with the release in handles_set. */
	if (!e || atomic_load_explicit(&e->id, memory_order_acquire) != id)
		return NULL;
	return e;
}

/* Memory for the entry of @id, made if needed; the lock is held. */
static struct handle_entry *entry_make(struct handles *h, enum kind kind, uint64_t id)
{
	uint32_t index = handle_index(id);
	struct handle_chunk *_Atomic *table = h->chunk[kind];
	struct handle_chunk *c;

	if (!table) {
		table = calloc(HANDLE_CHUNKS, sizeof(*table));
		if (!table)
			return NULL;
		__atomic_store_n(&h->chunk[kind], table, __ATOMIC_RELEASE);
	}
	c = atomic_load_explicit(&table[index / HANDLE_CHUNK], memory_order_relaxed);
	if (!c) {
		if (h->chunks >= HANDLE_CHUNKS_MAX)
			return NULL;
		c = calloc(1, sizeof(*c));
		if (!c)
			return NULL;
		h->chunks++;
		atomic_store_explicit(&table[index / HANDLE_CHUNK], c, memory_order_release);
	}
	return &c->entry[index % HANDLE_CHUNK];
}

/* What could not be made, and so not be destroyed: its place is free once the client uses it again. */
static bool is_failed(const struct handle_entry *e)
{
	return atomic_load_explicit(&e->error, memory_order_relaxed) &&
	       !atomic_load_explicit(&e->real, memory_order_relaxed);
}

int handles_set(struct handles *h, enum kind kind, uint64_t id, void *real, int error)
{
	struct handle_entry *e;
	int err = 0;

	if (!handle_valid(id) || handle_kind(id) != (unsigned)kind || (unsigned)kind >= KIND_COUNT)
		return -EINVAL;

	pthread_mutex_lock(&h->lock);
	e = entry_make(h, kind, id);
	if (!e) {
		err = -ENOMEM;
		goto unlock;
	}
	if (atomic_load_explicit(&e->id, memory_order_relaxed)) {
		if (!is_failed(e)) {
			err = -EEXIST;
			goto unlock;
		}
		atomic_store_explicit(&e->id, 0, memory_order_release);
	}
	atomic_store_explicit(&e->real, real, memory_order_relaxed);
	atomic_store_explicit(&e->state, NULL, memory_order_relaxed);
	atomic_store_explicit(&e->owner, NULL, memory_order_relaxed);
	atomic_store_explicit(&e->error, error, memory_order_relaxed);
	atomic_store_explicit(&e->id, id, memory_order_release);
unlock:
	pthread_mutex_unlock(&h->lock);
	return err;
}

void handles_attach(struct handles *h, enum kind kind, uint64_t id, void *state)
{
	struct handle_entry *e;

	pthread_mutex_lock(&h->lock);
	e = handles_find(h, kind, id);
	if (e)
		atomic_store_explicit(&e->state, state, memory_order_release);
	pthread_mutex_unlock(&h->lock);
}

void handles_own(struct handles *h, enum kind kind, uint64_t id, void *owner)
{
	struct handle_entry *e;

	pthread_mutex_lock(&h->lock);
	e = handles_find(h, kind, id);
	if (e)
		atomic_store_explicit(&e->owner, owner, memory_order_relaxed);
	pthread_mutex_unlock(&h->lock);
}

void handles_drop(struct handles *h, enum kind kind, uint64_t id)
{
	struct handle_entry *e;

	pthread_mutex_lock(&h->lock);
	e = handles_find(h, kind, id);
	if (e)
		atomic_store_explicit(&e->id, 0, memory_order_release);
	pthread_mutex_unlock(&h->lock);
}

void handles_each(struct handles *h, enum kind kind,
	void (*each)(void *user, uint64_t id, struct handle_entry *e), void *user)
{
	struct handle_chunk *_Atomic *table = __atomic_load_n(&h->chunk[kind], __ATOMIC_ACQUIRE);

	for (unsigned i = 0; table && i < HANDLE_CHUNKS; i++) {
		struct handle_chunk *c = atomic_load_explicit(&table[i], memory_order_acquire);

		for (unsigned j = 0; c && j < HANDLE_CHUNK; j++) {
			uint64_t id = atomic_load_explicit(&c->entry[j].id, memory_order_acquire);

			if (id)
				each(user, id, &c->entry[j]);
		}
	}
}

static size_t slot_first(uint64_t value, size_t room)
{
	return (value * 0x9e3779b97f4a7c15ull >> 20) & (room - 1);
}

/* The slot of @value, or one past the last. */
static size_t set_find(const struct real_set *s, uint64_t value)
{
	size_t i;

	if (!s->room)
		return 0;
	i = slot_first(value, s->room);
	while (s->slot[i] != SLOT_FREE) {
		if (s->slot[i] == value)
			return i;
		i = (i + 1) & (s->room - 1);
	}
	return s->room;
}

static void set_put(struct real_set *s, uint64_t value)
{
	size_t i = slot_first(value, s->room);

	while (s->slot[i] != SLOT_FREE)
		i = (i + 1) & (s->room - 1);
	s->slot[i] = value;
	s->used++;
	s->live++;
}

/* Room for one more at a load of at most 3/4. */
static int set_grow(struct real_set *s)
{
	struct real_set bigger = {0};

	if (4 * (s->used + 1) <= 3 * s->room)
		return 0;
	bigger.room = SET_ROOM_MIN;
	while (bigger.room < 4 * (s->live + 1))
		bigger.room *= 2;
	bigger.slot = calloc(bigger.room, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < s->room; i++) {
		if (real_possible(s->slot[i]))
			set_put(&bigger, s->slot[i]);
	}
	free(s->slot);
	*s = bigger;
	return 0;
}

bool handles_real_has(struct handles *h, enum kind kind, uint64_t value)
{
	struct real_set *s = &h->set[kind];
	bool has;

	if (!real_possible(value))
		return false;
	pthread_mutex_lock(&h->lock);
	has = set_find(s, value) < s->room;
	pthread_mutex_unlock(&h->lock);
	return has;
}

int handles_real_add(struct handles *h, enum kind kind, uint64_t value)
{
	struct real_set *s = &h->set[kind];
	int err = 0;

	if (!real_possible(value))
		return -EINVAL;
	pthread_mutex_lock(&h->lock);
	if (set_find(s, value) < s->room)
		goto unlock;
	err = h->reals >= REAL_MAX ? -ENOMEM : set_grow(s);
	if (!err) {
		set_put(s, value);
		h->reals++;
	}
unlock:
	pthread_mutex_unlock(&h->lock);
	return err;
}

void handles_real_drop(struct handles *h, enum kind kind, uint64_t value)
{
	struct real_set *s = &h->set[kind];
	size_t i;

	if (!real_possible(value))
		return;
	pthread_mutex_lock(&h->lock);
	i = set_find(s, value);
	if (i < s->room) {
		s->slot[i] = SLOT_DELETED;
		s->live--;
		h->reals--;
	}
	pthread_mutex_unlock(&h->lock);
}
