/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library that answers, and the numbers of its devices. The host's own
 * NVML where NVIDIA's driver is used; else the driver library's functions.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvml.h"

struct nvml_host nvml_host;

static bool software;
static nvmlDevice_t devices[NVML_DEVICES_MAX];
static uint32_t device_count;

static nvmlReturn_t missing(void)
{
	return NVML_ERROR_FUNCTION_NOT_FOUND;
}

static nvmlReturn_t not_supported(void)
{
	return NVML_ERROR_NOT_SUPPORTED;
}

static void **member(size_t i)
{
	return (void **)((char *)&nvml_host + nvml_host_names[i].offset);
}

bool nvml_host_is_software(void)
{
	return software;
}

static int open_nvml(char *why, size_t size)
{
	nvmlReturn_t (*init)(void), r;
	void *library, *function;

	/* If the library that is found here is our own client's, it must not come back to us. */
	setenv("RGPU_SERVERS", "none://", 1);
	library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		snprintf(why, size, "the server has no NVML: %s", dlerror());
		return -ENOENT;
	}
	for (size_t i = 0; i < nvml_host_name_count; i++) {
		function = dlsym(library, nvml_host_names[i].name);
		*member(i) = function ? function : (void *)missing;
	}
	*(void **)&init = dlsym(library, "nvmlInit_v2");
	r = init ? init() : NVML_ERROR_FUNCTION_NOT_FOUND;
	if (r == NVML_SUCCESS)
		return 0;
	snprintf(why, size, "the server's NVML does not start (error %u)", r);
	return -ENODEV;
}

static int open_soft(const char *driver, char *why, size_t size)
{
	void *library = dlopen(driver, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		snprintf(why, size, "the server's driver library cannot be loaded: %s", dlerror());
		return -ENOENT;
	}
	for (size_t i = 0; i < nvml_host_name_count; i++)
		*member(i) = (void *)not_supported;
	software = true;
	if (!nvml_soft_open(library))
		return 0;
	snprintf(why, size, "the server's driver library %s does not start", driver);
	return -ENODEV;
}

/* NVIDIA's is called libcuda.so, whatever stands before and after. */
static bool is_nvidia(const char *driver)
{
	const char *slash = strrchr(driver, '/');
	const char *name = slash ? slash + 1 : driver;

	return !strncmp(name, "libcuda.so", strlen("libcuda.so"));
}

int nvml_host_open(const char *driver, int *cuda, char *why, size_t size)
{
	unsigned count = 0;
	int err;

	err = is_nvidia(driver) ? open_nvml(why, size) : open_soft(driver, why, size);
	if (err < 0)
		return err;
	nvml_host.nvmlDeviceGetCount_v2(&count);
	if (count > NVML_DEVICES_MAX)
		count = NVML_DEVICES_MAX;
	for (unsigned i = 0; i < count; i++) {
		if (nvml_host.nvmlDeviceGetHandleByIndex_v2(i, &devices[i]) != NVML_SUCCESS)
			devices[i] = NULL;
	}
	device_count = count;
	*cuda = 0;
	nvml_host.nvmlSystemGetCudaDriverVersion_v2(cuda);
	return 0;
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
