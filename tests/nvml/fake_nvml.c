/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's libnvidia-ml.so.1 with two GPUs and few functions, for a server to
 * use in place of NVIDIA's. What it answers differs from what the software GPU
 * says; what it lacks, the server must do without.
 */
#include <stdio.h>
#include <string.h>

#include "nvml_calls.h"

enum { GPUS = 2 };

static char gpus[GPUS];
static int ready;

nvmlReturn_t nvmlInit_v2(void)
{
	ready = 1;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
	*count = GPUS;
	return ready ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
	if (index >= GPUS)
		return NVML_ERROR_INVALID_ARGUMENT;
	*device = (nvmlDevice_t)&gpus[index];
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
	*index = (char *)device - gpus;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
	int n = snprintf(name, length, "Host GPU %u", (unsigned)((char *)device - gpus));

	return n < (int)length ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_SIZE;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
	*memory = (nvmlMemory_t){.total = 16ull << 30, .used = 3ull << 30, .free = 13ull << 30};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedMemoryClocks(
	nvmlDevice_t device, unsigned int *count, unsigned int *clocks)
{
	static const unsigned int possible[] = {3201, 2619, 1593};
	unsigned int room = *count;

	*count = sizeof(possible) / sizeof(possible[0]);
	if (room < *count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(clocks, possible, sizeof(possible));
	return NVML_SUCCESS;
}

/* A process of somebody else: no client may see it. */
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(
	nvmlDevice_t device, unsigned int *count, void *list)
{
	*count = 1;
	return NVML_SUCCESS;
}
