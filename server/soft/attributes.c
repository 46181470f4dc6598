/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices say about themselves: an sm_75 device as this library behaves,
 * without what it cannot do (arrays, textures, clusters, IPC).
 */
#include "soft.h"

#include <stdio.h>

static const struct {
	CUdevice_attribute attribute;
	int value;
} attributes[] = {
	{CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, BLOCK_THREADS_MAX},
	{CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
	{CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
	{CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
	{CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
	{CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
	{CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
	{CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, SHARED_DEFAULT},
	{CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, CONSTANT_TOTAL},
	{CU_DEVICE_ATTRIBUTE_WARP_SIZE, WARP_SIZE},
	{CU_DEVICE_ATTRIBUTE_MAX_PITCH, 2147483647},
	{CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, SM_REGISTERS},
	{CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
	{CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, ALLOC_ALIGN},
	{CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1},
	{CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, SM_COUNT},
	{CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
	{CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, ALLOC_ALIGN},
	{CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
	{CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},
	{CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 64},
	{CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 1 << 20},
	{CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, SM_THREADS},
	{CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 2},
	{CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
	{CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, WARP_SIZE},
	{CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 7},
	{CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 5},
	{CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, SM_SHARED},
	{CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, SM_REGISTERS},
	{CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1},
	{CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, 2},
	{CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1},
	{CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1},
	{CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
	{CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, SHARED_OPTIN},
	{CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, 1},
	{CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, SM_BLOCKS},
	{CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
	{CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS, 1},
	{CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR, 1},
	{CU_DEVICE_ATTRIBUTE_MEM_SYNC_DOMAIN_COUNT, 1},
	{CU_DEVICE_ATTRIBUTE_NUMA_ID, -1},
	{CU_DEVICE_ATTRIBUTE_HOST_NUMA_ID, -1},
};

static int attribute_of(struct device *d, CUdevice_attribute attribute)
{
	size_t i;

	if (attribute == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)
		return 1;
	if (attribute == CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)
		return d->number;
	if (attribute == CU_DEVICE_ATTRIBUTE_MEMPOOL_SUPPORTED_HANDLE_TYPES)
		return 0;
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].attribute == attribute)
			return attributes[i].value;
	return 0;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!value || (int)attribute < 1 || attribute >= CU_DEVICE_ATTRIBUTE_MAX)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		*value = attribute_of(d, attribute);
	return leave(result);
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!major || !minor)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result) {
		*major = 7;
		*minor = 5;
	}
	return leave(result);
}

CUresult cuDeviceGetProperties(CUdevprop *prop, CUdevice dev)
{
	struct device *d;
	CUresult result = need(prop, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		*prop = (CUdevprop){
			.maxThreadsPerBlock = BLOCK_THREADS_MAX,
			.maxThreadsDim = {1024, 1024, 64},
			.maxGridSize = {2147483647, 65535, 65535},
			.sharedMemPerBlock = SHARED_DEFAULT,
			.totalConstantMemory = CONSTANT_TOTAL,
			.SIMDWidth = WARP_SIZE,
			.memPitch = 2147483647,
			.regsPerBlock = SM_REGISTERS,
			.clockRate = 1000000,
			.textureAlign = ALLOC_ALIGN,
		};
	return leave(result);
}

CUresult cuDeviceGetPCIBusId(char *id, int len, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!id || len <= 0)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result && snprintf(id, len, "0000:01:%02X.0", d->number) >= len)
		result = CUDA_ERROR_INVALID_VALUE;
	return leave(result);
}

CUresult cuDeviceGetByPCIBusId(CUdevice *dev, const char *id)
{
	unsigned domain = 0, bus, device, function = 0;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!dev || !id)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (sscanf(id, "%x:%x:%x.%x", &domain, &bus, &device, &function) < 3) {
		domain = 0;
		if (sscanf(id, "%x:%x.%x", &bus, &device, &function) < 2)
			return leave(CUDA_ERROR_INVALID_VALUE);
	}
	for (unsigned i = 0; !domain && bus == 1 && !function && i < gpu.devices_count; i++) {
		if (gpu.devices[i].number == device) {
			*dev = i;
			return leave(CUDA_SUCCESS);
		}
	}
	return leave(CUDA_ERROR_INVALID_DEVICE);
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice dev, CUdevice peer)
{
	struct device *d;
	CUresult result = need(can, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		result = device_find(peer, &d);
	if (!result)
		*can = dev != peer;
	return leave(result);
}

CUresult cuDeviceGetP2PAttribute(
	int *value, CUdevice_P2PAttribute attribute, CUdevice src, CUdevice dst)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!value || (int)attribute < 1 ||
		attribute > CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (device_find(src, &d) || device_find(dst, &d) || src == dst)
		return leave(CUDA_ERROR_INVALID_DEVICE);
	*value = attribute == CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED ||
		 attribute == CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED;
	return leave(CUDA_SUCCESS);
}
