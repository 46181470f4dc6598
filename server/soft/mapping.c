/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings of physical memory into reservations. A mapping is a range that
 * nobody may touch until it is given access. Unmapping does not wait for work,
 * as natively.
 */
#include "vmm.h"

#include <stdlib.h>
#include <sys/mman.h>

static CUresult map(uintptr_t addr, size_t size, size_t offset, struct memory *m)
{
	struct range *r = calloc(1, sizeof(*r));

	if (!r)
		return CUDA_ERROR_OUT_OF_MEMORY;
	zombie_cancel(addr, size);
	if (mmap((void *)addr, size, PROT_NONE, MAP_SHARED | MAP_FIXED, m->fd,
		    m->offset + offset) == MAP_FAILED)
		goto free_range;
	*r = (struct range){.addr = addr,
		.size = size,
		.bytes = size,
		.kind = RANGE_MAPPED,
		.dev = m->dev,
		.memory = object_get(m),
		.id = ++gpu.next_id};
	if (range_insert(r) < 0)
		goto unmap;
	return CUDA_SUCCESS;

unmap:
	object_put(m);
	zombie_add(addr, size);
free_range:
	free(r);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemMap(CUdeviceptr addr, size_t size, size_t offset, CUmemGenericAllocationHandle handle,
	unsigned long long flags)
{
	struct reservation *r;
	struct memory *m;
	CUresult result = enter_device();

	if (result)
		return result;
	r = reservation_find(addr);
	m = object_find_id(KIND_MEMORY, handle);
	if (!r || !m || !size || flags || addr % VMM_GRANULARITY || size % VMM_GRANULARITY)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (size > r->size - (addr - r->addr) || range_overlaps(addr, size))
		return leave(CUDA_ERROR_INVALID_VALUE);
	/* As natively, another result than for what is wrong with the addresses. */
	if (offset % VMM_GRANULARITY || offset > m->size || size > m->size - offset)
		return leave(CUDA_ERROR_NOT_SUPPORTED);
	return leave(map(addr, size, offset, m));
}

/* [addr, addr + size) is exactly some mappings side by side. */
static bool whole_mappings(uint64_t addr, size_t size)
{
	uint64_t end = addr + size;
	struct range *r;

	if (!size || end < addr)
		return false;
	while (addr < end) {
		r = range_find(addr);
		if (!r || r->kind != RANGE_MAPPED || r->addr != addr)
			return false;
		addr += r->size;
	}
	return addr == end;
}

/* [addr, addr + size) is reserved and nothing is mapped there. */
static bool reserved_only(uint64_t addr, size_t size)
{
	struct reservation *r = reservation_find(addr);

	return r && size && size <= r->size - (addr - r->addr) && !range_overlaps(addr, size);
}

/* Where nothing is mapped it has nothing to do, and that is no error natively. */
CUresult cuMemUnmap(CUdeviceptr addr, size_t size)
{
	uint64_t end = addr + size;
	struct range *r;
	CUresult result = enter_device();

	if (result)
		return result;
	if (reserved_only(addr, size))
		return leave(CUDA_SUCCESS);
	if (!whole_mappings(addr, size))
		return leave(CUDA_ERROR_INVALID_VALUE);
	while (addr < end) {
		r = range_find(addr);
		range_remove(r);
		zombie_add(r->addr, r->size);
		addr += r->size;
		object_put(r->memory);
		free(r);
	}
	return leave(CUDA_SUCCESS);
}

static void set_access(struct range *r, unsigned dev, CUmemAccess_flags flags)
{
	uint32_t bit = 1u << dev, readers = r->readers & ~bit, writers = r->writers & ~bit;
	int prot = PROT_NONE;

	if (flags & CU_MEM_ACCESS_FLAGS_PROT_READ)
		readers |= bit;
	if (flags == CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
		writers |= bit;
	range_set_access(r, readers, writers);
	/* Less only when nothing runs that was told it may. */
	prot = writers ? PROT_READ | PROT_WRITE : readers ? PROT_READ : PROT_NONE;
	if ((prot & PROT_WRITE) || !gpu.running)
		mprotect((void *)r->addr, r->size, prot);
}

CUresult cuMemSetAccess(CUdeviceptr addr, size_t size, const CUmemAccessDesc *desc, size_t count)
{
	uint64_t at, end = addr + size;
	struct range *r;
	size_t i;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!desc || !count || !whole_mappings(addr, size))
		return leave(CUDA_ERROR_INVALID_VALUE);
	for (i = 0; i < count; i++) {
		if (desc[i].location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
			(desc[i].flags != CU_MEM_ACCESS_FLAGS_PROT_NONE &&
				desc[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READ &&
				desc[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE))
			return leave(CUDA_ERROR_INVALID_VALUE);
		if ((unsigned)desc[i].location.id >= gpu.devices_count)
			return leave(CUDA_ERROR_INVALID_DEVICE);
	}
	for (i = 0; i < count; i++)
		for (at = addr; at < end; at += r->size) {
			r = range_find(at);
			set_access(r, desc[i].location.id, desc[i].flags);
		}
	return leave(CUDA_SUCCESS);
}

CUresult cuMemGetAccess(unsigned long long *flags, const CUmemLocation *location, CUdeviceptr addr)
{
	struct range *r;
	CUresult result = enter_device();

	if (result)
		return result;
	r = range_find(addr);
	if (!flags || !location || !r || r->kind != RANGE_MAPPED ||
		location->type != CU_MEM_LOCATION_TYPE_DEVICE ||
		(unsigned)location->id >= gpu.devices_count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*flags = r->writers & 1u << location->id   ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE
		 : r->readers & 1u << location->id ? CU_MEM_ACCESS_FLAGS_PROT_READ
						   : CU_MEM_ACCESS_FLAGS_PROT_NONE;
	return leave(CUDA_SUCCESS);
}
