/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual memory management. A reservation is inaccessible address space; what
 * is created is a stretch of a memory file; mapping and permissions are the
 * host's own. A mapping is a range that nobody may touch until it is given
 * access. Unmapping does not wait for work, as natively.
 */
#include "vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2
#endif

struct reservation {
	uintptr_t addr;
	size_t size;
	LIST_ENTRY(reservation) link;
};

static LIST_HEAD(, reservation) reservations;

static struct reservation *reservation_find(uint64_t addr)
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

static void memory_release(struct object *o)
{
	struct memory *m = (struct memory *)o;

	if (!m->imported)
		device_refund(m->dev, m->size);
	if (m->own_fd)
		close(m->fd);
	else
		fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, m->offset, m->size);
	free(m);
}

static CUresult back(struct memory *m)
{
	struct device *d = m->dev;

	if (m->prop.requestedHandleTypes & CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) {
		m->fd = memfd_create("soft-memory", MFD_CLOEXEC);
		m->own_fd = true;
	} else {
		m->fd = d->memfd;
		m->offset = d->memfd_end;
	}
	if (m->fd < 0 || ftruncate(m->fd, m->offset + m->size) < 0) {
		if (m->own_fd && m->fd >= 0)
			close(m->fd);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (!m->own_fd)
		d->memfd_end += m->size;
	return CUDA_SUCCESS;
}

static CUresult prop_check(const CUmemAllocationProp *prop)
{
	if (prop->type != CU_MEM_ALLOCATION_TYPE_PINNED)
		return CUDA_ERROR_INVALID_VALUE;
	if (prop->location.type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (prop->location.id < 0 || (unsigned)prop->location.id >= gpu.devices_count)
		return CUDA_ERROR_INVALID_DEVICE;
	if (prop->requestedHandleTypes & ~CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
		return CUDA_ERROR_NOT_SUPPORTED;
	return CUDA_SUCCESS;
}

static CUresult memory_create(const CUmemAllocationProp *prop, size_t size, struct memory **out)
{
	struct memory *m = calloc(1, sizeof(*m));
	CUresult result;

	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&m->base, KIND_MEMORY, memory_release);
	m->dev = &gpu.devices[prop->location.id];
	m->size = size;
	m->prop = *prop;
	while (device_charge(m->dev, size) < 0)
		if (!pool_reclaim(m->dev)) {
			free(m);
			return CUDA_ERROR_OUT_OF_MEMORY;
		}
	result = back(m);
	if (result) {
		device_refund(m->dev, size);
		free(m);
		return result;
	}
	*out = m;
	return CUDA_SUCCESS;
}

CUresult cuMemCreate(CUmemGenericAllocationHandle *out, size_t size,
	const CUmemAllocationProp *prop, unsigned long long flags)
{
	struct memory *m;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !prop || !size || size % VMM_GRANULARITY || flags)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = prop_check(prop);
	if (!result)
		result = memory_create(prop, size, &m);
	if (result)
		return leave(result);
	if (object_publish(&m->base) < 0) {
		object_put(m);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	m->handles = 1;
	*out = m->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemRelease(CUmemGenericAllocationHandle handle)
{
	struct memory *m;
	CUresult result = enter_device();

	if (result)
		return result;
	m = object_find_id(KIND_MEMORY, handle);
	if (!m)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (!--m->handles)
		object_withdraw(&m->base);
	object_put(m);
	return leave(CUDA_SUCCESS);
}

CUresult cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *out, void *addr)
{
	struct range *r;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	r = range_find((uintptr_t)addr);
	if (!r || r->kind != RANGE_MAPPED)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (!r->memory->base.handle && object_publish(&r->memory->base) < 0)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_get(r->memory);
	r->memory->handles++;
	*out = r->memory->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemGetAllocationPropertiesFromHandle(
	CUmemAllocationProp *prop, CUmemGenericAllocationHandle handle)
{
	struct memory *m;
	CUresult result = enter_device();

	if (result)
		return result;
	m = object_find_id(KIND_MEMORY, handle);
	if (!m || !prop)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*prop = m->prop;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemGetAllocationGranularity(
	size_t *out, const CUmemAllocationProp *prop, CUmemAllocationGranularity_flags option)
{
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !prop || (unsigned)option > CU_MEM_ALLOC_GRANULARITY_RECOMMENDED)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = prop_check(prop);
	if (!result)
		*out = VMM_GRANULARITY;
	return leave(result);
}

CUresult cuMemExportToShareableHandle(void *out, CUmemGenericAllocationHandle handle,
	CUmemAllocationHandleType type, unsigned long long flags)
{
	struct memory *m;
	int fd;
	CUresult result = enter_device();

	if (result)
		return result;
	m = object_find_id(KIND_MEMORY, handle);
	if (!out || !m || flags || type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR || !m->own_fd)
		return leave(CUDA_ERROR_INVALID_VALUE);
	fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return leave(CUDA_ERROR_OPERATING_SYSTEM);
	*(int *)out = fd;
	return leave(CUDA_SUCCESS);
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
	if (!r || !m || !size || flags || addr % VMM_GRANULARITY || size % VMM_GRANULARITY ||
		offset % VMM_GRANULARITY)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (size > r->size - (addr - r->addr) || offset > m->size || size > m->size - offset ||
		range_overlaps(addr, size))
		return leave(CUDA_ERROR_INVALID_VALUE);
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

CUresult cuMemUnmap(CUdeviceptr addr, size_t size)
{
	uint64_t end = addr + size;
	struct range *r;
	CUresult result = enter_device();

	if (result)
		return result;
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

CUresult cuMemImportFromShareableHandle(
	CUmemGenericAllocationHandle *out, void *handle, CUmemAllocationHandleType type)
{
	struct memory *m;
	off_t size;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
		return leave(CUDA_ERROR_INVALID_VALUE);
	size = lseek((int)(intptr_t)handle, 0, SEEK_END);
	if (size <= 0 || size % VMM_GRANULARITY)
		return leave(CUDA_ERROR_INVALID_VALUE);
	m = calloc(1, sizeof(*m));
	if (!m)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&m->base, KIND_MEMORY, memory_release);
	m->dev = &gpu.devices[0];
	m->own_fd = true;
	m->prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
	m->prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	m->prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
	m->handles = 1;
	m->fd = fcntl((int)(intptr_t)handle, F_DUPFD_CLOEXEC, 0);
	if (m->fd < 0 || object_publish(&m->base) < 0) {
		if (m->fd >= 0)
			close(m->fd);
		free(m);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	m->imported = true;
	m->size = size;
	*out = m->base.handle;
	return leave(CUDA_SUCCESS);
}
