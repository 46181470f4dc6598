/* SPDX-License-Identifier: Apache-2.0 */
/* See arena.h. A sorted array: fragments are few, and a memmove of them is cheaper than a tree. */
#include "arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int arena_init(struct arena *a, uint64_t base, uint64_t size)
{
	memset(a, 0, sizeof(*a));
	a->room = 4;
	a->range = calloc(a->room, sizeof(*a->range));
	if (!a->range)
		return -ENOMEM;
	a->base = base;
	a->size = size;
	a->left = size;
	a->range[0] = (struct arena_range){base, size};
	a->count = size ? 1 : 0;
	return 0;
}

void arena_fini(struct arena *a)
{
	free(a->range);
	memset(a, 0, sizeof(*a));
}

/* Room for one more range, so that nothing after it can fail. */
static int arena_grow(struct arena *a)
{
	struct arena_range *bigger;

	if (a->count < a->room)
		return 0;
	bigger = realloc(a->range, 2 * a->room * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	a->range = bigger;
	a->room *= 2;
	return 0;
}

static void range_insert(struct arena *a, size_t i, uint64_t base, uint64_t size)
{
	memmove(&a->range[i + 1], &a->range[i], (a->count - i) * sizeof(*a->range));
	a->range[i] = (struct arena_range){base, size};
	a->count++;
}

static void range_delete(struct arena *a, size_t i)
{
	a->count--;
	memmove(&a->range[i], &a->range[i + 1], (a->count - i) * sizeof(*a->range));
}

/* Cut [base, base + size) out of the free range @i, which holds it. */
static int range_cut(struct arena *a, size_t i, uint64_t base, uint64_t size)
{
	uint64_t before = base - a->range[i].base;
	uint64_t after = a->range[i].size - before - size;

	if (before && after) {
		int err = arena_grow(a);

		if (err)
			return err;
		range_insert(a, i + 1, base + size, after);
		a->range[i].size = before;
	} else if (before) {
		a->range[i].size = before;
	} else if (after) {
		a->range[i] = (struct arena_range){base + size, after};
	} else {
		range_delete(a, i);
	}
	a->left -= size;
	return 0;
}

int arena_alloc(struct arena *a, uint64_t size, uint64_t align, uint64_t *out)
{
	if (!size || size > a->left)
		return -ENOMEM;
	for (size_t i = 0; i < a->count; i++) {
		const struct arena_range *r = &a->range[i];
		uint64_t base = (r->base + align - 1) & ~(align - 1);
		int err;

		if (base < r->base || base - r->base >= r->size ||
			r->size - (base - r->base) < size)
			continue;
		err = range_cut(a, i, base, size);
		if (!err)
			*out = base;
		return err;
	}
	return -ENOMEM;
}

/* The first range that ends above @base; a->count: none. */
static size_t range_above(const struct arena *a, uint64_t base)
{
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->range[middle].base + a->range[middle].size > base)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int arena_alloc_at(struct arena *a, uint64_t base, uint64_t size)
{
	size_t i = range_above(a, base);
	const struct arena_range *r = &a->range[i];

	if (!size || i == a->count || base < r->base || r->size - (base - r->base) < size)
		return -EBUSY;
	return range_cut(a, i, base, size);
}

int arena_free(struct arena *a, uint64_t base, uint64_t size)
{
	size_t i = range_above(a, base);
	struct arena_range *before = i ? &a->range[i - 1] : NULL;
	struct arena_range *after = i < a->count ? &a->range[i] : NULL;
	int err;

	if (!size || base < a->base || base - a->base >= a->size ||
		a->size - (base - a->base) < size || (after && after->base < base + size))
		return -EINVAL;

	if (before && before->base + before->size == base) {
		before->size += size;
		if (after && after->base == base + size) {
			before->size += after->size;
			range_delete(a, i);
		}
	} else if (after && after->base == base + size) {
		after->base = base;
		after->size += size;
	} else {
		err = arena_grow(a);
		if (err)
			return err;
		range_insert(a, i, base, size);
	}
	a->left += size;
	return 0;
}
