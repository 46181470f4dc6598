/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML for a driver library that comes without one, as the software GPU does:
 * what the driver knows about a device is asked once and told; nothing is
 * measured, and what a piece of software does not have, such as fans, is not
 * supported.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "driver_calls.h"
#include "nvml.h"

enum { SOFT_DEVICES_MAX = 64 };

struct nvmlDevice_st {
	char name[96];
	char uuid[41]; /* GPU-8-4-4-4-12 */
	unsigned domain, bus, slot;
	size_t memory;
	int major, minor;
};

static struct nvmlDevice_st gpus[SOFT_DEVICES_MAX];
static unsigned gpu_count;
static int cuda_version;

static void set_uuid(char *out, size_t size, const CUuuid *uuid)
{
	const unsigned char *b = (const unsigned char *)uuid->bytes;

	snprintf(out, size,
		"GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
		b[14], b[15]);
}

static bool parse_bus_id(const char *text, unsigned *domain, unsigned *bus, unsigned *slot)
{
	if (sscanf(text, "%x:%x:%x", domain, bus, slot) == 3)
		return true;
	*domain = 0;
	return sscanf(text, "%x:%x", bus, slot) == 2;
}

static CUresult read_gpu(struct nvmlDevice_st *gpu, int ordinal)
{
	char bus_id[32] = "";
	CUuuid uuid;
	CUdevice device;
	CUresult r;

	memset(&uuid, 0, sizeof(uuid));
	r = driver.cuDeviceGet(&device, ordinal);
	if (!r)
		r = driver.cuDeviceGetName(gpu->name, sizeof(gpu->name), device);
	if (!r)
		r = driver.cuDeviceGetUuid_v2(&uuid, device);
	if (!r)
		r = driver.cuDeviceTotalMem_v2(&gpu->memory, device);
	if (!r)
		r = driver.cuDeviceGetPCIBusId(bus_id, sizeof(bus_id), device);
	if (!r)
		r = driver.cuDeviceGetAttribute(
			&gpu->major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
	if (!r)
		r = driver.cuDeviceGetAttribute(
			&gpu->minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
	if (r)
		return r;
	set_uuid(gpu->uuid, sizeof(gpu->uuid), &uuid);
	parse_bus_id(bus_id, &gpu->domain, &gpu->bus, &gpu->slot);
	return CUDA_SUCCESS;
}

/* ---- answers ---- */

static nvmlReturn_t give_text(char *out, unsigned room, const char *text)
{
	if (strlen(text) >= room)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	strcpy(out, text);
	return NVML_SUCCESS;
}

static nvmlReturn_t driver_version(char *version, unsigned length)
{
	return give_text(version, length, "580.00");
}

static nvmlReturn_t nvml_version(char *version, unsigned length)
{
	return give_text(version, length, "13.580.00");
}

static nvmlReturn_t get_cuda_version(int *out)
{
	*out = cuda_version;
	return NVML_SUCCESS;
}

static nvmlReturn_t count(unsigned *out)
{
	*out = gpu_count;
	return NVML_SUCCESS;
}

static nvmlReturn_t by_index(unsigned index, nvmlDevice_t *out)
{
	if (index >= gpu_count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*out = &gpus[index];
	return NVML_SUCCESS;
}

static nvmlReturn_t by_uuid(const char *uuid, nvmlDevice_t *out)
{
	for (unsigned i = 0; i < gpu_count; i++) {
		if (strcasecmp(gpus[i].uuid, uuid))
			continue;
		*out = &gpus[i];
		return NVML_SUCCESS;
	}
	return NVML_ERROR_NOT_FOUND;
}

static nvmlReturn_t by_bus_id(const char *text, nvmlDevice_t *out)
{
	unsigned domain, bus, slot;

	if (!parse_bus_id(text, &domain, &bus, &slot))
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < gpu_count; i++) {
		if (gpus[i].domain != domain || gpus[i].bus != bus || gpus[i].slot != slot)
			continue;
		*out = &gpus[i];
		return NVML_SUCCESS;
	}
	return NVML_ERROR_NOT_FOUND;
}

static nvmlReturn_t name(nvmlDevice_t gpu, char *out, unsigned length)
{
	return give_text(out, length, gpu->name);
}

static nvmlReturn_t uuid_text(nvmlDevice_t gpu, char *out, unsigned length)
{
	return give_text(out, length, gpu->uuid);
}

static nvmlReturn_t gpu_index(nvmlDevice_t gpu, unsigned *out)
{
	*out = gpu - gpus;
	return NVML_SUCCESS;
}

static nvmlReturn_t zero(nvmlDevice_t gpu, unsigned *out)
{
	*out = 0;
	return NVML_SUCCESS;
}

static nvmlReturn_t pci_info(nvmlDevice_t gpu, nvmlPciInfo_t *out)
{
	memset(out, 0, sizeof(*out));
	out->domain = gpu->domain;
	out->bus = gpu->bus;
	out->device = gpu->slot;
	snprintf(out->busIdLegacy, sizeof(out->busIdLegacy), "%04X:%02X:%02X.0",
		gpu->domain & 0xffff, gpu->bus & 0xff, gpu->slot & 0xff);
	snprintf(out->busId, sizeof(out->busId), "%08X:%02X:%02X.0", gpu->domain, gpu->bus,
		gpu->slot);
	return NVML_SUCCESS;
}

static nvmlReturn_t capability(nvmlDevice_t gpu, int *major, int *minor)
{
	*major = gpu->major;
	*minor = gpu->minor;
	return NVML_SUCCESS;
}

/* Each worker has a software GPU of its own, and this one's is not used. */
static nvmlReturn_t memory(nvmlDevice_t gpu, nvmlMemory_t *out)
{
	*out = (nvmlMemory_t){.total = gpu->memory, .free = gpu->memory};
	return NVML_SUCCESS;
}

static nvmlReturn_t memory_v2(nvmlDevice_t gpu, nvmlMemory_v2_t *out)
{
	if (out->version != (sizeof(*out) | 2 << 24))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	out->total = out->free = gpu->memory;
	out->reserved = out->used = 0;
	return NVML_SUCCESS;
}

static nvmlReturn_t utilization(nvmlDevice_t gpu, nvmlUtilization_t *out)
{
	*out = (nvmlUtilization_t){0};
	return NVML_SUCCESS;
}

static void fill(struct nvml_host *h)
{
	h->nvmlSystemGetDriverVersion = driver_version;
	h->nvmlSystemGetNVMLVersion = nvml_version;
	h->nvmlSystemGetCudaDriverVersion = get_cuda_version;
	h->nvmlSystemGetCudaDriverVersion_v2 = get_cuda_version;
	h->nvmlDeviceGetCount = h->nvmlDeviceGetCount_v2 = count;
	h->nvmlDeviceGetHandleByIndex = h->nvmlDeviceGetHandleByIndex_v2 = by_index;
	h->nvmlDeviceGetHandleByUUID = by_uuid;
	h->nvmlDeviceGetHandleByPciBusId = h->nvmlDeviceGetHandleByPciBusId_v2 = by_bus_id;
	h->nvmlDeviceGetName = name;
	h->nvmlDeviceGetUUID = uuid_text;
	h->nvmlDeviceGetIndex = h->nvmlDeviceGetMinorNumber = gpu_index;
	h->nvmlDeviceGetPciInfo_v3 = pci_info;
	h->nvmlDeviceGetCudaComputeCapability = capability;
	h->nvmlDeviceGetMemoryInfo = memory;
	h->nvmlDeviceGetMemoryInfo_v2 = memory_v2;
	h->nvmlDeviceGetUtilizationRates = utilization;
	h->nvmlDeviceGetBrand = h->nvmlDeviceGetComputeMode = zero;
	h->nvmlDeviceIsMigDeviceHandle = h->nvmlDeviceGetMaxMigDeviceCount = zero;
}

int nvml_soft_open(void)
{
	int n = 0;

	if (driver.cuDriverGetVersion(&cuda_version) || driver.cuDeviceGetCount(&n))
		return -ENODEV;
	for (int i = 0; i < n && i < SOFT_DEVICES_MAX; i++) {
		if (read_gpu(&gpus[i], i))
			return -ENODEV;
		gpu_count = i + 1;
	}
	fill(&nvml_host);
	return 0;
}
