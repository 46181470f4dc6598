/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a driver library by path and finds the functions that are measured. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

#define ENTRY(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct library, name)                                              \
	}

static const struct {
	const char *name;
	size_t offset;
} entries[] = {
	ENTRY(cuInit),
	ENTRY(cuDriverGetVersion),
	ENTRY(cuGetErrorName),
	ENTRY(cuDeviceGet),
	ENTRY(cuDeviceGetName),
	ENTRY(cuDevicePrimaryCtxRetain),
	ENTRY(cuDevicePrimaryCtxRelease_v2),
	ENTRY(cuCtxSetCurrent),
	ENTRY(cuCtxSynchronize),
	ENTRY(cuModuleLoadData),
	ENTRY(cuModuleGetFunction),
	ENTRY(cuLaunchKernel),
	ENTRY(cuMemAlloc_v2),
	ENTRY(cuMemFree_v2),
	ENTRY(cuMemAllocHost_v2),
	ENTRY(cuMemFreeHost),
	ENTRY(cuMemcpyHtoD_v2),
	ENTRY(cuMemcpyDtoH_v2),
	ENTRY(cuStreamCreate),
	ENTRY(cuStreamDestroy_v2),
	ENTRY(cuEventCreate),
	ENTRY(cuEventDestroy_v2),
	ENTRY(cuEventRecord),
	ENTRY(cuEventQuery),
};

int library_open(struct library *out, const char *path, char *found)
{
	struct library lib;
	struct link_map *map;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		fprintf(stderr, "rgpu-bench: %s\n", dlerror());
		return -ENOENT;
	}
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		void *symbol = dlsym(handle, entries[i].name);

		if (!symbol) {
			fprintf(stderr, "rgpu-bench: %s has no %s\n", path, entries[i].name);
			dlclose(handle);
			return -ENOSYS;
		}
		memcpy((char *)&lib + entries[i].offset, &symbol, sizeof(symbol));
	}
	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) || !realpath(map->l_name, found))
		snprintf(found, PATH_MAX, "%s", path);
	*out = lib;
	return 0;
}

const char *library_error(const struct library *lib, CUresult r)
{
	const char *name = NULL;

	if (lib->cuGetErrorName(r, &name) != CUDA_SUCCESS || !name)
		return "an error without a name";
	return name;
}
