/* SPDX-License-Identifier: Apache-2.0 */
/* See vmm.h: CUDA driver API, "Virtual Memory Management". */
#include "vmm.h"

#include <errno.h>
#include <stdlib.h>

#include "quota.h"
#include "server_calls.h"

enum { VMM_COUNT_MAX = 1 << 20 };

int vmm_create(struct memory *m)
{
	m->vmm = calloc(1, sizeof(*m->vmm));
	if (!m->vmm)
		return -ENOMEM;
	LIST_INIT(&m->vmm->reservations);
	LIST_INIT(&m->vmm->physicals);
	LIST_INIT(&m->vmm->mappings);
	return 0;
}

static struct reservation *reservation_of(struct vmm *v, uint64_t address, uint64_t size)
{
	struct reservation *r;

	LIST_FOREACH(r, &v->reservations, link) {
		if (address >= r->address && address - r->address < r->size &&
			size <= r->size - (address - r->address))
			return r;
	}
	return NULL;
}

static struct physical *physical_of(struct vmm *v, CUmemGenericAllocationHandle handle)
{
	struct physical *p;

	LIST_FOREACH(p, &v->physicals, link) {
		if (p->handle == handle)
			return p;
	}
	return NULL;
}

CUresult server_cuMemAddressReserve(struct request *q, CUdeviceptr *ptr, size_t size,
	size_t alignment, CUdeviceptr addr, unsigned long long flags)
{
	struct memory *m = q->session->memory;
	struct reservation *r;
	uint64_t align = alignment > MEMORY_SLAB ? alignment : MEMORY_SLAB;
	uint64_t address = addr;

	if (!size || size % MEMORY_SLAB || (alignment & (alignment - 1)) || flags)
		return CUDA_ERROR_INVALID_VALUE;
	r = calloc(1, sizeof(*r));
	if (!r)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&m->lock);
	/* A wished address is taken if it is free and aligned; else any, as natively. */
	if (m->vmm->count >= VMM_COUNT_MAX ||
		((!address || address % align || arena_alloc_at(&m->arena, address, size)) &&
			arena_alloc(&m->arena, size, align, &address))) {
		pthread_mutex_unlock(&m->lock);
		free(r);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	r->address = address;
	r->size = size;
	LIST_INSERT_HEAD(&m->vmm->reservations, r, link);
	m->vmm->count++;
	pthread_mutex_unlock(&m->lock);
	*ptr = address;
	return CUDA_SUCCESS;
}

static bool mapped_in(struct vmm *v, uint64_t address, uint64_t size)
{
	struct mapping *map;

	LIST_FOREACH(map, &v->mappings, link) {
		if (map->address < address + size && address < map->address + map->size)
			return true;
	}
	return false;
}

CUresult server_cuMemAddressFree(struct request *q, CUdeviceptr ptr, size_t size)
{
	struct memory *m = q->session->memory;
	struct reservation *r;

	pthread_mutex_lock(&m->lock);
	r = reservation_of(m->vmm, ptr, size);
	if (r && (r->address != ptr || r->size != size || mapped_in(m->vmm, ptr, size)))
		r = NULL;
	if (r) {
		LIST_REMOVE(r, link);
		m->vmm->count--;
		arena_free(&m->arena, ptr, size);
	}
	pthread_mutex_unlock(&m->lock);
	free(r);
	return r ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Pools may have given something back since they were looked at. */
static int charge(struct session *s, CUdevice device, uint64_t size)
{
	if (!quota_charge(device, size))
		return 0;
	pools_account(s);
	return quota_charge(device, size);
}

CUresult server_cuMemCreate(struct request *q, CUmemGenericAllocationHandle *handle, size_t size,
	const CUmemAllocationProp *prop, unsigned long long flags)
{
	struct memory *m = q->session->memory;
	bool on_device = prop->location.type == CU_MEM_LOCATION_TYPE_DEVICE;
	struct physical *p = calloc(1, sizeof(*p));
	CUresult r;

	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	p->size = size;
	p->device = on_device ? prop->location.id : -1;
	p->holds = 1;
	if (on_device && charge(q->session, p->device, size)) {
		bool known = p->device >= 0 && p->device < SESSION_DEVICES_MAX;

		free(p);
		return known ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_DEVICE;
	}
	r = m->vmm->count < VMM_COUNT_MAX ? driver.cuMemCreate(&p->handle, size, prop, flags)
					  : CUDA_ERROR_OUT_OF_MEMORY;
	if (r) {
		if (on_device)
			quota_release(p->device, size);
		free(p);
		return r;
	}
	pthread_mutex_lock(&m->lock);
	LIST_INSERT_HEAD(&m->vmm->physicals, p, link);
	m->vmm->count++;
	pthread_mutex_unlock(&m->lock);
	*handle = p->handle;
	return CUDA_SUCCESS;
}

/* Neither held nor mapped: the driver has freed it. The lock is held. */
static void physical_forget(struct vmm *v, struct physical *p)
{
	if (p->holds || p->mapped)
		return;
	LIST_REMOVE(p, link);
	v->count--;
	if (p->device >= 0)
		quota_release(p->device, p->size);
	free(p);
}

/* Only the dispatcher changes what is held and mapped, so nothing does between a check and what follows. */
CUresult physical_check(struct request *q, CUmemGenericAllocationHandle handle)
{
	struct memory *m = q->session->memory;
	struct physical *p;
	bool held;

	pthread_mutex_lock(&m->lock);
	p = physical_of(m->vmm, handle);
	held = p && p->holds;
	pthread_mutex_unlock(&m->lock);
	return held ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* The number is the client's to use until the last of its holds is released. */
CUresult physical_released(struct request *q, CUmemGenericAllocationHandle handle)
{
	struct memory *m = q->session->memory;
	struct physical *p;

	pthread_mutex_lock(&m->lock);
	p = physical_of(m->vmm, handle);
	if (!--p->holds)
		real_drop(q->session, KIND_CUmemGenericAllocationHandle,
			(void *)(uintptr_t)handle);
	physical_forget(m->vmm, p);
	pthread_mutex_unlock(&m->lock);
	return CUDA_SUCCESS;
}

static struct mapping *mapping_at(struct vmm *v, uint64_t address)
{
	struct mapping *map;

	LIST_FOREACH(map, &v->mappings, link) {
		if (address >= map->address && address - map->address < map->size)
			break;
	}
	return map;
}

CUresult mapped_check(struct request *q, void *addr)
{
	struct memory *m = q->session->memory;
	bool mapped;

	pthread_mutex_lock(&m->lock);
	mapped = mapping_at(m->vmm, (uintptr_t)addr);
	pthread_mutex_unlock(&m->lock);
	return mapped ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult physical_retained(struct request *q, CUmemGenericAllocationHandle *handle, void *addr)
{
	struct memory *m = q->session->memory;
	struct mapping *map;

	pthread_mutex_lock(&m->lock);
	map = mapping_at(m->vmm, (uintptr_t)addr);
	map->memory->holds++;
	map->memory->handle = *handle;
	pthread_mutex_unlock(&m->lock);
	return CUDA_SUCCESS;
}

CUresult mapping_check(
	struct request *q, CUdeviceptr ptr, size_t size, CUmemGenericAllocationHandle handle)
{
	struct memory *m = q->session->memory;
	bool possible;

	pthread_mutex_lock(&m->lock);
	possible = physical_of(m->vmm, handle) && size && reservation_of(m->vmm, ptr, size);
	pthread_mutex_unlock(&m->lock);
	return possible ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult mapping_made(
	struct request *q, CUdeviceptr ptr, size_t size, CUmemGenericAllocationHandle handle)
{
	struct memory *m = q->session->memory;
	struct mapping *map = calloc(1, sizeof(*map));

	if (!map) {
		driver.cuMemUnmap(ptr, size);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	pthread_mutex_lock(&m->lock);
	map->memory = physical_of(m->vmm, handle);
	map->address = ptr;
	map->size = size;
	map->memory->mapped++;
	LIST_INSERT_HEAD(&m->vmm->mappings, map, link);
	pthread_mutex_unlock(&m->lock);
	return CUDA_SUCCESS;
}

CUresult mappings_gone(struct request *q, CUdeviceptr ptr, size_t size)
{
	struct memory *m = q->session->memory;
	struct mapping *map, *next;

	pthread_mutex_lock(&m->lock);
	for (map = LIST_FIRST(&m->vmm->mappings); map; map = next) {
		next = LIST_NEXT(map, link);
		if (map->address < ptr || map->address - ptr >= size)
			continue;
		LIST_REMOVE(map, link);
		map->memory->mapped--;
		physical_forget(m->vmm, map->memory);
		free(map);
	}
	pthread_mutex_unlock(&m->lock);
	return CUDA_SUCCESS;
}

/* Slabs and allocations are the worker's: only reservations of the client are its to open. */
CUresult reservation_check(struct request *q, CUdeviceptr ptr, size_t size)
{
	struct memory *m = q->session->memory;
	bool inside;

	pthread_mutex_lock(&m->lock);
	inside = size && reservation_of(m->vmm, ptr, size);
	pthread_mutex_unlock(&m->lock);
	return inside ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
