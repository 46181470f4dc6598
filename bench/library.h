/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver library under measurement, opened by path and called through
 * pointers, so that one program measures NVIDIA's library and ours.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "cuda_types.h"

struct library {
	CUresult (*cuInit)(unsigned int flags);
	CUresult (*cuDriverGetVersion)(int *version);
	CUresult (*cuGetErrorName)(CUresult error, const char **name);
	CUresult (*cuDeviceGet)(CUdevice *device, int ordinal);
	CUresult (*cuDeviceGetName)(char *name, int size, CUdevice device);
	CUresult (*cuDevicePrimaryCtxRetain)(CUcontext *context, CUdevice device);
	CUresult (*cuDevicePrimaryCtxRelease_v2)(CUdevice device);
	CUresult (*cuCtxSetCurrent)(CUcontext context);
	CUresult (*cuCtxSynchronize)(void);
	CUresult (*cuModuleLoadData)(CUmodule *module, const void *image);
	CUresult (*cuModuleGetFunction)(CUfunction *function, CUmodule module, const char *name);
	CUresult (*cuLaunchKernel)(CUfunction function, unsigned int grid_x, unsigned int grid_y,
		unsigned int grid_z, unsigned int block_x, unsigned int block_y,
		unsigned int block_z, unsigned int shared, CUstream stream, void **parameters,
		void **extra);
	CUresult (*cuMemAlloc_v2)(CUdeviceptr *pointer, size_t bytes);
	CUresult (*cuMemFree_v2)(CUdeviceptr pointer);
	CUresult (*cuMemAllocHost_v2)(void **pointer, size_t bytes);
	CUresult (*cuMemFreeHost)(void *pointer);
	CUresult (*cuMemcpyHtoD_v2)(CUdeviceptr to, const void *from, size_t bytes);
	CUresult (*cuMemcpyDtoH_v2)(void *to, CUdeviceptr from, size_t bytes);
	CUresult (*cuStreamCreate)(CUstream *stream, unsigned int flags);
	CUresult (*cuStreamDestroy_v2)(CUstream stream);
	CUresult (*cuEventCreate)(CUevent *event, unsigned int flags);
	CUresult (*cuEventDestroy_v2)(CUevent event);
	CUresult (*cuEventRecord)(CUevent event, CUstream stream);
	CUresult (*cuEventQuery)(CUevent event);
};

/*
 * Open @path for the life of the process and find every function. -errno after
 * saying on stderr what is missing. @found (PATH_MAX bytes) gets the file that
 * was really opened, which for a bare name is the loader's choice.
 */
int library_open(struct library *out, const char *path, char *found);

/* What @r means, for messages. */
const char *library_error(const struct library *lib, CUresult r);

#endif
