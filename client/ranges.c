/* SPDX-License-Identifier: Apache-2.0 */
/* The table behind memory.h: ranges sorted by address under a read-write lock. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "memory.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct memory_range *ranges;
static size_t count, capacity;
static uint64_t last_id;

/* The first range that ends after @address. */
static size_t lower(uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges[middle].base + ranges[middle].size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The range that holds @address, NULL where none does. */
static struct memory_range *range_of(uint64_t address)
{
	size_t i = lower(address);

	return i < count && ranges[i].base <= address ? &ranges[i] : NULL;
}

bool memory_find(uint64_t address, struct memory_range *out)
{
	const struct memory_range *found;

	pthread_rwlock_rdlock(&lock);
	found = range_of(address);
	if (found)
		*out = *found;
	pthread_rwlock_unlock(&lock);
	return found;
}

bool memory_overlaps(uint64_t address, size_t size, struct memory_range *out)
{
	bool found;
	size_t i;

	pthread_rwlock_rdlock(&lock);
	i = lower(address);
	found = i < count && ranges[i].base - address < size;
	if (i < count && ranges[i].base <= address)
		found = true;
	if (found)
		*out = ranges[i];
	pthread_rwlock_unlock(&lock);
	return found;
}

static bool within(uint64_t address, uint64_t base, uint64_t size)
{
	return address >= base && address - base < size;
}

enum memory_kind memory_classify(uint64_t address)
{
	struct memory_range r;

	if (within(address, client.arena_base, client.arena_size))
		return MEMORY_DEVICE;
	return memory_find(address, &r) ? r.kind : MEMORY_UNKNOWN;
}

int memory_add(const struct memory_range *range)
{
	size_t first, last;
	int err = 0;

	pthread_rwlock_wrlock(&lock);
	first = last = lower(range->base);
	while (last < count && ranges[last].base < range->base + range->size)
		last++;
	if (first == last && count == capacity) {
		size_t wanted = capacity ? 2 * capacity : 256;
		struct memory_range *more = realloc(ranges, wanted * sizeof(*more));

		if (!more) {
			err = -ENOMEM;
			goto out;
		}
		ranges = more;
		capacity = wanted;
	}
	memmove(ranges + first + 1, ranges + last, (count - last) * sizeof(*ranges));
	count += 1 - (last - first);
	ranges[first] = *range;
	ranges[first].id = ++last_id;
out:
	pthread_rwlock_unlock(&lock);
	return err;
}

bool memory_remove(uint64_t base, struct memory_range *out)
{
	bool found;
	size_t i;

	pthread_rwlock_wrlock(&lock);
	i = lower(base);
	found = i < count && ranges[i].base == base;
	if (found) {
		*out = ranges[i];
		memmove(ranges + i, ranges + i + 1, (--count - i) * sizeof(*ranges));
	}
	pthread_rwlock_unlock(&lock);
	return found;
}

bool memory_set_sync(uint64_t address, bool sync)
{
	struct memory_range *found;

	pthread_rwlock_wrlock(&lock);
	found = range_of(address);
	if (found)
		found->sync = sync;
	pthread_rwlock_unlock(&lock);
	return found;
}

void memory_context_gone(struct context *context)
{
	size_t kept = 0;

	pthread_rwlock_wrlock(&lock);
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].context != context || ranges[i].kind != MEMORY_DEVICE)
			ranges[kept++] = ranges[i];
	}
	count = kept;
	pthread_rwlock_unlock(&lock);
}

CUresult memory_check_range(uint64_t address, size_t bytes, struct memory_range *out)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;

	pthread_rwlock_rdlock(&lock);
	/* What an application mapped itself may go on in the next mapping. */
	for (size_t i = lower(address); i < count && ranges[i].base <= address; i++) {
		size_t here = ranges[i].base + ranges[i].size - address;

		if (out)
			*out = ranges[i];
		out = NULL; /* that was the first */
		if (bytes <= here) {
			r = CUDA_SUCCESS;
			break;
		}
		if (!ranges[i].mapped)
			break;
		address += here;
		bytes -= here;
	}
	pthread_rwlock_unlock(&lock);
	return r;
}

CUresult memory_check(uint64_t address, size_t bytes)
{
	return memory_check_range(address, bytes, NULL);
}
