/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory pools and allocation in stream order. Memory is handed out when the
 * call is made and comes back when the free is due in its stream; freed blocks
 * stay with the pool for the next request of that size, until a
 * synchronisation finds the pool above its release threshold or the device
 * runs out. An allocation that does not fit waits for frees under way.
 */
#include "pool.h"

#include <stdlib.h>

static void pool_release(struct object *o)
{
	free(o);
}

static CUresult pool_create(struct device *d, struct pool **out)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&p->base, KIND_POOL, pool_release);
	if (object_publish(&p->base) < 0) {
		free(p);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	p->dev = d;
	p->access = 1u << d->index;
	p->reuse[0] = p->reuse[1] = p->reuse[2] = 1;
	LIST_INIT(&p->cached);
	LIST_INSERT_HEAD(&d->pools, p, link);
	*out = p;
	return CUDA_SUCCESS;
}

struct pool *pool_default(struct device *d)
{
	if (!d->default_pool && pool_create(d, &d->default_pool) == CUDA_SUCCESS) {
		d->default_pool->is_default = true;
		d->current_pool = d->default_pool;
	}
	return d->default_pool;
}

struct pool *pool_current(struct device *d)
{
	pool_default(d);
	return d->current_pool;
}

/* A cached block's memory goes back to the device. */
static void block_drop(struct pool *p, struct range *r)
{
	LIST_REMOVE(r, link);
	p->reserved -= r->size;
	r->ctx = NULL;
	r->pool = NULL;
	memory_delete_bare(r);
	object_put(p);
}

static bool pool_shrink(struct pool *p, size_t keep)
{
	bool any = false;

	object_get(p);
	while (p->reserved > keep && !LIST_EMPTY(&p->cached)) {
		block_drop(p, LIST_FIRST(&p->cached));
		any = true;
	}
	object_put(p);
	return any;
}

void pools_trim(struct device *d)
{
	struct pool *p, *next;

	for (p = LIST_FIRST(&d->pools); p; p = next) {
		next = LIST_NEXT(p, link);
		pool_shrink(p, p->threshold);
	}
}

/* Something was given back: worth another try. */
bool pool_reclaim(struct device *d)
{
	struct pool *p, *next;
	uint64_t before;
	bool any = false;

	for (p = LIST_FIRST(&d->pools); p; p = next) {
		next = LIST_NEXT(p, link);
		any |= pool_shrink(p, 0);
	}
	if (any || !d->frees_pending)
		return any;
	before = d->frees_done;
	while (d->frees_pending && d->frees_done == before)
		pthread_cond_wait(&gpu.progress, &gpu.lock);
	return d->frees_done != before;
}

static struct range *cached_block(struct pool *p, size_t size)
{
	struct range *r;

	LIST_FOREACH(r, &p->cached, link)
		if (r->size == size)
			return r;
	return NULL;
}

static CUresult pool_alloc(struct pool *p, struct context *c, size_t bytes, struct range **out)
{
	struct range *r = cached_block(p, round_up(bytes, ALLOC_ALIGN));
	CUresult result;

	if (p->limit && p->used + bytes > p->limit)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (r) {
		if (range_insert(r) < 0)
			return CUDA_ERROR_OUT_OF_MEMORY;
		LIST_REMOVE(r, link);
		LIST_INSERT_HEAD(&c->ranges, r, link);
		r->ctx = c;
		r->bytes = bytes;
		r->id = ++gpu.next_id;
	} else {
		result = memory_new_on(p->dev, c, RANGE_POOL, bytes, &r);
		if (result)
			return result;
		r->pool = object_get(p);
		p->reserved += r->size;
		if (p->reserved > p->reserved_high)
			p->reserved_high = p->reserved;
	}
	r->freeing = false;
	range_set_access(r, p->access, p->access);
	p->used += r->size;
	if (p->used > p->used_high)
		p->used_high = p->used;
	*out = r;
	return CUDA_SUCCESS;
}

/* Due now: the block is the pool's again. */
void pool_free(struct range *r)
{
	struct pool *p = r->pool;

	p->used -= r->size;
	if (r->ctx)
		LIST_REMOVE(r, link);
	r->ctx = NULL;
	range_remove(r);
	LIST_INSERT_HEAD(&p->cached, r, link);
	if (p->closed)
		pool_shrink(p, 0);
}

static CUresult alloc_async(CUdeviceptr *out, size_t bytes, CUmemoryPool handle, CUstream stream)
{
	struct context *c;
	struct stream *s;
	struct range *r;
	struct pool *p;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = stream_find_own(c, stream, &s);
	if (!result && !bytes && s->capture)
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		return leave(result);
	p = handle ? object_find(KIND_POOL, handle) : pool_current(s->ctx->dev);
	if (!p)
		return leave(handle ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_OUT_OF_MEMORY);
	if (s->capture)
		return leave(capture_alloc(s, p->dev, bytes, out));
	result = capture_unsafe();
	if (!result)
		result = capture_implicit(s);
	if (!result && !bytes) {
		*out = 0;
		return leave(CUDA_SUCCESS);
	}
	if (!result)
		result = pool_alloc(p, c, bytes, &r);
	if (!result)
		*out = r->addr;
	return leave(result);
}

CUresult cuMemAllocAsync(CUdeviceptr *out, size_t bytes, CUstream stream)
{
	return alloc_async(out, bytes, NULL, stream);
}

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *out, size_t bytes, CUmemoryPool pool, CUstream stream)
{
	return pool ? alloc_async(out, bytes, pool, stream) : CUDA_ERROR_INVALID_VALUE;
}

/* What is freed may not be used by later submissions, but may by earlier ones. */
static CUresult free_in_order(struct stream *s, struct range *r)
{
	struct op op = {.kind = OP_FREE, .free_addr = r->addr};
	CUresult result;

	r->freeing = true;
	r->dev->frees_pending++;
	result = stream_submit(s, &op, NULL);
	if (result) {
		r->freeing = false;
		r->dev->frees_pending--;
	}
	return result;
}

CUresult cuMemFreeAsync(CUdeviceptr ptr, CUstream stream)
{
	struct context *c;
	struct stream *s;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find_own(c, stream, &s);
	if (result || !ptr)
		return leave(result);
	if (s->capture)
		return leave(capture_free(s, ptr));
	result = capture_unsafe();
	if (result)
		return leave(result);
	r = range_find(ptr);
	if (!r || r->addr != ptr || r->freeing ||
		(r->kind != RANGE_POOL && r->kind != RANGE_ALLOC && r->kind != RANGE_GRAPH))
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (r->kind != RANGE_GRAPH)
		return leave(free_in_order(s, r));
	r->freeing = true;
	return leave(CUDA_SUCCESS);
}

void pool_free_due(uint64_t addr)
{
	struct range *r = range_find(addr);

	if (!r || r->addr != addr || !r->freeing)
		return;
	r->dev->frees_pending--;
	r->dev->frees_done++;
	if (r->kind == RANGE_POOL)
		pool_free(r);
	else
		memory_delete(r);
	pthread_cond_broadcast(&gpu.progress);
}

CUresult cuMemPoolCreate(CUmemoryPool *out, const CUmemPoolProps *props)
{
	struct pool *p;
	CUresult result = enter_device();

	if (result)
		return result;
	result = capture_unsafe();
	if (result)
		return leave(result);
	if (!out || !props || props->allocType != CU_MEM_ALLOCATION_TYPE_PINNED)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (props->handleTypes || props->location.type != CU_MEM_LOCATION_TYPE_DEVICE)
		return leave(CUDA_ERROR_NOT_SUPPORTED);
	if ((unsigned)props->location.id >= gpu.devices_count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = pool_create(&gpu.devices[props->location.id], &p);
	if (!result) {
		p->limit = props->maxSize;
		*out = (CUmemoryPool)p->base.handle;
	}
	return leave(result);
}

/* Lives on until its last allocation is freed. */
CUresult cuMemPoolDestroy(CUmemoryPool handle)
{
	struct pool *p;
	CUresult result = enter_device();

	if (result)
		return result;
	result = capture_unsafe();
	if (result)
		return leave(result);
	p = object_find(KIND_POOL, handle);
	if (!p || p->is_default)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (p->dev->current_pool == p)
		p->dev->current_pool = p->dev->default_pool;
	p->closed = true;
	LIST_REMOVE(p, link);
	object_withdraw(&p->base);
	pool_shrink(p, 0);
	object_put(p);
	return leave(CUDA_SUCCESS);
}
