/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of and told to pools. */
#include "pool.h"

static CUresult enter_pool(CUmemoryPool handle, struct pool **out)
{
	CUresult result = enter_device();

	if (result)
		return result;
	result = capture_unsafe();
	if (result)
		return leave(result);
	*out = object_find(KIND_POOL, handle);
	return *out ? CUDA_SUCCESS : leave(CUDA_ERROR_INVALID_VALUE);
}

static CUresult give(CUmemoryPool *out, CUdevice dev, struct pool *(*which)(struct device *))
{
	struct device *d;
	struct pool *p;
	CUresult result = need(out, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (result)
		return leave(result);
	p = which(d);
	if (!p)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	*out = (CUmemoryPool)p->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *out, CUdevice dev)
{
	return give(out, dev, pool_default);
}

/* Natively a wrong device is a wrong value here. */
CUresult cuDeviceGetMemPool(CUmemoryPool *out, CUdevice dev)
{
	CUresult result = give(out, dev, pool_current);

	return result == CUDA_ERROR_INVALID_DEVICE ? CUDA_ERROR_INVALID_VALUE : result;
}

static CUresult location_check(const CUmemLocation *location, CUmemAllocationType type)
{
	if (!location || type != CU_MEM_ALLOCATION_TYPE_PINNED)
		return CUDA_ERROR_INVALID_VALUE;
	return location->type == CU_MEM_LOCATION_TYPE_DEVICE ? CUDA_SUCCESS
							     : CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuMemGetDefaultMemPool(
	CUmemoryPool *out, CUmemLocation *location, CUmemAllocationType type)
{
	CUresult result = location_check(location, type);

	return result ? result : give(out, location->id, pool_default);
}

CUresult cuMemGetMemPool(CUmemoryPool *out, CUmemLocation *location, CUmemAllocationType type)
{
	CUresult result = location_check(location, type);

	return result ? result : give(out, location->id, pool_current);
}

CUresult cuMemSetMemPool(CUmemLocation *location, CUmemAllocationType type, CUmemoryPool pool)
{
	CUresult result = location_check(location, type);

	return result ? result : cuDeviceSetMemPool(location->id, pool);
}

CUresult cuDeviceSetMemPool(CUdevice dev, CUmemoryPool handle)
{
	struct device *d;
	struct pool *p;
	CUresult result = enter_pool(handle, &p);

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result && p->dev != d)
		result = CUDA_ERROR_INVALID_DEVICE;
	if (result)
		return leave(result);
	pool_default(d);
	d->current_pool = p;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemPoolTrimTo(CUmemoryPool handle, size_t keep)
{
	struct pool *p;
	uint64_t threshold;
	CUresult result = enter_pool(handle, &p);

	if (result)
		return result;
	threshold = p->threshold;
	p->threshold = keep;
	pools_trim(p->dev);
	p->threshold = threshold;
	return leave(CUDA_SUCCESS);
}

CUresult cuMemPoolGetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void *value)
{
	struct pool *p;
	CUresult result = need(value, enter_pool(handle, &p));

	if (result)
		return result;
	switch (attribute) {
	case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
		*(int *)value =
			p->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES];
		break;
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
		*(cuuint64_t *)value = p->threshold;
		break;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
		*(cuuint64_t *)value = p->reserved;
		break;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
		*(cuuint64_t *)value = p->reserved_high;
		break;
	case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
		*(cuuint64_t *)value = p->used;
		break;
	case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
		*(cuuint64_t *)value = p->used_high;
		break;
	default:
		return leave(CUDA_ERROR_INVALID_VALUE);
	}
	return leave(CUDA_SUCCESS);
}

CUresult cuMemPoolSetAttribute(CUmemoryPool handle, CUmemPool_attribute attribute, void *value)
{
	struct pool *p;
	CUresult result = need(value, enter_pool(handle, &p));

	if (result)
		return result;
	switch (attribute) {
	case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
		p->reuse[attribute - CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES] =
			*(int *)value;
		break;
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
		p->threshold = *(cuuint64_t *)value;
		break;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
	case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
		if (*(cuuint64_t *)value)
			return leave(CUDA_ERROR_INVALID_VALUE);
		p->reserved_high = attribute == CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH
					   ? p->reserved
					   : p->reserved_high;
		p->used_high = attribute == CU_MEMPOOL_ATTR_USED_MEM_HIGH ? p->used : p->used_high;
		break;
	default:
		return leave(CUDA_ERROR_INVALID_VALUE);
	}
	return leave(CUDA_SUCCESS);
}

CUresult cuMemPoolSetAccess(CUmemoryPool handle, const CUmemAccessDesc *desc, size_t count)
{
	struct pool *p;
	uint32_t bit;
	size_t i;
	CUresult result = enter_pool(handle, &p);

	if (result)
		return result;
	if (!desc || !count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	for (i = 0; i < count; i++) {
		if (desc[i].location.type != CU_MEM_LOCATION_TYPE_DEVICE ||
			(unsigned)desc[i].location.id >= gpu.devices_count)
			return leave(CUDA_ERROR_INVALID_DEVICE);
		bit = 1u << desc[i].location.id;
		if (desc[i].flags == CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
			p->access |= bit;
		else if (desc[i].flags == CU_MEM_ACCESS_FLAGS_PROT_NONE &&
			 bit == 1u << p->dev->index)
			return leave(CUDA_ERROR_INVALID_DEVICE);
		else if (desc[i].flags == CU_MEM_ACCESS_FLAGS_PROT_NONE)
			p->access &= ~bit;
		else
			return leave(CUDA_ERROR_INVALID_VALUE);
	}
	ranges_set_pool_access(p, p->access);
	return leave(CUDA_SUCCESS);
}

CUresult cuMemPoolGetAccess(CUmemAccess_flags *flags, CUmemoryPool handle, CUmemLocation *location)
{
	struct pool *p;
	CUresult result = enter_pool(handle, &p);

	if (result)
		return result;
	if (!flags || !location || location->type != CU_MEM_LOCATION_TYPE_DEVICE ||
		(unsigned)location->id >= gpu.devices_count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*flags = p->access & 1u << location->id ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE
						: CU_MEM_ACCESS_FLAGS_PROT_NONE;
	return leave(CUDA_SUCCESS);
}
