/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pinned host memory. What we allocate are pages of the agreed band, the
 * server's too once kernels may use them. What the application registers keeps
 * its pages; kernels can use it where the server's worker has those addresses
 * free, and copies treat it as pinned in any case.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "call.h"
#include "capture.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "hostmem.h"
#include "memory.h"
#include "mirror.h"

enum {
	PAGE = 4096,
	SCAN_MAX = 64 << 10,
	REGISTER_FLAGS = CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP |
			 CU_MEMHOSTREGISTER_IOMEMORY | CU_MEMHOSTREGISTER_READ_ONLY,
	ALLOC_FLAGS = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP |
		      CU_MEMHOSTALLOC_WRITECOMBINED,
};

struct gap {
	struct gap *next; /* by address */
	uint64_t base, size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gap *gaps;
static bool started;
static _Atomic unsigned registrations; /* memory of the application that is registered */

static bool start(void)
{
	if (started)
		return true;
	gaps = calloc(1, sizeof(*gaps));
	if (!gaps)
		return false;
	gaps->base = client.host_base;
	gaps->size = client.host_size;
	started = true;
	return true;
}

/* First fit; a guard page stays free behind every allocation. */
static uint64_t band_take(uint64_t size)
{
	uint64_t base = 0;

	pthread_mutex_lock(&lock);
	if (start()) {
		for (struct gap **p = &gaps; *p; p = &(*p)->next) {
			struct gap *g = *p;

			if (g->size < size)
				continue;
			base = g->base;
			g->base += size;
			g->size -= size;
			if (!g->size) {
				*p = g->next;
				free(g);
			}
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	return base;
}

static void band_give(uint64_t base, uint64_t size)
{
	struct gap **p = &gaps, *g, *next;

	pthread_mutex_lock(&lock);
	while (*p && (*p)->base + (*p)->size < base)
		p = &(*p)->next;
	if (*p && (*p)->base + (*p)->size == base) {
		g = *p;
		g->size += size;
	} else {
		g = malloc(sizeof(*g));
		if (!g)
			goto out; /* the addresses are lost, which is all that is lost */
		*g = (struct gap){*p, base, size};
		*p = g;
	}
	next = g->next;
	if (next && g->base + g->size == next->base) {
		g->size += next->size;
		g->next = next->next;
		free(next);
	}
out:
	pthread_mutex_unlock(&lock);
}

static uint64_t extent(size_t size)
{
	return ((uint64_t)size + PAGE - 1) / PAGE * PAGE + PAGE;
}

uint64_t hostmem_take(size_t size)
{
	return size > client.host_size ? 0 : band_take(extent(size));
}

void hostmem_give(uint64_t base, size_t size)
{
	band_give(base, extent(size));
}

CUresult client_cuMemHostAlloc(void **pp, size_t bytesize, unsigned int Flags)
{
	struct memory_range range = {.size = bytesize, .kind = MEMORY_HOST, .flags = Flags};
	CUresult r = call_check(0);
	uint64_t base;

	if (!r)
		r = capture_unsafe();
	if (r)
		return r;
	if (!pp || Flags & ~ALLOC_FLAGS)
		return CUDA_ERROR_INVALID_VALUE;
	if (!bytesize) {
		*pp = NULL;
		return CUDA_SUCCESS;
	}
	if (bytesize > client.host_size)
		return CUDA_ERROR_OUT_OF_MEMORY;
	base = band_take(extent(bytesize));
	if (!base)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (mmap((void *)base, extent(bytesize) - PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
		band_give(base, extent(bytesize));
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	range.base = base;
	range.context = context_self();
	range.device = range.context->device;
	if (memory_add(&range)) {
		hostmem_release(&range);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*pp = (void *)base;
	return CUDA_SUCCESS;
}

CUresult client_cuMemAllocHost_v2(void **pp, size_t bytesize)
{
	return client_cuMemHostAlloc(pp, bytesize, 0);
}

void hostmem_release(const struct memory_range *range)
{
	uint64_t size = extent(range->size);

	mirror_end(range->base);
	mmap((void *)range->base, size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	band_give(range->base, size);
}

/* The pinned allocation that @p lies in. */
static CUresult find(const void *p, struct memory_range *range)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	return p && memory_find((uintptr_t)p, range) && range->kind == MEMORY_HOST && !range->registered
		       ? CUDA_SUCCESS
		       : CUDA_ERROR_INVALID_VALUE;
}

/* Natively waits for all work of the context, which may still use the memory; so may every other one. */
CUresult client_cuMemFreeHost(void *p)
{
	struct memory_range range;
	CUresult r = p ? find(p, &range) : call_check(CALL_NO_CONTEXT);

	if (r || !p)
		return r;
	r = capture_unsafe();
	if (!r && range.base != (uintptr_t)p)
		r = CUDA_ERROR_INVALID_VALUE;
	if (r)
		return r;
	r = context_drain_all();
	if (r)
		return r;
	if (!memory_remove(range.base, &range))
		return CUDA_ERROR_INVALID_VALUE;
	hostmem_release(&range);
	return CUDA_SUCCESS;
}

/* The pinned memory that @p lies in, allocated or registered. */
static CUresult find_any(const void *p, struct memory_range *range)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	return p && memory_find((uintptr_t)p, range) && range->kind == MEMORY_HOST
		       ? CUDA_SUCCESS
		       : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuMemHostGetDevicePointer_v2(CUdeviceptr *pdptr, void *p, unsigned int Flags)
{
	struct memory_range range;
	CUresult r = find_any(p, &range);

	if (r)
		return r;
	if (!pdptr || Flags)
		return CUDA_ERROR_INVALID_VALUE;
	r = mirror_activate(range.base, range.size);
	if (!r)
		*pdptr = (uintptr_t)p;
	return r;
}

/* As the driver: memory is mapped on devices with unified addressing, asked for or not. */
CUresult client_cuMemHostGetFlags(unsigned int *pFlags, void *p)
{
	struct memory_range range;
	CUresult r = find_any(p, &range);

	if (r)
		return r;
	if (!pFlags)
		return CUDA_ERROR_INVALID_VALUE;
	*pFlags = range.flags | CU_MEMHOSTALLOC_DEVICEMAP;
	return CUDA_SUCCESS;
}

CUresult hostmem_use(uint64_t address)
{
	struct memory_range range;

	if (address - client.host_base >= client.host_size && !atomic_load(&registrations))
		return CUDA_SUCCESS;
	if (!memory_find(address, &range) || range.kind != MEMORY_HOST)
		return CUDA_SUCCESS;
	return mirror_activate(range.base, range.size);
}

/* Words that can be addresses of ours are few, so that nothing else is looked up, where not @registered
 * memory is wanted, too. */
static CUresult scan(const void *bytes, size_t size, bool registered)
{
	CUresult r = CUDA_SUCCESS;

	for (size_t at = 0; at + 8 <= size && !r; at += 8) {
		uint64_t value;

		memcpy(&value, (const uint8_t *)bytes + at, 8);
		if (registered || value - client.host_base < client.host_size)
			r = hostmem_use(value);
	}
	return r;
}

CUresult hostmem_scan_copy(const void *bytes, size_t size)
{
	return size > SCAN_MAX ? CUDA_SUCCESS : scan(bytes, size, false);
}

CUresult hostmem_scan(const void *params, size_t size)
{
	return scan(params, size, atomic_load(&registrations));
}

CUresult client_cuMemHostRegister_v2(void *p, size_t bytesize, unsigned int Flags)
{
	struct memory_range range = {.base = (uintptr_t)p, .size = bytesize, .kind = MEMORY_HOST,
		.registered = true, .flags = Flags};
	struct memory_range other;
	CUresult r = call_check(0);

	if (!r)
		r = capture_unsafe();
	if (r)
		return r;
	if (!p || !bytesize || Flags & ~REGISTER_FLAGS || bytesize > UINTPTR_MAX - (uintptr_t)p)
		return CUDA_ERROR_INVALID_VALUE;
	if (Flags & CU_MEMHOSTREGISTER_IOMEMORY)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (memory_overlaps((uintptr_t)p, bytesize, &other))
		return other.registered ? CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED
					: CUDA_ERROR_INVALID_VALUE;
	range.context = context_self();
	range.device = range.context->device;
	if (memory_add(&range))
		return CUDA_ERROR_OUT_OF_MEMORY;
	atomic_fetch_add(&registrations, 1);
	return CUDA_SUCCESS;
}

CUresult client_cuMemHostRegister(void *p, size_t bytesize, unsigned int Flags)
{
	return client_cuMemHostRegister_v2(p, bytesize, Flags);
}

/* Natively waits for all work of the context, as freeing does. */
CUresult client_cuMemHostUnregister(void *p)
{
	struct memory_range range;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r)
		r = capture_unsafe();
	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	if (!memory_find((uintptr_t)p, &range))
		return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
	if (range.kind == MEMORY_HOST && !range.registered)
		return CUDA_ERROR_INVALID_VALUE;
	if (range.base != (uintptr_t)p || !range.registered)
		return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
	r = context_drain_all();
	if (r || !memory_remove(range.base, &range))
		return r ? r : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
	mirror_end(range.base);
	atomic_fetch_sub(&registrations, 1);
	return CUDA_SUCCESS;
}
