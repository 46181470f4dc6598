/* SPDX-License-Identifier: Apache-2.0 */
/* See staging.h. Slots have no order among them, so that a stream that stands still holds only its
 * own. */
#include "staging.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "log.h"

enum { CLASSES = 4, CLASS_OUT = 3 };

static const struct {
	uint32_t size, count;
} classes[CLASSES] = {
	{STAGING_SMALL, 512},
	{STAGING_MEDIUM, 64},
	{STAGING_LARGE, 32},
	{BULK_CHUNK, STAGING_OUT_CHUNKS},
};

struct staging {
	uint8_t *memory;
	size_t size;
	bool pinned;
	struct context *owner;
	pthread_mutex_t lock; /* the free lists */
	struct slot *free[CLASSES];
	struct slot *slots;
	struct slot in[STAGING_IN_CHUNKS];
};

static size_t slots_count(void)
{
	size_t n = 0;

	for (int i = 0; i < CLASSES; i++)
		n += classes[i].count;
	return n;
}

static size_t staging_size(void)
{
	size_t n = (size_t)STAGING_IN_CHUNKS * BULK_CHUNK;

	for (int i = 0; i < CLASSES; i++)
		n += (size_t)classes[i].count * classes[i].size;
	return n;
}

static void slots_cut(struct staging *st)
{
	uint8_t *at = st->memory;
	struct slot *slot = st->slots;

	for (int i = 0; i < STAGING_IN_CHUNKS; i++, at += BULK_CHUNK)
		st->in[i] = (struct slot){at, BULK_CHUNK, i, NULL};
	for (int i = CLASSES - 1; i >= 0; i--) {
		for (uint32_t j = 0; j < classes[i].count; j++, slot++, at += classes[i].size) {
			*slot = (struct slot){at, classes[i].size, i, st->free[i]};
			st->free[i] = slot;
		}
	}
}

int staging_create(struct staging **out)
{
	struct staging *st = calloc(1, sizeof(*st));

	if (!st)
		return -ENOMEM;
	st->size = staging_size();
	st->slots = calloc(slots_count(), sizeof(*st->slots));
	st->memory =
		mmap(NULL, st->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!st->slots || st->memory == MAP_FAILED) {
		free(st->slots);
		free(st);
		return -ENOMEM;
	}
	pthread_mutex_init(&st->lock, NULL);
	slots_cut(st);
	*out = st;
	return 0;
}

void staging_destroy(struct staging *st)
{
	if (!st)
		return;
	munmap(st->memory, st->size);
	pthread_mutex_destroy(&st->lock);
	free(st->slots);
	free(st);
}

int staging_pin(struct staging *st, struct context *context)
{
	CUresult r;

	if (st->pinned)
		return 0;
	r = driver.cuMemHostRegister_v2(st->memory, st->size, CU_MEMHOSTREGISTER_PORTABLE);
	if (r) {
		log_warn("cannot pin the staging memory: %d", (int)r);
		return -EIO;
	}
	st->pinned = true;
	st->owner = context;
	return 0;
}

void staging_unpin(struct staging *st, struct context *context)
{
	if (!st->pinned || st->owner != context)
		return;
	driver.cuMemHostUnregister(st->memory);
	st->pinned = false;
	st->owner = NULL;
}

static struct slot *class_take(struct staging *st, int class)
{
	struct slot *slot;

	pthread_mutex_lock(&st->lock);
	slot = st->free[class];
	if (slot)
		st->free[class] = slot->next;
	pthread_mutex_unlock(&st->lock);
	return slot;
}

struct slot *staging_take(struct staging *st, size_t size)
{
	for (int i = 0; i < CLASS_OUT; i++) {
		struct slot *slot = size <= classes[i].size ? class_take(st, i) : NULL;

		if (slot)
			return slot;
	}
	return NULL;
}

struct slot *staging_take_out(struct staging *st)
{
	return class_take(st, CLASS_OUT);
}

void staging_give(struct staging *st, struct slot *slot)
{
	pthread_mutex_lock(&st->lock);
	slot->next = st->free[slot->index];
	st->free[slot->index] = slot;
	pthread_mutex_unlock(&st->lock);
}

struct slot *staging_in(struct staging *st, unsigned index)
{
	return &st->in[index];
}
