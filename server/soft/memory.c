/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device memory: allocation against the device's total, freeing (which waits
 * for all work, as natively) and what can be asked about free memory. Memory
 * belongs to the context it was allocated in and dies with it.
 */
#include "soft.h"

#include <stdlib.h>
#include <sys/mman.h>

static uint32_t everybody(void)
{
	return (1u << gpu.devices_count) - 1;
}

bool address_is_device(uint64_t addr)
{
	unsigned i;

	for (i = 0; i < gpu.devices_count; i++)
		if (arena_owns(gpu.devices[i].arena, addr))
			return true;
	return reservation_has(addr);
}

/* A kernel's own request must not wait for what may be queued behind the kernel. */
static CUresult carve(struct device *d, enum range_kind kind, size_t size, uintptr_t *addr)
{
	size_t align = size >= VMM_GRANULARITY ? VMM_GRANULARITY : ALLOC_ALIGN;

	while (device_charge(d, size) < 0)
		if (kind == RANGE_HEAP || !pool_reclaim(d))
			return CUDA_ERROR_OUT_OF_MEMORY;
	if (arena_alloc(d->arena, size, align, addr) < 0 &&
		arena_alloc(d->arena, size, ALLOC_ALIGN, addr) < 0) {
		device_refund(d, size);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	return CUDA_SUCCESS;
}

CUresult memory_new(struct context *c, enum range_kind kind, size_t bytes, struct range **out)
{
	return memory_new_on(c->dev, c, kind, bytes, out);
}

CUresult memory_new_on(
	struct device *d, struct context *c, enum range_kind kind, size_t bytes, struct range **out)
{
	struct range *r;
	CUresult result;

	if (bytes > d->total)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = calloc(1, sizeof(*r));
	if (!r)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r->size = round_up(bytes, ALLOC_ALIGN);
	result = carve(d, kind, r->size, &r->addr);
	if (result)
		goto free_range;
	r->bytes = bytes;
	r->kind = kind;
	r->dev = d;
	r->ctx = c;
	r->id = ++gpu.next_id;
	r->readers = r->writers = kind == RANGE_MANAGED ? everybody() : 1u << d->index;
	if (range_insert(r) < 0) {
		result = CUDA_ERROR_OUT_OF_MEMORY;
		goto free_memory;
	}
	if (c)
		LIST_INSERT_HEAD(&c->ranges, r, link);
	*out = r;
	return CUDA_SUCCESS;

free_memory:
	arena_free(d->arena, r->addr, r->size);
	device_refund(d, r->size);
free_range:
	free(r);
	return result;
}

void memory_delete(struct range *r)
{
	if (r->ctx)
		LIST_REMOVE(r, link);
	range_remove(r);
	memory_delete_bare(r);
}

void memory_delete_bare(struct range *r)
{
	if (r->kind == RANGE_HOST) {
		munmap((void *)r->addr, r->size);
	} else if (r->kind != RANGE_REGISTERED) {
		arena_free(r->dev->arena, r->addr, r->size);
		device_refund(r->dev, r->size);
	}
	free(r);
}

void memory_release_all(struct context *c)
{
	struct range *r, *next;

	for (r = LIST_FIRST(&c->ranges); r; r = next) {
		next = LIST_NEXT(r, link);
		if (r->kind == RANGE_POOL)
			pool_free(r);
		else
			memory_delete(r);
	}
}

static CUresult alloc(CUdeviceptr *out, size_t bytes)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || !bytes)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = capture_unsafe();
	if (!result)
		result = memory_new(c, RANGE_ALLOC, bytes, &r);
	if (!result)
		*out = r->addr;
	return leave(result);
}

CUresult cuMemAlloc_v2(CUdeviceptr *out, size_t bytes)
{
	return alloc(out, bytes);
}

CUresult cuMemAllocPitch_v2(
	CUdeviceptr *out, size_t *pitch, size_t width, size_t height, unsigned int element)
{
	size_t row = round_up(width, ALLOC_ALIGN);
	CUresult result;

	if (!pitch || !width || !height || (element != 4 && element != 8 && element != 16))
		return CUDA_ERROR_INVALID_VALUE;
	if (row < width || height > SIZE_MAX / row)
		return CUDA_ERROR_OUT_OF_MEMORY;
	result = alloc(out, row * height);
	if (!result)
		*pitch = row;
	return result;
}

CUresult cuMemAllocManaged(CUdeviceptr *out, size_t bytes, unsigned int flags)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || !bytes || (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST))
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = capture_unsafe();
	if (!result)
		result = memory_new(c, RANGE_MANAGED, bytes, &r);
	if (!result) {
		r->flags = flags;
		*out = r->addr;
	}
	return leave(result);
}

/* Waits for all work of the context it lies in, then it is gone at once. */
CUresult cuMemFree_v2(CUdeviceptr ptr)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = capture_unsafe();
	if (result || !ptr)
		return leave(result);
	r = range_find(ptr);
	if (!r || r->addr != ptr || r->freeing ||
		(r->kind != RANGE_ALLOC && r->kind != RANGE_MANAGED && r->kind != RANGE_POOL &&
			r->kind != RANGE_GRAPH))
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (r->kind == RANGE_GRAPH) {
		r->freeing = true;
		return leave(device_wait(r->dev));
	}
	r->freeing = true;
	device_wait_alone(r->dev);
	printed_flush(c);
	/* The lock was dropped: the owner's end may have freed it. */
	r = range_find(ptr);
	if (!r || r->addr != ptr)
		return leave(CUDA_SUCCESS);
	if (r->kind == RANGE_POOL)
		pool_free(r);
	else
		memory_delete(r);
	return leave(c->error);
}

CUresult cuMemGetInfo_v2(size_t *available, size_t *total)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (available)
		*available = c->dev->total - c->dev->used;
	if (total)
		*total = c->dev->total;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *size, CUdeviceptr ptr)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	r = range_find(ptr);
	if (!r || r->freeing || ptr - r->addr >= r->bytes)
		return leave(CUDA_ERROR_NOT_FOUND);
	if (base)
		*base = r->addr;
	if (size)
		*size = r->bytes;
	return leave(CUDA_SUCCESS);
}
