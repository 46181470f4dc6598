/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations: inaccessible address space, at an address that the caller may choose. */
#include "vmm.h"

#include <stdlib.h>
#include <sys/mman.h>

static LIST_HEAD(, reservation) reservations;

struct reservation *reservation_find(uint64_t addr)
{
	struct reservation *r;

	LIST_FOREACH(r, &reservations, link)
		if (addr - r->addr < r->size)
			return r;
	return NULL;
}

bool reservation_has(uint64_t addr)
{
	return reservation_find(addr);
}

/* @size free bytes aligned to @align: exactly at @at, or anywhere for 0. */
static void *reserve(uintptr_t at, size_t size, size_t align)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uintptr_t base, good;
	void *p;

	if (at && at % align == 0) {
		p = mmap((void *)at, size, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
		if (p == (void *)at)
			return p;
		if (p != MAP_FAILED)
			munmap(p, size);
	}
	if (size + align < size)
		return NULL;
	p = mmap(NULL, size + align, PROT_NONE, flags, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	base = (uintptr_t)p;
	good = round_up(base, align);
	if (good > base)
		munmap(p, good - base);
	munmap((void *)(good + size), base + align - good);
	return (void *)good;
}

CUresult cuMemAddressReserve(
	CUdeviceptr *out, size_t size, size_t align, CUdeviceptr at, unsigned long long flags)
{
	struct reservation *r;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !size || size % VMM_GRANULARITY || flags || (align & (align - 1)))
		return leave(CUDA_ERROR_INVALID_VALUE);
	r = calloc(1, sizeof(*r));
	if (!r)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	r->addr = (uintptr_t)reserve(at, size, align > VMM_GRANULARITY ? align : VMM_GRANULARITY);
	if (!r->addr) {
		free(r);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	r->size = size;
	LIST_INSERT_HEAD(&reservations, r, link);
	*out = r->addr;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemAddressFree(CUdeviceptr addr, size_t size)
{
	struct reservation *r;
	CUresult result = enter_device();

	if (result)
		return result;
	r = reservation_find(addr);
	if (!r || r->addr != addr || r->size != size || range_overlaps(addr, size))
		return leave(CUDA_ERROR_INVALID_VALUE);
	zombie_cancel(r->addr, r->size);
	zombie_add_reserved(r->addr, r->size);
	LIST_REMOVE(r, link);
	free(r);
	return leave(CUDA_SUCCESS);
}
