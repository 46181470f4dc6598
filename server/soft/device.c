/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices: how many there are and how much memory they have (environment,
 * read once by cuInit), what they say about themselves, and the process-wide
 * state. Attributes describe an sm_75 device as this library behaves; what it
 * cannot do (arrays, textures, clusters, IPC) is said here too.
 */
#include "soft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct gpu gpu = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.progress = PTHREAD_COND_INITIALIZER,
	.print = PTHREAD_MUTEX_INITIALIZER,
};

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

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* "512M", "4G", plain bytes; anything else is the default. */
static size_t memory_from_environment(void)
{
	const char *text = getenv("RGPU_SOFT_MEMORY");
	const size_t fallback = (size_t)2 << 30, most = (size_t)1 << 42;
	unsigned long long n;
	unsigned shift = 0;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return fallback;
	n = strtoull(text, &end, 10);
	if (*end)
		shift = *end == 'K' || *end == 'k'   ? 10
			: *end == 'M' || *end == 'm' ? 20
			: *end == 'G' || *end == 'g' ? 30
						     : 64;
	if (shift == 64 || !n || n > most >> shift)
		return fallback;
	return round_up(n << shift, ALLOC_ALIGN);
}

static unsigned devices_from_environment(void)
{
	const char *text = getenv("RGPU_SOFT_DEVICES");
	long n = text ? strtol(text, NULL, 10) : 1;

	return n < 1 || n > DEVICES_MAX ? 1 : n;
}

static int device_open(struct device *d, unsigned index, size_t total)
{
	static const char uuid[17] = "RemoteGPU soft \0";

	d->index = index;
	d->total = total;
	memcpy(d->uuid.bytes, uuid, sizeof(d->uuid.bytes));
	d->uuid.bytes[15] = index;
	d->memfd = memfd_create("soft-device", MFD_CLOEXEC);
	if (d->memfd < 0)
		return -errno;
	/* Twice the memory in addresses, so that fragments seldom refuse an allocation. */
	if (arena_create(&d->arena, total * 2 + ((size_t)64 << 20)) < 0 ||
		context_create(d, 0, &d->primary)) {
		close(d->memfd);
		return -ENOMEM;
	}
	d->primary->primary = true;
	return 0;
}

static void forget_in_child(void)
{
	pthread_mutex_init(&gpu.lock, NULL);
	pthread_mutex_init(&gpu.print, NULL);
	pthread_cond_init(&gpu.progress, NULL);
	gpu.forked = gpu.ready;
	gpu.ready = false;
}

static CUresult open_devices(void)
{
	size_t total = memory_from_environment();
	unsigned i, count = devices_from_environment();

	if (gpu.forked)
		return CUDA_ERROR_NOT_INITIALIZED;
	ranges_init();
	for (i = 0; i < count; i++)
		if (device_open(&gpu.devices[i], i, total) < 0)
			return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_atfork(NULL, NULL, forget_in_child);
	gpu.devices_count = count;
	gpu.ready = true;
	return CUDA_SUCCESS;
}

CUresult cuInit(unsigned int flags)
{
	CUresult result = CUDA_SUCCESS;

	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&gpu.lock);
	if (!gpu.ready)
		result = open_devices();
	pthread_mutex_unlock(&gpu.lock);
	return result;
}

CUresult cuDriverGetVersion(int *version)
{
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = DRIVER_VERSION;
	return CUDA_SUCCESS;
}

CUresult device_find(CUdevice dev, struct device **out)
{
	if (dev < 0 || (unsigned)dev >= gpu.devices_count)
		return CUDA_ERROR_INVALID_DEVICE;
	*out = &gpu.devices[dev];
	return CUDA_SUCCESS;
}

int device_charge(struct device *d, size_t bytes)
{
	if (bytes > d->total - d->used)
		return -ENOMEM;
	d->used += bytes;
	return 0;
}

void device_refund(struct device *d, size_t bytes)
{
	d->used -= bytes;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!device)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(ordinal, &d);
	if (!result)
		*device = ordinal;
	return leave(result);
}

CUresult cuDeviceGetCount(int *count)
{
	CUresult result = enter_device();

	if (result)
		return result;
	if (!count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*count = gpu.devices_count;
	return leave(CUDA_SUCCESS);
}

CUresult cuDeviceGetName(char *name, int len, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!name || len <= 0)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		snprintf(name, len, "RemoteGPU software device");
	return leave(result);
}

static CUresult get_uuid(CUuuid *uuid, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!uuid)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		*uuid = d->uuid;
	return leave(result);
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	return get_uuid(uuid, dev);
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
	return get_uuid(uuid, dev);
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!bytes)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		*bytes = d->total;
	return leave(result);
}

static int attribute_of(struct device *d, CUdevice_attribute attribute)
{
	size_t i;

	if (attribute == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)
		return 1;
	if (attribute == CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)
		return d->index;
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
	CUresult result = enter_device();

	if (result)
		return result;
	if (!prop)
		return leave(CUDA_ERROR_INVALID_VALUE);
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
	if (!result && snprintf(id, len, "0000:01:%02X.0", d->index) >= len)
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
	if (domain || bus != 1 || function || device >= gpu.devices_count)
		return leave(CUDA_ERROR_INVALID_DEVICE);
	*dev = device;
	return leave(CUDA_SUCCESS);
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice dev, CUdevice peer)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!can)
		return leave(CUDA_ERROR_INVALID_VALUE);
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
