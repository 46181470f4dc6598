/* SPDX-License-Identifier: Apache-2.0 */
/* See numbers.h. The room is a power of two; without memory to grow it stays as it is. */
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_FIRST = 64 };

static struct numbered **bucket(const struct numbers *n, uint64_t number)
{
	return &n->bucket[number & (n->room - 1)];
}

static void put(struct numbers *n, struct numbered *thing)
{
	struct numbered **b = bucket(n, thing->number);

	thing->next = *b;
	*b = thing;
}

static void grow(struct numbers *n)
{
	struct numbers old = *n;
	size_t room = n->room ? 2 * n->room : ROOM_FIRST;
	struct numbered **bigger = calloc(room, sizeof(struct numbered *));

	if (!bigger)
		return;
	n->bucket = bigger;
	n->room = room;
	for (size_t i = 0; i < old.room; i++) {
		struct numbered *next;

		for (struct numbered *t = old.bucket[i]; t; t = next) {
			next = t->next;
			put(n, t);
		}
	}
	free((void *)old.bucket);
}

int numbers_add(struct numbers *n, struct numbered *thing)
{
	if (numbers_find(n, thing->number))
		return -EEXIST;
	if (n->count == n->room)
		grow(n);
	if (!n->room)
		return -ENOMEM;
	put(n, thing);
	n->count++;
	return 0;
}

struct numbered *numbers_find(const struct numbers *n, uint64_t number)
{
	struct numbered *t = n->room ? *bucket(n, number) : NULL;

	while (t && t->number != number)
		t = t->next;
	return t;
}

void numbers_remove(struct numbers *n, struct numbered *thing)
{
	struct numbered **b = bucket(n, thing->number);

	while (*b != thing)
		b = &(*b)->next;
	*b = thing->next;
	n->count--;
}
