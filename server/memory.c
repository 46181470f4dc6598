/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See memory.h. A large allocation has its own handle; small ones share slabs
 * of one mapping, in granules of 512 bytes. A slab ends with its last
 * allocation, so that out of memory is said exactly when the limit or the GPU
 * says so.
 */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>

#include "quota.h"
#include "server_calls.h"

enum { BUCKETS_MIN = 256 };

struct slab {
	LIST_ENTRY(slab) link;
	struct arena free; /* inside the slab */
	uint64_t address;
	CUdevice device;
	CUmemGenericAllocationHandle handle;
};

struct allocation {
	struct allocation *next; /* in its bucket */
	uint64_t address, size;
	struct context *context;
	struct slab *slab; /* NULL: its own handle */
	CUmemGenericAllocationHandle handle;
	bool freeing;
};

int memory_create(struct session *s, uint64_t base, uint64_t size)
{
	struct memory *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->buckets = BUCKETS_MIN;
	m->bucket = calloc(m->buckets, sizeof(*m->bucket));
	err = m->bucket ? arena_init(&m->arena, base, size) : -ENOMEM;
	if (!err)
		err = vmm_create(m);
	if (!err)
		err = pools_create(m);
	pthread_mutex_init(&m->lock, NULL);
	LIST_INIT(&m->slabs);
	LIST_INIT(&m->shares);
	s->memory = m;
	return err;
}

static size_t bucket_of(const struct memory *m, uint64_t address)
{
	return (address / MEMORY_GRANULE * 0x9e3779b97f4a7c15ull >> 24) & (m->buckets - 1);
}

static struct allocation *allocation_find(struct memory *m, uint64_t address)
{
	struct allocation *a = m->bucket[bucket_of(m, address)];

	while (a && a->address != address)
		a = a->next;
	return a;
}

static void buckets_grow(struct memory *m)
{
	struct allocation **old = m->bucket, *a;
	size_t count = m->buckets;

	m->bucket = calloc(2 * count, sizeof(*m->bucket));
	if (!m->bucket) {
		m->bucket = old;
		return;
	}
	m->buckets = 2 * count;
	for (size_t i = 0; i < count; i++) {
		while ((a = old[i])) {
			size_t to = bucket_of(m, a->address);

			old[i] = a->next;
			a->next = m->bucket[to];
			m->bucket[to] = a;
		}
	}
	free(old);
}

static void allocation_insert(struct memory *m, struct allocation *a)
{
	size_t i;

	if (m->count >= 2 * m->buckets)
		buckets_grow(m);
	i = bucket_of(m, a->address);
	a->next = m->bucket[i];
	m->bucket[i] = a;
	m->count++;
}

static void allocation_remove(struct memory *m, struct allocation *a)
{
	struct allocation **p = &m->bucket[bucket_of(m, a->address)];

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	m->count--;
}

CUresult memory_physical(CUdevice device, uint64_t size, CUmemGenericAllocationHandle *out)
{
	CUmemAllocationProp prop = {.type = CU_MEM_ALLOCATION_TYPE_PINNED};
	CUresult r;

	if (quota_charge(device, size))
		return CUDA_ERROR_OUT_OF_MEMORY;
	prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	prop.location.id = device;
	/* What cannot be added later: sharing with other processes, and RDMA. */
	prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
	prop.allocFlags.gpuDirectRDMACapable = 1;
	r = driver.cuMemCreate(out, size, &prop, 0);
	if (r && r != CUDA_ERROR_OUT_OF_MEMORY) {
		prop.requestedHandleTypes = 0;
		prop.allocFlags.gpuDirectRDMACapable = 0;
		r = driver.cuMemCreate(out, size, &prop, 0);
	}
	if (r)
		quota_release(device, size);
	return r;
}

void memory_physical_free(CUdevice device, uint64_t size, CUmemGenericAllocationHandle handle)
{
	driver.cuMemRelease(handle);
	quota_release(device, size);
}

static CUresult memory_map(struct memory *m, uint64_t address, uint64_t size,
	CUmemGenericAllocationHandle handle, CUdevice device)
{
	CUmemAccessDesc access[SESSION_DEVICES_MAX];
	CUresult r = driver.cuMemMap(address, size, 0, handle, 0);

	if (r)
		return r;
	r = driver.cuMemSetAccess(address, size, access, peer_users(m, device, access));
	if (r)
		driver.cuMemUnmap(address, size);
	return r;
}

/* Memory and addresses for whole mappings; the lock is held. */
static CUresult mapping_create(struct memory *m, CUdevice device, uint64_t size, uint64_t *address,
	CUmemGenericAllocationHandle *handle)
{
	CUresult r = memory_physical(device, size, handle);

	if (r)
		return r;
	if (arena_alloc(&m->arena, size, MEMORY_SLAB, address)) {
		memory_physical_free(device, size, *handle);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	r = memory_map(m, *address, size, *handle, device);
	if (r) {
		arena_free(&m->arena, *address, size);
		memory_physical_free(device, size, *handle);
	}
	return r;
}

static void mapping_destroy(struct memory *m, CUdevice device, uint64_t size, uint64_t address,
	CUmemGenericAllocationHandle handle)
{
	driver.cuMemUnmap(address, size);
	memory_physical_free(device, size, handle);
	arena_free(&m->arena, address, size);
}

static CUresult slab_create(struct memory *m, CUdevice device, struct slab **out)
{
	struct slab *slab = calloc(1, sizeof(*slab));
	CUresult r;

	if (!slab)
		return CUDA_ERROR_OUT_OF_MEMORY;
	slab->device = device;
	r = mapping_create(m, device, MEMORY_SLAB, &slab->address, &slab->handle);
	if (!r && arena_init(&slab->free, slab->address, MEMORY_SLAB)) {
		mapping_destroy(m, device, MEMORY_SLAB, slab->address, slab->handle);
		r = CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (r) {
		free(slab);
		return r;
	}
	LIST_INSERT_HEAD(&m->slabs, slab, link);
	*out = slab;
	return CUDA_SUCCESS;
}

static void slab_destroy(struct memory *m, struct slab *slab)
{
	LIST_REMOVE(slab, link);
	mapping_destroy(m, slab->device, MEMORY_SLAB, slab->address, slab->handle);
	arena_fini(&slab->free);
	free(slab);
}

static CUresult small_alloc(struct memory *m, CUdevice device, struct allocation *a)
{
	struct slab *slab;
	CUresult r;

	LIST_FOREACH(slab, &m->slabs, link) {
		if (slab->device == device &&
			!arena_alloc(&slab->free, a->size, MEMORY_GRANULE, &a->address)) {
			a->slab = slab;
			return CUDA_SUCCESS;
		}
	}
	r = slab_create(m, device, &slab);
	if (r)
		return r;
	a->slab = slab;
	arena_alloc(&slab->free, a->size, MEMORY_GRANULE, &a->address);
	return CUDA_SUCCESS;
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) & ~(unit - 1);
}

static CUresult allocation_place(struct memory *m, struct allocation *a)
{
	CUdevice device = a->context->device;
	CUresult r;

	pthread_mutex_lock(&m->lock);
	if (a->size <= MEMORY_SMALL)
		r = small_alloc(m, device, a);
	else
		r = mapping_create(m, device, a->size, &a->address, &a->handle);
	if (!r)
		allocation_insert(m, a);
	pthread_mutex_unlock(&m->lock);
	return r;
}

CUresult memory_alloc(struct context *c, uint64_t bytes, CUdeviceptr *out)
{
	struct memory *m = c->session->memory;
	struct allocation *a;
	CUresult r;

	if (!bytes)
		return CUDA_ERROR_INVALID_VALUE;
	if (bytes > m->arena.size || m->count >= MEMORY_COUNT_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	a = calloc(1, sizeof(*a));
	if (!a)
		return CUDA_ERROR_OUT_OF_MEMORY;
	a->context = c;
	a->size = round_up(bytes, bytes < MEMORY_SMALL ? MEMORY_GRANULE : MEMORY_SLAB);

	r = allocation_place(m, a);
	/* Pools may have given something back since they were looked at. */
	if (r == CUDA_ERROR_OUT_OF_MEMORY && quota_limit()) {
		pools_account(c->session);
		r = allocation_place(m, a);
	}
	if (r)
		free(a);
	else
		*out = a->address;
	return r;
}

/* Nothing uses it any more; the lock is held. */
static void allocation_free(struct memory *m, struct allocation *a)
{
	struct slab *slab = a->slab;

	allocation_remove(m, a);
	if (!slab) {
		mapping_destroy(m, a->context->device, a->size, a->address, a->handle);
	} else {
		arena_free(&slab->free, a->address, a->size);
		if (slab->free.left == MEMORY_SLAB)
			slab_destroy(m, slab);
	}
	free(a);
}

CUresult memory_set_access(
	struct memory *m, CUdevice owner, CUdevice user, CUmemAccess_flags flags)
{
	const CUmemAccessDesc access = {
		.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = user}, .flags = flags};
	struct slab *slab;
	CUresult r = CUDA_SUCCESS;

	LIST_FOREACH(slab, &m->slabs, link) {
		if (slab->device == owner && !r)
			r = driver.cuMemSetAccess(slab->address, MEMORY_SLAB, &access, 1);
	}
	for (size_t i = 0; i < m->buckets; i++) {
		for (struct allocation *a = m->bucket[i]; a && !r; a = a->next) {
			if (!a->slab && a->context->device == owner)
				r = driver.cuMemSetAccess(a->address, a->size, &access, 1);
		}
	}
	return r;
}

struct context *memory_leave(struct memory *m, CUdeviceptr address, bool *ours)
{
	struct allocation *a;
	struct context *c;

	pthread_mutex_lock(&m->lock);
	a = allocation_find(m, address);
	c = a ? a->context : serving_context;
	if (a && (a->freeing || !serving_hold(c)))
		c = NULL;
	else if (a)
		a->freeing = true;
	pthread_mutex_unlock(&m->lock);
	*ours = a;
	return c;
}

void memory_end(struct memory *m, CUdeviceptr address)
{
	struct allocation *a;

	pthread_mutex_lock(&m->lock);
	a = allocation_find(m, address);
	if (a)
		allocation_free(m, a);
	pthread_mutex_unlock(&m->lock);
}

bool memory_ours(struct memory *m, CUdeviceptr address)
{
	bool ours;

	pthread_mutex_lock(&m->lock);
	ours = allocation_find(m, address);
	pthread_mutex_unlock(&m->lock);
	return ours;
}

CUresult server_memory_alloc(struct request *q, CUdeviceptr *address, size_t bytes)
{
	return memory_alloc(serving_context, bytes, address);
}

CUresult memory_within_limit(struct request *q, size_t *free, size_t *total)
{
	uint64_t left = *free, all = *total;

	pools_account(q->session);
	quota_apply(serving_context->device, &left, &all);
	*free = left;
	*total = all;
	return CUDA_SUCCESS;
}

void memory_free_all(struct session *s, struct context *c)
{
	struct memory *m = s->memory;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->buckets; i++) {
		struct allocation *a = m->bucket[i], *next;

		for (; a; a = next) {
			next = a->next;
			if (a->context == c)
				allocation_free(m, a);
		}
	}
	pthread_mutex_unlock(&m->lock);
}
