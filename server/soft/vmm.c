/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical memory by handle: stretches of a device's memory file, or a file of
 * its own where it is to be shared. A handle and each mapping hold it.
 */
#include "vmm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#define FALLOC_FL_PUNCH_HOLE 2
#endif

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
	CUresult result = need(out, enter_device());

	if (result)
		return result;
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
