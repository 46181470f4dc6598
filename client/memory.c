/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory and what a pointer is: CUDA driver API, memory management and unified addressing. */
#include "memory.h"

#include <string.h>

#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "stream.h"
#include "wire_calls.h"

enum { PITCH_ALIGNMENT = 512 };

static _Atomic bool graphs_allocate;

bool memory_of_graphs(void)
{
	return atomic_load_explicit(&graphs_allocate, memory_order_relaxed);
}

static CUresult note(CUdeviceptr address, size_t bytes, CUmemoryPool pool, bool of_graph)
{
	struct context *c = context_self();
	struct memory_range range = {
		.base = address,
		.size = bytes,
		.kind = MEMORY_DEVICE,
		.context = c,
		.device = c->device,
		.pool = pool,
		.of_graph = of_graph,
	};

	if (of_graph)
		atomic_store(&graphs_allocate, true);
	return memory_add(&range) ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

static bool captured(CUstream stream)
{
	struct stream *s;

	return atomic_load_explicit(&captures_active, memory_order_acquire) &&
	       !stream_find(stream, &s) && atomic_load(&s->capture);
}

/* Whether memory of a graph is there only the driver knows. */
static bool there(const struct memory_range *range)
{
	CUdeviceptr base;
	size_t size;

	return !range->of_graph || !wire_memory_range(&base, &size, range->base);
}

/* The allocation that begins at @address, which cuMemFree and its like may be asked to free. */
static bool find_allocation(CUdeviceptr address, struct memory_range *range)
{
	return memory_find(address, range) && range->base == address &&
	       range->kind == MEMORY_DEVICE && !range->mapped;
}

CUresult client_cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)
{
	CUdeviceptr address;
	CUresult r = call_check(0);

	if (!r)
		r = capture_unsafe();
	if (r)
		return r;
	if (!dptr || !bytesize)
		return CUDA_ERROR_INVALID_VALUE;
	r = wire_memory_alloc(&address, bytesize);
	if (!r)
		r = note(address, bytesize, NULL, false);
	if (!r)
		*dptr = address;
	return r;
}

CUresult client_cuMemAllocPitch_v2(CUdeviceptr *dptr, size_t *pPitch, size_t WidthInBytes,
	size_t Height, unsigned int ElementSizeBytes)
{
	size_t pitch = (WidthInBytes + PITCH_ALIGNMENT - 1) & ~(size_t)(PITCH_ALIGNMENT - 1);
	CUresult r = call_check(0);

	if (r)
		return r;
	if (!dptr || !pPitch || !WidthInBytes || !Height || pitch < WidthInBytes ||
		(ElementSizeBytes != 4 && ElementSizeBytes != 8 && ElementSizeBytes != 16))
		return CUDA_ERROR_INVALID_VALUE;
	if (Height > SIZE_MAX / pitch)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = client_cuMemAlloc_v2(dptr, pitch * Height);
	if (!r)
		*pPitch = pitch;
	return r;
}

CUresult client_cuMemFree_v2(CUdeviceptr dptr)
{
	struct memory_range range;
	CUresult r = capture_safe();

	if (r || !dptr)
		return r;
	if (!find_allocation(dptr, &range))
		return CUDA_ERROR_INVALID_VALUE;
	if (!range.of_graph && !memory_remove(dptr, &range))
		return CUDA_ERROR_INVALID_VALUE;
	return wire_memory_free(dptr);
}

CUresult client_cuMemGetAddressRange_v2(CUdeviceptr *pbase, size_t *psize, CUdeviceptr dptr)
{
	struct memory_range range;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!memory_find(dptr, &range) || !there(&range))
		return CUDA_ERROR_NOT_FOUND;
	if (pbase)
		*pbase = range.base;
	if (psize)
		*psize = range.size;
	return CUDA_SUCCESS;
}

CUresult memory_pooled(CUdeviceptr *dptr, size_t bytesize, CUmemoryPool pool, CUstream stream)
{
	return note(*dptr, bytesize, pool, captured(stream));
}

CUresult memory_pooled_here(CUdeviceptr *dptr, size_t bytesize, CUstream stream)
{
	CUmemoryPool pool;
	CUresult r = stub_cuDeviceGetMemPool(&pool, context_self()->device);

	return r ? r : memory_pooled(dptr, bytesize, pool, stream);
}

CUresult memory_of_graph(CUDA_MEM_ALLOC_NODE_PARAMS *node)
{
	return note(node->dptr, node->bytesize, NULL, true);
}

/* Captured, it is freed at the graph's launches, of which the driver knows what they may free. */
static CUresult free_of_graph(
	CUdeviceptr dptr, CUstream handle, uint64_t stream, const struct memory_range *range)
{
	if (!captured(handle) && !there(range))
		return CUDA_ERROR_INVALID_VALUE;
	return wire_cuMemFreeAsync(dptr, stream);
}

CUresult client_cuMemFreeAsync(CUdeviceptr dptr, CUstream hStream)
{
	struct memory_range range;
	uint64_t stream;
	CUresult r = capture_safe_in(hStream);

	if (!r)
		r = stream_check(hStream, &stream);
	if (r)
		return r;
	if (!dptr)
		return CUDA_SUCCESS;
	if (!find_allocation(dptr, &range))
		return CUDA_ERROR_INVALID_VALUE;
	if (range.of_graph)
		return free_of_graph(dptr, hStream, stream, &range);
	/* A graph frees what a graph allocates. */
	if (captured(hStream))
		return CUDA_ERROR_INVALID_VALUE;
	/* Before the server knows: it may be another thread's at once, which notes it. */
	if (!memory_remove(dptr, &range))
		return CUDA_ERROR_INVALID_VALUE;
	r = wire_cuMemFreeAsync(dptr, stream);
	if (r)
		memory_add(&range);
	return r;
}

CUresult memory_mapped(CUdeviceptr address, size_t size)
{
	struct context *c = context_self();
	struct memory_range range = {.base = address, .size = size, .kind = MEMORY_DEVICE,
		.mapped = true, .context = c, .device = c ? c->device : 0};

	return memory_add(&range) ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

/* One call may take several mappings away, but only whole ones. */
CUresult memory_unmapped(CUdeviceptr address, size_t size)
{
	struct memory_range range;

	for (uint64_t at = address; at - address < size; at += range.size) {
		if (!memory_remove(at, &range))
			break;
	}
	return CUDA_SUCCESS;
}

static CUresult attribute(void *data, CUpointer_attribute name, CUdeviceptr ptr,
	const struct memory_range *m)
{
	bool device = m->kind == MEMORY_DEVICE;

	switch (name) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*(CUcontext *)data = context_handle(m->context);
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*(unsigned *)data = device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*(CUdeviceptr *)data = ptr;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		if (device)
			return CUDA_ERROR_INVALID_VALUE;
		*(void **)data = (void *)(uintptr_t)ptr;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
		*(unsigned *)data = m->sync;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
		*(unsigned long long *)data = m->id;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
	case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
		*(int *)data = 0;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*(int *)data = m->device;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
	case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
		*(CUdeviceptr *)data = m->base;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
	case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
		*(size_t *)data = m->size;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*(int *)data = 1;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
		*(unsigned long long *)data = 0;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*(unsigned *)data = CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
		*(CUmemoryPool *)data = m->pool;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult client_cuPointerGetAttribute(void *data, CUpointer_attribute name, CUdeviceptr ptr)
{
	struct memory_range m;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!data || !memory_find(ptr, &m) || !there(&m))
		return CUDA_ERROR_INVALID_VALUE;
	return attribute(data, name, ptr, &m);
}

/* What cuPointerGetAttributes gives for a pointer that is none of CUDA's: zeros, no device. */
static void nothing(void *data, CUpointer_attribute name)
{
	switch (name) {
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*(int *)data = -2;
		break;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
	case CU_POINTER_ATTRIBUTE_MAPPED:
	case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*(unsigned *)data = 0;
		break;
	default:
		memset(data, 0, sizeof(uint64_t));
	}
}

CUresult client_cuPointerGetAttributes(unsigned int numAttributes, CUpointer_attribute *attributes,
	void **data, CUdeviceptr ptr)
{
	struct memory_range m;
	CUresult r = call_check(CALL_NO_CONTEXT);
	bool known;

	if (r)
		return r;
	if (!numAttributes || !attributes || !data)
		return CUDA_ERROR_INVALID_VALUE;
	known = memory_find(ptr, &m) && there(&m);
	for (unsigned i = 0; i < numAttributes; i++) {
		if (!data[i])
			return CUDA_ERROR_INVALID_VALUE;
		if (!known || attribute(data[i], attributes[i], ptr, &m))
			nothing(data[i], attributes[i]);
	}
	return CUDA_SUCCESS;
}

CUresult client_cuPointerSetAttribute(const void *value, CUpointer_attribute name, CUdeviceptr ptr)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	/* Copies of this library synchronise where the driver's would, so the attribute changes nothing
	 * that a program could see but itself. */
	if (!value || name != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS ||
		!memory_set_sync(ptr, *(const unsigned *)value))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}
