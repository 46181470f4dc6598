/* SPDX-License-Identifier: Apache-2.0 */
/* See copyout.h. A fixed table of slots that grows by chunks; ids carry a generation. */
#include "copyout.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "receive.h"

enum { CHUNK = 256, CHUNKS = 4096 };

struct slot {
	uint64_t id; /* 0: free */
	uint32_t generation;
	bool awaited;
	bool behind;	/* another that nobody waits for was to fill some of its memory before */
	bool cancelled; /* ends as soon as no lane receives into it */
	unsigned held;	/* lanes that do */
	struct copyout_target target;
	uint64_t total, arrived;
	uint8_t *staging; /* packed bytes of a target with rows */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all below */
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER; /* one that was cancelled */
static struct slot *chunk[CHUNKS];
static uint32_t used;
static uint32_t *free_list;
static uint32_t free_count, free_size;
static _Atomic uint32_t unawaited;

static struct slot *slot_at(uint32_t index)
{
	return &chunk[index / CHUNK][index % CHUNK];
}

static struct slot *find(uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (!id || index >= used)
		return NULL;
	return slot_at(index)->id == id ? slot_at(index) : NULL;
}

/* Nobody has this id any more, but somebody had. */
static bool is_over(uint64_t id)
{
	uint32_t index = (uint32_t)id;
	uint32_t generation = id >> 32;

	return generation && index < used && generation <= slot_at(index)->generation && !find(id);
}

static bool take_index(uint32_t *out)
{
	if (free_count) {
		*out = free_list[--free_count];
		return true;
	}
	if (used == CHUNK * CHUNKS)
		return false;
	if (!chunk[used / CHUNK]) {
		chunk[used / CHUNK] = calloc(CHUNK, sizeof(struct slot));
		if (!chunk[used / CHUNK])
			return false;
	}
	*out = used++;
	return true;
}

static void release(struct slot *s)
{
	uint32_t index = (uint32_t)s->id;

	if (!s->awaited) {
		atomic_fetch_sub(&unawaited, 1);
		receive_unasked(-1);
	}
	free(s->staging);
	s->staging = NULL;
	s->id = 0;
	if (free_count == free_size) {
		uint32_t size = free_size ? free_size * 2 : CHUNK;
		uint32_t *list = realloc(free_list, size * sizeof(*list));

		if (!list)
			return;
		free_list = list;
		free_size = size;
	}
	free_list[free_count++] = index;
}

static bool is_flat(const struct copyout_target *t)
{
	return t->depth == 1 && (t->height == 1 || t->pitch == t->width);
}

static size_t extent(const struct copyout_target *t)
{
	return (t->depth - 1) * t->slice + (t->height - 1) * t->pitch + t->width;
}

/* Copies that nobody waits for fill some of this memory. The lock is held. */
static bool filled(const void *host, size_t size)
{
	bool found = false;

	for (uint32_t i = 0; !found && atomic_load(&unawaited) && i < used; i++) {
		const struct slot *s = slot_at(i);
		const char *begin = s->target.host;

		found = s->id && !s->awaited && begin < (const char *)host + size &&
			(const char *)host < begin + extent(&s->target);
	}
	return found;
}

uint64_t copyout_begin(const struct copyout_target *target, bool awaited)
{
	struct slot *s;
	uint64_t id = 0;
	uint32_t index;

	pthread_mutex_lock(&lock);
	if (!take_index(&index))
		goto out;
	s = slot_at(index);
	s->target = *target;
	s->total = (uint64_t)target->width * target->height * target->depth;
	s->arrived = 0;
	s->cancelled = false;
	s->held = 0;
	s->awaited = awaited;
	s->behind = filled(target->host, extent(target));
	s->id = id = (uint64_t)++s->generation << 32 | index;
	if (!awaited) {
		atomic_fetch_add(&unawaited, 1);
		receive_unasked(1);
	}
	if (!is_flat(target)) {
		s->staging = malloc(s->total ? s->total : 1);
		if (!s->staging) {
			release(s);
			id = 0;
		}
	}
out:
	pthread_mutex_unlock(&lock);
	return id;
}

/* The lock is held. */
static void cancel(struct slot *s)
{
	s->cancelled = true;
	if (s->held)
		return;
	release(s);
	pthread_cond_broadcast(&ended);
}

void copyout_cancel(uint64_t id)
{
	struct slot *s;

	pthread_mutex_lock(&lock);
	s = find(id);
	if (s)
		cancel(s);
	while (find(id))
		pthread_cond_wait(&ended, &lock);
	pthread_mutex_unlock(&lock);
}

static void spread(const struct slot *s)
{
	const struct copyout_target *t = &s->target;
	const uint8_t *from = s->staging;

	for (size_t z = 0; z < t->depth; z++) {
		for (size_t y = 0; y < t->height; y++, from += t->width)
			memcpy((uint8_t *)t->host + z * t->slice + y * t->pitch, from, t->width);
	}
}

/* Where bytes of a copy go, which is held until they have come. */
struct place {
	uint8_t *to;  /* NULL: nobody wants them any more */
	bool behind;  /* an earlier copy may still be filling that memory */
	bool awaited; /* by a thread; else programs look at the memory, also for a flag which says
		       * that the copies before it are complete */
};

static bool place(uint64_t id, uint64_t offset, size_t size, struct place *out)
{
	struct slot *s;
	bool fits;

	*out = (struct place){NULL};
	pthread_mutex_lock(&lock);
	s = find(id);
	fits = s ? offset <= s->total && size <= s->total - offset : is_over(id);
	if (fits && s && !s->cancelled) {
		out->to = (s->staging ? s->staging : (uint8_t *)s->target.host) + offset;
		out->behind = s->behind;
		out->awaited = s->awaited;
		s->held++;
	}
	pthread_mutex_unlock(&lock);
	return fits;
}

bool copyout_place(uint64_t id, uint64_t offset, size_t size, void **out, bool *behind)
{
	struct place p;

	if (!place(id, offset, size, &p))
		return false;
	*out = p.to;
	*behind = p.behind;
	return true;
}

void copyout_arrived(uint64_t id, size_t size)
{
	struct slot *s;

	pthread_mutex_lock(&lock);
	s = find(id);
	s->held--;
	s->arrived += size;
	if (s->cancelled) {
		cancel(s);
	} else if (s->arrived >= s->total && !s->held) {
		if (s->staging)
			spread(s);
		release(s);
	}
	pthread_mutex_unlock(&lock);
}

bool copyout_data(uint64_t id, uint64_t offset, const void *data, size_t size, uint32_t pushes)
{
	struct slot *s;
	struct place p;

	if (offset == UINT64_MAX) {
		pthread_mutex_lock(&lock);
		s = find(id);
		if (s)
			cancel(s);
		pthread_mutex_unlock(&lock);
		return true;
	}
	if (!data || !place(id, offset, size, &p))
		return false;
	if (p.to) {
		if (p.behind || !p.awaited)
			receive_chunks(pushes);
		memcpy(p.to, data, size);
		copyout_arrived(id, size);
	}
	return true;
}

bool copyout_pending(const void *host, size_t size)
{
	bool found;

	if (!atomic_load_explicit(&unawaited, memory_order_acquire))
		return false;
	pthread_mutex_lock(&lock);
	found = filled(host, size);
	pthread_mutex_unlock(&lock);
	return found;
}
