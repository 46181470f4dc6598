/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory that devices may touch: allocated here, or registered by the
 * application. The device's pointer is the host's. Freeing and unregistering
 * wait for all work, as natively.
 */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static CUresult host_new(struct context *c, size_t bytes, unsigned flags, struct range **out)
{
	struct range *r = calloc(1, sizeof(*r));
	void *at;

	if (!r)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r->size = round_up(bytes, 4096);
	if (r->size < bytes)
		goto free_range;
	at = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		goto free_range;
	r->addr = (uintptr_t)at;
	r->bytes = bytes;
	r->kind = RANGE_HOST;
	r->flags = flags;
	r->dev = c->dev;
	r->ctx = c;
	r->id = ++gpu.next_id;
	r->readers = r->writers = UINT32_MAX;
	if (range_insert(r) < 0)
		goto unmap;
	LIST_INSERT_HEAD(&c->ranges, r, link);
	*out = r;
	return CUDA_SUCCESS;

unmap:
	munmap(at, r->size);
free_range:
	free(r);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult host_alloc(void **out, size_t bytes, unsigned flags)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out ||
		flags & ~(unsigned)(CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP |
				    CU_MEMHOSTALLOC_WRITECOMBINED))
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = capture_unsafe();
	if (!result && !bytes) {
		*out = NULL;
		return leave(CUDA_SUCCESS);
	}
	if (!result)
		result = host_new(c, bytes, flags, &r);
	if (!result)
		*out = (void *)r->addr;
	return leave(result);
}

CUresult cuMemHostAlloc(void **out, size_t bytes, unsigned int flags)
{
	return host_alloc(out, bytes, flags);
}

CUresult cuMemAllocHost_v2(void **out, size_t bytes)
{
	return host_alloc(out, bytes, CU_MEMHOSTALLOC_DEVICEMAP);
}

/* Why what was found, if anything, cannot end as @kind: allocated memory is nobody's to unregister.
 */
static CUresult missing(const struct range *r, enum range_kind kind)
{
	return kind == RANGE_HOST || (r && r->kind == RANGE_HOST)
		       ? CUDA_ERROR_INVALID_VALUE
		       : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
}

/* Finds what starts at @p, waits for all work, and ends it. */
static CUresult host_end(void *p, enum range_kind kind)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);
	unsigned i;

	if (result)
		return result;
	if (!p)
		return leave(kind == RANGE_HOST ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
	result = capture_unsafe();
	if (result)
		return leave(result);
	r = range_find((uintptr_t)p);
	if (!r || r->addr != (uintptr_t)p || r->kind != kind || r->freeing)
		return leave(missing(r, kind));
	r->freeing = true;
	for (i = 0; i < gpu.devices_count; i++)
		device_wait_alone(&gpu.devices[i]);
	printed_flush(c);
	r = range_find((uintptr_t)p);
	if (r && r->addr == (uintptr_t)p)
		memory_delete(r);
	return leave(c->error);
}

CUresult cuMemFreeHost(void *p)
{
	return host_end(p, RANGE_HOST);
}

CUresult cuMemHostUnregister(void *p)
{
	return host_end(p, RANGE_REGISTERED);
}

/* An old kernel and forbidden pages give one error: this page tells them apart. */
static bool can_populate(void)
{
	uintptr_t here = (uintptr_t)&here & ~(uintptr_t)4095;

	return madvise((void *)here, 4096, MADV_POPULATE_WRITE) == 0;
}

/*
 * Every page must be there for what devices may do, and is made so, as pinning
 * would. A kernel that cannot is asked for holes at least.
 */
static bool pages_exist(uintptr_t addr, size_t bytes, bool write)
{
	uintptr_t first = addr & ~(uintptr_t)4095, end = round_up(addr + bytes, 4096), n;
	unsigned char state[256];

	if (!madvise((void *)first, end - first, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
		return true;
	if (errno != EINVAL || can_populate())
		return false;
	for (; first < end; first += n) {
		n = end - first < sizeof(state) * 4096 ? end - first : sizeof(state) * 4096;
		if (mincore((void *)first, n, state) < 0)
			return false;
	}
	return true;
}

static CUresult host_register(void *p, size_t bytes, unsigned flags)
{
	uintptr_t addr = (uintptr_t)p;
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!p || !bytes || addr + bytes < addr || flags & ~15u)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (flags & CU_MEMHOSTREGISTER_IOMEMORY)
		return leave(CUDA_ERROR_NOT_SUPPORTED);
	result = capture_unsafe();
	r = range_overlaps(addr, bytes);
	if (!result && r)
		result = r->kind == RANGE_REGISTERED ? CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED
						     : CUDA_ERROR_INVALID_VALUE;
	if (!result && !pages_exist(addr, bytes, !(flags & CU_MEMHOSTREGISTER_READ_ONLY)))
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		return leave(result);
	r = calloc(1, sizeof(*r));
	if (!r)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	*r = (struct range){.addr = addr,
		.size = bytes,
		.bytes = bytes,
		.kind = RANGE_REGISTERED,
		.flags = flags,
		.dev = c->dev,
		.ctx = c,
		.id = ++gpu.next_id,
		.readers = UINT32_MAX,
		.writers = flags & CU_MEMHOSTREGISTER_READ_ONLY ? 0 : UINT32_MAX};
	if (range_insert(r) < 0) {
		free(r);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	LIST_INSERT_HEAD(&c->ranges, r, link);
	return leave(CUDA_SUCCESS);
}

CUresult cuMemHostRegister_v2(void *p, size_t bytes, unsigned int flags)
{
	return host_register(p, bytes, flags);
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *out, void *p, unsigned int flags)
{
	struct context *c;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || !p || flags)
		return leave(CUDA_ERROR_INVALID_VALUE);
	r = range_find((uintptr_t)p);
	if (!r ||
		(r->kind != RANGE_HOST && r->kind != RANGE_REGISTERED && r->kind != RANGE_MANAGED))
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = (uintptr_t)p;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemHostGetFlags(unsigned int *out, void *p)
{
	const unsigned known = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP |
			       CU_MEMHOSTALLOC_WRITECOMBINED;
	struct context *c;
	struct range *r;
	CUresult result = need(out, enter(&c));

	if (result)
		return result;
	r = range_find((uintptr_t)p);
	if (!r || (r->kind != RANGE_HOST && r->kind != RANGE_REGISTERED))
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = (r->flags & known) | CU_MEMHOSTALLOC_DEVICEMAP;
	return leave(CUDA_SUCCESS);
}
