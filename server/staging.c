/* SPDX-License-Identifier: Apache-2.0 */
/* See staging.h. Slots have no order among them, so that a stream that stands still holds only its
 * own. */
#include "staging.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "log.h"

static const struct {
	uint32_t size, count; /* of the slots there are at first, and are added at a time */
} classes[STAGING_CLASSES] = {
	[STAGING_CLASS_SMALL] = {STAGING_SMALL, 512},
	[STAGING_CLASS_MEDIUM] = {STAGING_MEDIUM, 64},
	[STAGING_CLASS_LARGE] = {STAGING_LARGE, 32},
	[STAGING_CLASS_CHUNK] = {BULK_CHUNK, STAGING_OUT_CHUNKS},
	[STAGING_CLASS_IN] = {BULK_CHUNK, STAGING_IN_CHUNKS},
};

/* One mapping, pinned as a whole. */
struct block {
	LIST_ENTRY(block) link;
	uint8_t *memory;
	size_t size;
	bool pinned;
	struct context *owner;
	struct slot slots[];
};

struct staging {
	pthread_mutex_t pinning; /* blocks and what they are pinned with */
	LIST_HEAD(, block) blocks;
	size_t grown;
	pthread_mutex_t lock; /* free */
	struct slot *free[STAGING_CLASSES];
};

static struct slot *slots_cut(
	struct staging *st, struct slot *slot, uint8_t **at, enum staging_class class)
{
	for (uint32_t i = 0; i < classes[class].count; i++, slot++, *at += classes[class].size) {
		*slot = (struct slot){*at, classes[class].size, class, st->free[class]};
		st->free[class] = slot;
	}
	return slot;
}

/* Room for the slots of the classes from @first to @last. */
static struct block *block_create(enum staging_class first, enum staging_class last)
{
	size_t size = 0, count = 0;
	struct block *b;

	for (unsigned i = first; i <= last; i++) {
		size += (size_t)classes[i].count * classes[i].size;
		count += classes[i].count;
	}
	b = calloc(1, sizeof(*b) + count * sizeof(b->slots[0]));
	if (!b)
		return NULL;
	b->size = size;
	b->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->memory != MAP_FAILED)
		return b;
	free(b);
	return NULL;
}

static void block_destroy(struct block *b)
{
	munmap(b->memory, b->size);
	free(b);
}

/* The warm context becomes device 0's primary one. */
static struct context *owner_of(struct context *c)
{
	return c && c->primary && !c->device ? NULL : c;
}

static int block_pin(struct block *b, struct context *context)
{
	CUresult r;

	if (b->pinned)
		return 0;
	r = driver.cuMemHostRegister_v2(b->memory, b->size, CU_MEMHOSTREGISTER_PORTABLE);
	if (r) {
		log_warn("cannot pin the staging memory: %d", (int)r);
		return -EIO;
	}
	b->pinned = true;
	b->owner = owner_of(context);
	return 0;
}

static void block_add(struct staging *st, struct block *b, enum staging_class first,
	enum staging_class last)
{
	struct slot *slot = b->slots;
	uint8_t *at = b->memory;

	LIST_INSERT_HEAD(&st->blocks, b, link);
	pthread_mutex_lock(&st->lock);
	for (unsigned i = first; i <= last; i++)
		slot = slots_cut(st, slot, &at, i);
	pthread_mutex_unlock(&st->lock);
}

int staging_create(struct staging **out)
{
	struct staging *st = calloc(1, sizeof(*st));
	struct block *b = block_create(0, STAGING_CLASSES - 1);

	if (!st || !b) {
		free(st);
		if (b)
			block_destroy(b);
		return -ENOMEM;
	}
	pthread_mutex_init(&st->lock, NULL);
	pthread_mutex_init(&st->pinning, NULL);
	LIST_INIT(&st->blocks);
	block_add(st, b, 0, STAGING_CLASSES - 1);
	*out = st;
	return 0;
}

void staging_destroy(struct staging *st)
{
	struct block *b;

	if (!st)
		return;
	while ((b = LIST_FIRST(&st->blocks))) {
		LIST_REMOVE(b, link);
		block_destroy(b);
	}
	pthread_mutex_destroy(&st->lock);
	free(st);
}

int staging_pin(struct staging *st, struct context *context)
{
	struct block *b;
	int err = 0;

	pthread_mutex_lock(&st->pinning);
	LIST_FOREACH(b, &st->blocks, link) {
		if (!err)
			err = block_pin(b, context);
	}
	pthread_mutex_unlock(&st->pinning);
	return err;
}

void staging_unpin(struct staging *st, struct context *context)
{
	struct block *b;

	pthread_mutex_lock(&st->pinning);
	LIST_FOREACH(b, &st->blocks, link) {
		if (!b->pinned || b->owner != owner_of(context))
			continue;
		driver.cuMemHostUnregister(b->memory);
		b->pinned = false;
		b->owner = NULL;
	}
	pthread_mutex_unlock(&st->pinning);
}

bool staging_grow(struct staging *st, enum staging_class class, struct context *context)
{
	size_t size = (size_t)classes[class].count * classes[class].size;
	bool grown = false;
	struct block *b;

	pthread_mutex_lock(&st->pinning);
	if (st->grown + size > STAGING_GROWN_MAX)
		goto unlock;
	b = block_create(class, class);
	if (!b)
		goto unlock;
	if (block_pin(b, context)) {
		block_destroy(b);
		goto unlock;
	}
	st->grown += size;
	block_add(st, b, class, class);
	grown = true;
unlock:
	pthread_mutex_unlock(&st->pinning);
	return grown;
}

enum staging_class staging_class(size_t size)
{
	enum staging_class class = STAGING_CLASS_SMALL;

	while (size > classes[class].size)
		class++;
	return class;
}

struct slot *staging_take_exactly(struct staging *st, enum staging_class class)
{
	struct slot *slot;

	pthread_mutex_lock(&st->lock);
	slot = st->free[class];
	if (slot)
		st->free[class] = slot->next;
	pthread_mutex_unlock(&st->lock);
	return slot;
}

struct slot *staging_take(struct staging *st, enum staging_class class)
{
	struct slot *slot = staging_take_exactly(st, class);

	while (!slot && class < STAGING_CLASS_LARGE)
		slot = staging_take_exactly(st, ++class);
	return slot;
}

void staging_give(struct staging *st, struct slot *slot)
{
	pthread_mutex_lock(&st->lock);
	slot->next = st->free[slot->class];
	st->free[slot->class] = slot;
	pthread_mutex_unlock(&st->lock);
}
