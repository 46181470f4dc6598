/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address ranges that devices know: a sorted array, since look-ups (by
 * every copy and kernel) are far more frequent than changes. It has its own
 * lock because kernels look addresses up while they run; changes take it for
 * writing with gpu.lock held, so holders of gpu.lock may read without it.
 *
 * Pages that are taken away while something runs (cuMemUnmap does not wait)
 * become zombies: out of the tree at once, truly gone when nothing that could
 * have looked them up is running any more. So a racing kernel gets an error or
 * reads old bytes, but never brings the process down.
 */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct range **tree;
static size_t count, room;
static pthread_rwlock_t tree_lock = PTHREAD_RWLOCK_INITIALIZER;

struct zombie {
	uintptr_t addr;
	size_t size;
	bool reserved; /* give the addresses back */
};

static struct zombie *zombies;
static size_t zombies_count, zombies_room;

void ranges_init(void)
{
	count = 0;
}

size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

/* Index of the first range that ends above @addr. */
static size_t search(uint64_t addr)
{
	size_t lo = 0, hi = count, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (tree[mid]->addr + tree[mid]->size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int range_insert(struct range *r)
{
	struct range **grown;
	size_t at;

	if (count == room) {
		grown = malloc((room ? room * 2 : 64) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pthread_rwlock_wrlock(&tree_lock);
		if (count)
			memcpy(grown, tree, count * sizeof(*grown));
		free(tree);
		tree = grown;
		room = room ? room * 2 : 64;
		pthread_rwlock_unlock(&tree_lock);
	}
	pthread_rwlock_wrlock(&tree_lock);
	at = search(r->addr);
	memmove(tree + at + 1, tree + at, (count - at) * sizeof(*tree));
	tree[at] = r;
	count++;
	pthread_rwlock_unlock(&tree_lock);
	return 0;
}

void range_remove(struct range *r)
{
	size_t at;

	pthread_rwlock_wrlock(&tree_lock);
	at = search(r->addr);
	if (at < count && tree[at] == r) {
		memmove(tree + at, tree + at + 1, (count - at - 1) * sizeof(*tree));
		count--;
	}
	pthread_rwlock_unlock(&tree_lock);
}

void range_set_access(struct range *r, uint32_t readers, uint32_t writers)
{
	pthread_rwlock_wrlock(&tree_lock);
	r->readers = readers;
	r->writers = writers;
	pthread_rwlock_unlock(&tree_lock);
}

void ranges_set_pool_access(struct pool *p, uint32_t access)
{
	size_t i;

	pthread_rwlock_wrlock(&tree_lock);
	for (i = 0; i < count; i++)
		if (tree[i]->pool == p)
			tree[i]->readers = tree[i]->writers = access;
	pthread_rwlock_unlock(&tree_lock);
}

struct range *range_find(uint64_t addr)
{
	size_t at = search(addr);

	return at < count && tree[at]->addr <= addr ? tree[at] : NULL;
}

/* The first range at or above @addr. */
static struct range *range_next(uint64_t addr)
{
	size_t at = search(addr);

	return at < count ? tree[at] : NULL;
}

struct range *range_overlaps(uint64_t addr, size_t size)
{
	struct range *r = range_next(addr);

	return r && r->addr < addr + size ? r : NULL;
}

static bool may(const struct range *r, unsigned dev, uint32_t peers, bool write)
{
	uint32_t mask = write ? r->writers : r->readers;

	if (mask & 1u << dev)
		return true;
	return r->kind == RANGE_ALLOC && peers & 1u << r->dev->index;
}

/*
 * Widens to both sides over neighbours of the same permissions: a big mapping
 * made of small pieces is then one stretch to whoever asks.
 */
bool range_access(
	unsigned dev, uint32_t peers, uint64_t addr, size_t size, bool write, struct ptx_range *out)
{
	size_t at, first, last;
	bool ok = false;

	if (addr + size < addr)
		return false;
	pthread_rwlock_rdlock(&tree_lock);
	at = first = last = search(addr);
	if (at == count || tree[at]->addr > addr || !may(tree[at], dev, peers, write))
		goto unlock;
	while (last + 1 < count && tree[last + 1]->addr == tree[last]->addr + tree[last]->size &&
		may(tree[last + 1], dev, peers, write) && tree[last + 1]->kind == tree[at]->kind)
		last++;
	while (first > 0 && tree[first - 1]->addr + tree[first - 1]->size == tree[first]->addr &&
		may(tree[first - 1], dev, peers, write) && tree[first - 1]->kind == tree[at]->kind)
		first--;
	out->base = tree[first]->addr;
	out->end = tree[last]->addr + tree[last]->size;
	out->writable = write;
	ok = addr + size <= out->end;
unlock:
	pthread_rwlock_unlock(&tree_lock);
	return ok;
}

/*
 * For copies, which are checked against what was asked for, as natively.
 * Kernels may touch what it was rounded up to.
 */
bool range_covered(uint64_t addr, size_t size)
{
	uint64_t end = addr + size;
	struct range *r;

	if (end < addr)
		return false;
	while (addr < end) {
		r = range_find(addr);
		if (!r || !r->readers || addr - r->addr >= r->bytes)
			return false;
		addr = r->addr + r->bytes;
	}
	return true;
}

bool range_reachable(uint64_t addr, unsigned dev)
{
	struct range *r = range_find(addr);

	return !r || r->kind != RANGE_MAPPED || r->readers & 1u << dev;
}

/* Inaccessible and without backing; still reserved unless that is over too. */
static void forget(uintptr_t addr, size_t size, bool reserved)
{
	if (reserved)
		munmap((void *)addr, size);
	else
		mmap((void *)addr, size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void add(uintptr_t addr, size_t size, bool reserved)
{
	struct zombie *grown;

	if (gpu.running && zombies_count == zombies_room) {
		grown = realloc(zombies, (zombies_room + 64) * sizeof(*grown));
		if (!grown)
			return; /* stays mapped: only pages are lost */
		zombies = grown;
		zombies_room += 64;
	}
	if (gpu.running)
		zombies[zombies_count++] = (struct zombie){addr, size, reserved};
	else
		forget(addr, size, reserved);
}

void zombie_add(uintptr_t addr, size_t size)
{
	add(addr, size, false);
}

void zombie_add_reserved(uintptr_t addr, size_t size)
{
	add(addr, size, true);
}

/* The addresses are about to be mapped anew. */
void zombie_cancel(uintptr_t addr, size_t size)
{
	uintptr_t end = addr + size;
	size_t i, n = zombies_count;
	struct zombie z;

	for (i = 0; i < n; i++) {
		z = zombies[i];
		if (z.addr >= end || z.addr + z.size <= addr)
			continue;
		zombies[i].size = z.addr < addr ? addr - z.addr : 0;
		if (z.addr + z.size > end)
			zombie_add(end, z.addr + z.size - end);
	}
}

void zombie_reap(void)
{
	size_t i;

	for (i = 0; i < zombies_count; i++)
		if (zombies[i].size)
			forget(zombies[i].addr, zombies[i].size, zombies[i].reserved);
	zombies_count = 0;
}
