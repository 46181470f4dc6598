/* SPDX-License-Identifier: Apache-2.0 */
/* What an address is: the pointer attributes, and advice about managed memory. */
#include "vmm.h"

#include <string.h>

static unsigned memory_type(const struct range *r)
{
	return r->kind == RANGE_HOST || r->kind == RANGE_REGISTERED ? CU_MEMORYTYPE_HOST
								    : CU_MEMORYTYPE_DEVICE;
}

static bool host_sees(const struct range *r)
{
	return memory_type(r) == CU_MEMORYTYPE_HOST || r->kind == RANGE_MANAGED;
}

/* Bytes that the attribute's value takes, 0 for one that is not known. */
static size_t value_size(CUpointer_attribute attribute)
{
	switch (attribute) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
		return 8;
	case CU_POINTER_ATTRIBUTE_P2P_TOKENS:
		return 0;
	case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
	case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
	case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
		return 8;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
	case CU_POINTER_ATTRIBUTE_MAPPED:
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
	case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		return 4;
	default:
		return 0;
	}
}

/* Truth values are written as one byte, as the driver's. */
static bool is_bool(CUpointer_attribute attribute)
{
	return attribute == CU_POINTER_ATTRIBUTE_IS_MANAGED ||
	       attribute == CU_POINTER_ATTRIBUTE_MAPPED ||
	       attribute == CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE ||
	       attribute == CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE;
}

static uint64_t handle_types(const struct range *r)
{
	return r->kind == RANGE_MAPPED && r->memory->own_fd
		       ? CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR
		       : 0;
}

static CUresult value_of(struct range *r, CUpointer_attribute attribute, uint64_t ptr, uint64_t *v)
{
	switch (attribute) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*v = r->ctx ? r->ctx->base.handle : 0;
		break;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*v = memory_type(r);
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*v = ptr;
		break;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		*v = ptr;
		return host_sees(r) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
		*v = r->sync_memops;
		break;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
	case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
		*v = r->id;
		break;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*v = r->kind == RANGE_MANAGED;
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*v = r->dev->index;
		break;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
	case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
		*v = r->addr;
		break;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
	case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
		*v = r->bytes;
		break;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*v = 1;
		break;
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
		*v = handle_types(r);
		break;
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*v = r->writers	  ? CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE
		     : r->readers ? CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READ
				  : 0;
		break;
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
		*v = r->pool ? ((struct object *)r->pool)->handle : 0;
		break;
	default:
		*v = 0;
	}
	return CUDA_SUCCESS;
}

static void store(void *out, CUpointer_attribute attribute, uint64_t v)
{
	if (is_bool(attribute))
		*(unsigned char *)out = v;
	else if (value_size(attribute) == 4)
		*(uint32_t *)out = v;
	else
		*(uint64_t *)out = v;
}

CUresult cuPointerGetAttribute(void *out, CUpointer_attribute attribute, CUdeviceptr ptr)
{
	struct range *r;
	uint64_t v;
	CUresult result = enter_device();

	if (result)
		return result;
	r = range_find(ptr);
	if (!out || !value_size(attribute) || !r || r->freeing)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = value_of(r, attribute, ptr, &v);
	if (!result)
		store(out, attribute, v);
	return leave(result);
}

/* An address that is nobody's is no error here: all values are zero. */
CUresult cuPointerGetAttributes(
	unsigned int n, CUpointer_attribute *attributes, void **out, CUdeviceptr ptr)
{
	struct range *r;
	unsigned i;
	uint64_t v;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!n || !attributes || !out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	for (i = 0; i < n; i++)
		if (!value_size(attributes[i]) || !out[i])
			return leave(CUDA_ERROR_INVALID_VALUE);
	r = range_find(ptr);
	for (i = 0; i < n; i++) {
		v = attributes[i] == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL ? (uint64_t)-2 : 0;
		if (r && !r->freeing && value_of(r, attributes[i], ptr, &v))
			v = 0;
		store(out[i], attributes[i], v);
	}
	return leave(CUDA_SUCCESS);
}

CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute attribute, CUdeviceptr ptr)
{
	struct range *r;
	CUresult result = enter_device();

	if (result)
		return result;
	r = range_find(ptr);
	if (!value || !r || attribute != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (r->kind != RANGE_ALLOC)
		return leave(CUDA_ERROR_NOT_SUPPORTED);
	r->sync_memops = *(const int *)value;
	return leave(CUDA_SUCCESS);
}

/* Managed memory lies where both sides see it: advice changes nothing. */
static CUresult managed(CUdeviceptr ptr, size_t count, CUdevice dev, bool dev_is_host)
{
	struct context *c;
	struct device *d;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	r = range_find(ptr);
	if (!count || !r || r->kind != RANGE_MANAGED || count > r->addr + r->size - ptr)
		return leave(CUDA_ERROR_INVALID_VALUE);
	return leave(dev_is_host ? CUDA_SUCCESS : device_find(dev, &d));
}

CUresult cuMemAdvise(CUdeviceptr ptr, size_t count, CUmem_advise advice, CUdevice dev)
{
	if ((int)advice < 1 || advice > CU_MEM_ADVISE_UNSET_ACCESSED_BY)
		return CUDA_ERROR_INVALID_VALUE;
	return managed(ptr, count, dev, dev == CU_DEVICE_CPU || advice <= 2 || advice == 4);
}

CUresult cuMemAdvise_v2(CUdeviceptr ptr, size_t count, CUmem_advise advice, CUmemLocation location)
{
	if ((int)advice < 1 || advice > CU_MEM_ADVISE_UNSET_ACCESSED_BY)
		return CUDA_ERROR_INVALID_VALUE;
	return managed(ptr, count, location.id,
		location.type != CU_MEM_LOCATION_TYPE_DEVICE || advice <= 2 || advice == 4);
}

static CUresult prefetch(CUdeviceptr ptr, size_t count, CUdevice dev, bool host, CUstream stream)
{
	struct op op = {.kind = OP_NONE};
	struct context *c;
	struct stream *s;
	CUresult result = managed(ptr, count, dev, host);

	if (result)
		return result;
	result = enter(&c);
	if (result)
		return result;
	result = stream_find(c, stream, &s);
	return leave(result ? result : stream_submit(s, &op, NULL));
}

CUresult cuMemPrefetchAsync(CUdeviceptr ptr, size_t count, CUdevice dev, CUstream stream)
{
	return prefetch(ptr, count, dev, dev == CU_DEVICE_CPU, stream);
}

CUresult cuMemPrefetchAsync_v2(
	CUdeviceptr ptr, size_t count, CUmemLocation location, unsigned int flags, CUstream stream)
{
	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	return prefetch(
		ptr, count, location.id, location.type != CU_MEM_LOCATION_TYPE_DEVICE, stream);
}
