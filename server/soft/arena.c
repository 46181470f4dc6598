/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's addresses: one reserved stretch, first fit over a sorted list of
 * free extents. It hands out addresses only; how much memory a device has is
 * device_charge's business.
 */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct extent {
	uintptr_t addr;
	size_t size;
};

struct arena {
	uintptr_t base;
	size_t size;
	struct extent *free;
	size_t count, room;
};

int arena_create(struct arena **out, size_t size)
{
	struct arena *a = calloc(1, sizeof(*a));
	void *base;

	if (!a)
		return -ENOMEM;
	a->room = 64;
	a->free = malloc(a->room * sizeof(*a->free));
	if (!a->free)
		goto free_arena;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (base == MAP_FAILED)
		goto free_extents;
	madvise(base, size, MADV_DONTDUMP);
	a->base = (uintptr_t)base;
	a->size = size;
	a->free[0] = (struct extent){a->base, size};
	a->count = 1;
	*out = a;
	return 0;

free_extents:
	free(a->free);
free_arena:
	free(a);
	return -ENOMEM;
}

static int make_room(struct arena *a)
{
	struct extent *grown;

	if (a->count < a->room)
		return 0;
	grown = realloc(a->free, a->room * 2 * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	a->free = grown;
	a->room *= 2;
	return 0;
}

static void insert(struct arena *a, size_t at, uintptr_t addr, size_t size)
{
	memmove(a->free + at + 1, a->free + at, (a->count - at) * sizeof(*a->free));
	a->free[at] = (struct extent){addr, size};
	a->count++;
}

static void remove_at(struct arena *a, size_t at)
{
	memmove(a->free + at, a->free + at + 1, (a->count - at - 1) * sizeof(*a->free));
	a->count--;
}

int arena_alloc(struct arena *a, size_t size, size_t align, uintptr_t *out)
{
	uintptr_t addr = 0, end = 0;
	size_t i;

	if (make_room(a) < 0)
		return -ENOMEM;
	for (i = 0; i < a->count; i++) {
		addr = round_up(a->free[i].addr, align);
		end = a->free[i].addr + a->free[i].size;
		if (addr < end && end - addr >= size)
			break;
	}
	if (i == a->count)
		return -ENOMEM;
	if (end > addr + size)
		insert(a, i + 1, addr + size, end - addr - size);
	a->free[i].size = addr - a->free[i].addr;
	if (!a->free[i].size)
		remove_at(a, i);
	*out = addr;
	return 0;
}

/* Whole pages inside go back to the system; what else lay in them keeps its page. */
static void discard(uintptr_t addr, size_t size)
{
	uintptr_t first = round_up(addr, 4096), end = (addr + size) & ~(uintptr_t)4095;

	if (first < end)
		madvise((void *)first, end - first, MADV_DONTNEED);
}

void arena_free(struct arena *a, uintptr_t addr, size_t size)
{
	size_t lo = 0, hi = a->count, mid;

	discard(addr, size);
	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (a->free[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo && a->free[lo - 1].addr + a->free[lo - 1].size == addr) {
		a->free[lo - 1].size += size;
		if (lo < a->count && addr + size == a->free[lo].addr) {
			a->free[lo - 1].size += a->free[lo].size;
			remove_at(a, lo);
		}
		return;
	}
	if (lo < a->count && addr + size == a->free[lo].addr) {
		a->free[lo].addr = addr;
		a->free[lo].size += size;
		return;
	}
	if (make_room(a) < 0)
		return; /* the addresses are lost, not the memory */
	insert(a, lo, addr, size);
}

bool arena_owns(struct arena *a, uintptr_t addr)
{
	return addr - a->base < a->size;
}
