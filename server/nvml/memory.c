/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory as a tenant sees it. Under a memory limit the GPU has as much memory
 * as the limit allows. What the tenant's CUDA sessions use of it is not known
 * here, so the use of the whole GPU stands for it: never less than the truth.
 */
#include "nvml.h"
#include "nvml_custom.h"

static unsigned long long smaller(unsigned long long a, unsigned long long b)
{
	return a < b ? a : b;
}

nvmlReturn_t server_nvmlDeviceGetMemoryInfo(
	struct nvml_request *q, nvmlDevice_t device, nvmlMemory_t *memory)
{
	uint64_t limit = q->session->memory_limit;
	nvmlReturn_t r = nvml_host.nvmlDeviceGetMemoryInfo(device, memory);

	if (r != NVML_SUCCESS || !limit || limit >= memory->total)
		return r;
	memory->total = limit;
	memory->used = smaller(memory->used, limit);
	memory->free = limit - memory->used;
	return r;
}

nvmlReturn_t server_nvmlDeviceGetMemoryInfo_v2(
	struct nvml_request *q, nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
	uint64_t limit = q->session->memory_limit;
	nvmlReturn_t r = nvml_host.nvmlDeviceGetMemoryInfo_v2(device, memory);

	if (r != NVML_SUCCESS || !limit || limit >= memory->total)
		return r;
	memory->total = limit;
	memory->reserved = 0;
	memory->used = smaller(memory->used, limit);
	memory->free = limit - memory->used;
	return r;
}
