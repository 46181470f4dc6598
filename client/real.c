/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See real.h. A set of values for each kind, by open addressing, under one
 * lock. When there is no memory for another value, or more than a process
 * plausibly has in use, so that they are of things long gone, every value of
 * its kind is taken for known: the server, which checks them too, decides.
 */
#include "real.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64, LIVE_MAX = 1 << 14 };

struct set {
	uint64_t *slot; /* 0: free, GONE: was used */
	size_t size, used;
	bool unsure;
};

#define GONE UINT64_MAX

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct set sets[KIND_COUNT];

/* Where @value is, or the free slot that ends the search for it. */
static uint64_t *find(const struct set *s, uint64_t value)
{
	size_t i = (value >> 4) * 0x9e3779b97f4a7c15u >> 20;

	while (s->slot[i & (s->size - 1)] != value && s->slot[i & (s->size - 1)] != 0)
		i++;
	return &s->slot[i & (s->size - 1)];
}

static bool grow(struct set *s)
{
	size_t live = 0;
	struct set wider = {0};

	for (size_t i = 0; i < s->size; i++)
		live += s->slot[i] != 0 && s->slot[i] != GONE;
	if (live >= LIVE_MAX)
		return false;
	wider.size = FIRST_SIZE;
	while (wider.size < 4 * (live + 1))
		wider.size *= 2;
	wider.slot = calloc(wider.size, sizeof(*wider.slot));
	if (!wider.slot)
		return false;
	for (size_t i = 0; i < s->size; i++) {
		if (s->slot[i] != 0 && s->slot[i] != GONE)
			*find(&wider, s->slot[i]) = s->slot[i];
	}
	wider.used = live;
	free(s->slot);
	*s = wider;
	return true;
}

static void add(struct set *s, uint64_t value)
{
	uint64_t *slot;

	if (s->unsure)
		return;
	if (2 * (s->used + 1) > s->size && !grow(s)) {
		free(s->slot);
		*s = (struct set){.unsure = true};
		return;
	}
	slot = find(s, value);
	s->used += *slot != value;
	*slot = value;
}

void real_learn(enum kind kind, const void *values, size_t n)
{
	uint64_t value;

	pthread_rwlock_wrlock(&lock);
	for (size_t i = 0; i < n; i++) {
		memcpy(&value, (const char *)values + i * sizeof(value), sizeof(value));
		if (value && value != GONE)
			add(&sets[kind], value);
	}
	pthread_rwlock_unlock(&lock);
}

void real_forget(enum kind kind, uint64_t value)
{
	struct set *s = &sets[kind];
	uint64_t *slot;

	pthread_rwlock_wrlock(&lock);
	if (s->size && value && value != GONE) {
		slot = find(s, value);
		if (*slot == value)
			*slot = GONE;
	}
	pthread_rwlock_unlock(&lock);
}

bool real_known(enum kind kind, uint64_t value)
{
	const struct set *s = &sets[kind];
	bool known;

	pthread_rwlock_rdlock(&lock);
	known = s->unsure || (s->size && value && value != GONE && *find(s, value) == value);
	pthread_rwlock_unlock(&lock);
	return known;
}
