/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what answers: the host's own NVML beside NVIDIA's driver, else the
 * driver library's functions.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "nvml.h"

#define NVML_NAME "libnvidia-ml.so.1"

static nvmlReturn_t missing(void)
{
	return NVML_ERROR_FUNCTION_NOT_FOUND;
}

static nvmlReturn_t not_supported(void)
{
	return NVML_ERROR_NOT_SUPPORTED;
}

/* All of nvml_host's functions, from @library where it has them. */
static void resolve(void *library, nvmlReturn_t (*otherwise)(void))
{
	for (size_t i = 0; i < nvml_host_name_count; i++) {
		const struct nvml_host_name *n = &nvml_host_names[i];
		void *function = library ? dlsym(library, n->name) : NULL;

		if (!function)
			function = (void *)otherwise;
		memcpy((char *)&nvml_host + n->offset, &function, sizeof(function));
	}
}

static int open_nvml(char *why, size_t size)
{
	nvmlReturn_t (*init)(void), r;
	void *library, *function;

	/* If what is found is our own client library, it must not come back to this server. */
	setenv("RGPU_SERVERS", "none://", 1);
	library = dlopen(NVML_NAME, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		snprintf(why, size, "the server has no NVML: %s", dlerror());
		return -ENOENT;
	}
	resolve(library, missing);
	function = dlsym(library, "nvmlInit_v2");
	memcpy(&init, &function, sizeof(init));
	r = init ? init() : NVML_ERROR_FUNCTION_NOT_FOUND;
	if (r == NVML_SUCCESS)
		return 0;
	snprintf(why, size, "the server's " NVML_NAME " does not start (error %u)", r);
	dlclose(library);
	return -ENODEV;
}

static int open_soft(const char *choice, char *why, size_t size)
{
	char reason[DRIVER_WHY];
	int err;

	err = driver_open(choice, reason);
	if (err < 0) {
		snprintf(why, size, "the server cannot use its driver: %s", reason);
		return err;
	}
	resolve(NULL, not_supported);
	err = nvml_soft_open();
	if (err < 0)
		snprintf(why, size, "the server's driver does not tell its devices");
	return err;
}

/* NVIDIA's is called libcuda.so, whatever stands before and after. */
static bool is_nvidia(const char *choice)
{
	const char *slash = strrchr(choice, '/');
	const char *name = slash ? slash + 1 : choice;

	return !strncmp(name, "libcuda.so", strlen("libcuda.so"));
}

int nvml_host_open(const char *choice, int *cuda, char *why, size_t size)
{
	bool automatic = !strcmp(choice, "auto");
	int err = -ENOENT;

	if (automatic || is_nvidia(choice))
		err = open_nvml(why, size);
	if (err < 0 && !is_nvidia(choice))
		err = open_soft(automatic ? "soft" : choice, why, size);
	if (err < 0)
		return err;
	*why = '\0';
	nvml_devices_init();
	*cuda = 0;
	nvml_host.nvmlSystemGetCudaDriverVersion_v2(cuda);
	return 0;
}
