/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of the library that answers, and their numbers. */
#include "nvml.h"

struct nvml_host nvml_host;

static nvmlDevice_t devices[NVML_DEVICES_MAX];
static uint32_t device_count;

/* A GPU that the library cannot give keeps its number. */
void nvml_devices_init(void)
{
	unsigned count = 0;

	nvml_host.nvmlDeviceGetCount_v2(&count);
	if (count > NVML_DEVICES_MAX)
		count = NVML_DEVICES_MAX;
	for (unsigned i = 0; i < count; i++) {
		if (nvml_host.nvmlDeviceGetHandleByIndex_v2(i, &devices[i]) != NVML_SUCCESS)
			devices[i] = NULL;
	}
	device_count = count;
}

uint32_t nvml_device_number(nvmlDevice_t device)
{
	for (uint32_t i = 0; i < device_count; i++) {
		if (devices[i] == device)
			return i;
	}
	if (device_count == NVML_DEVICES_MAX)
		return UINT32_MAX;
	devices[device_count] = device;
	return device_count++;
}

bool nvml_device_find(uint32_t number, nvmlDevice_t *out)
{
	if (number >= device_count || !devices[number])
		return false;
	*out = devices[number];
	return true;
}
