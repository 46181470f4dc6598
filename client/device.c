/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: everything that never changes came with the welcome and is answered here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "client_calls.h"

static CUresult find(CUdevice dev, const void *out, const struct device **d)
{
	CUresult r = client_usable();

	if (r)
		return r;
	if (!out)
		return CUDA_ERROR_INVALID_VALUE;
	if (dev < 0 || dev >= client.device_count)
		return CUDA_ERROR_INVALID_DEVICE;
	*d = &client.device[dev];
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceGetCount(int *count)
{
	CUresult r = client_usable();

	if (r)
		return r;
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	*count = client.device_count;
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceGet(CUdevice *device, int ordinal)
{
	const struct device *d;
	CUresult r = find(ordinal, device, &d);

	if (!r)
		*device = ordinal;
	return r;
}

CUresult client_cuDeviceGetName(char *name, int len, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, name, &d);

	if (r)
		return r;
	if (len <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	snprintf(name, len, "%s", d->name);
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, uuid, &d);

	if (!r)
		*uuid = d->uuid;
	return r;
}

CUresult client_cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, uuid, &d);

	if (!r)
		*uuid = d->uuid_v2;
	return r;
}

CUresult client_cuDeviceGetLuid(char *luid, unsigned int *deviceNodeMask, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, luid, &d);

	if (r)
		return r;
	/* Luids exist on Windows alone: the driver refuses it elsewhere. */
	return deviceNodeMask ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, bytes, &d);

	if (!r)
		*bytes = d->total_memory;
	return r;
}

/* Over a network host memory is mirrored: what attributes promise about touching it while kernels
 * run, or about memory that only one machine can share, does not hold. */
static int overrule(CUdevice_attribute attribute, int value)
{
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS:
	case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS:
	case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES:
	case CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST:
	case CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
	case CU_DEVICE_ATTRIBUTE_MULTICAST_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_IPC_EVENT_SUPPORTED:
		return 0;
	default:
		return value;
	}
}

CUresult client_cuDeviceGetAttribute(int *pi, CUdevice_attribute attrib, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, pi, &d);

	if (r)
		return r;
	if ((unsigned)attrib >= CLIENT_ATTRIBUTES || d->attribute[attrib] == INT32_MIN)
		return CUDA_ERROR_INVALID_VALUE;
	*pi = overrule(attrib, d->attribute[attrib]);
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceComputeCapability(int *major, int *minor, CUdevice dev)
{
	CUresult r = client_cuDeviceGetAttribute(major,
		CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, dev);

	return r ? r
		 : client_cuDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
			   dev);
}

CUresult client_cuDeviceGetProperties(CUdevprop *prop, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, prop, &d);

	if (r)
		return r;
	*prop = (CUdevprop){
		.maxThreadsPerBlock = d->attribute[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK],
		.maxThreadsDim = {d->attribute[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X],
			d->attribute[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y],
			d->attribute[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z]},
		.maxGridSize = {d->attribute[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X],
			d->attribute[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y],
			d->attribute[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z]},
		.sharedMemPerBlock =
			d->attribute[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK],
		.totalConstantMemory = d->attribute[CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY],
		.SIMDWidth = d->attribute[CU_DEVICE_ATTRIBUTE_WARP_SIZE],
		.memPitch = d->attribute[CU_DEVICE_ATTRIBUTE_MAX_PITCH],
		.regsPerBlock = d->attribute[CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK],
		.clockRate = d->attribute[CU_DEVICE_ATTRIBUTE_CLOCK_RATE],
		.textureAlign = d->attribute[CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT],
	};
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceGetPCIBusId(char *pciBusId, int len, CUdevice dev)
{
	const struct device *d;
	CUresult r = find(dev, pciBusId, &d);

	if (r)
		return r;
	if (len <= (int)strlen(d->pci_bus_id))
		return CUDA_ERROR_INVALID_VALUE;
	strcpy(pciBusId, d->pci_bus_id);
	return CUDA_SUCCESS;
}

/* "domain:bus:device.function", "domain:bus:device" or "bus:device.function", hexadecimal. */
static bool parse_bus_id(const char *text, unsigned out[3])
{
	unsigned f;

	if (sscanf(text, "%x:%x:%x.%x", &out[0], &out[1], &out[2], &f) >= 3)
		return true;
	out[0] = 0;
	return sscanf(text, "%x:%x.%x", &out[1], &out[2], &f) >= 2;
}

CUresult client_cuDeviceGetByPCIBusId(CUdevice *dev, const char *pciBusId)
{
	CUresult r = client_usable();
	unsigned wanted[3], have[3];

	if (r)
		return r;
	if (!dev || !pciBusId || !parse_bus_id(pciBusId, wanted))
		return CUDA_ERROR_INVALID_VALUE;
	for (int i = 0; i < client.device_count; i++) {
		if (parse_bus_id(client.device[i].pci_bus_id, have) &&
			memcmp(wanted, have, sizeof(have)) == 0) {
			*dev = i;
			return CUDA_SUCCESS;
		}
	}
	return CUDA_ERROR_INVALID_DEVICE;
}

CUresult client_cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
	const char *setting = getenv("CUDA_MODULE_LOADING");
	CUresult r = client_usable();

	if (r)
		return r;
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	*mode = setting && strcasecmp(setting, "EAGER") == 0 ? CU_MODULE_EAGER_LOADING
							      : CU_MODULE_LAZY_LOADING;
	return CUDA_SUCCESS;
}
