/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong arguments and handles: freed, invented, of another kind, NULL. Errors, never a crash. */
#include "program.h"

static void devices(int wild)
{
	size_t bytes = 0;
	char name[8];
	CUuuid uuid;
	int v = 0;

	SAY(cuDeviceGet(&v, -1));
	SAY(cuDeviceGet(&v, 1000));
	SAY(cuDeviceGet(NULL, 0));
	SAY(cuDeviceGetCount(NULL));
	SAY(cuDeviceGetName(name, 8, 1000));
	SAY(cuDeviceGetName(NULL, 8, 0));
	if (wild)
		SAY(cuDeviceGetName(name, 0, 0));
	SAY(cuDeviceTotalMem_v2(&bytes, 1000));
	SAY(cuDeviceTotalMem_v2(NULL, 0));
	SAY(cuDeviceGetUuid(&uuid, 1000));
	SAY(cuDeviceGetAttribute(&v, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 1000));
	SAY(cuDeviceGetAttribute(NULL, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 0));
	SAY(cuDeviceGetAttribute(&v, 0, 0));
	SAY(cuDeviceGetAttribute(&v, 100000, 0));
	SAY(cuDeviceGetByPCIBusId(&v, "nonsense"));
	if (wild)
		SAY(cuDevicePrimaryCtxRetain(NULL, 0));
}

/* Handles of every kind that were never given out. */
static void invented(void *h)
{
	CUfunction f = NULL;
	CUdeviceptr p = 0;
	unsigned u = 0;
	size_t n = 0;
	int v = 0;

	SAY(cuStreamSynchronize(h));
	SAY(cuStreamQuery(h));
	SAY(cuStreamDestroy_v2(h));
	SAY(cuStreamGetFlags(h, &u));
	SAY(cuEventRecord(h, NULL));
	SAY(cuEventQuery(h));
	SAY(cuEventSynchronize(h));
	SAY(cuEventDestroy_v2(h));
	SAY(cuStreamWaitEvent(NULL, h, 0));
	SAY(cuModuleGetFunction(&f, h, "fill"));
	SAY(cuModuleGetGlobal_v2(&p, &n, h, "counter"));
	SAY(cuModuleUnload(h));
	SAY(cuFuncGetAttribute(&v, CU_FUNC_ATTRIBUTE_NUM_REGS, h));
	SAY(cuLaunchKernel(h, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	SAY(cuLibraryUnload(h));
	SAY(cuGraphLaunch(h, NULL));
	SAY(cuGraphDestroy(h));
	SAY(cuGraphExecDestroy(h));
	SAY(cuMemPoolDestroy(h));
	SAY(cuCtxDestroy_v2(h));
	SAY(cuCtxPushCurrent_v2(h));
	SAY(cuCtxSetCurrent(h));
}

static void nulls(CUmodule m, int wild)
{
	CUfunction f = NULL;
	size_t n = 0;

	SAY(cuMemAlloc_v2(NULL, 16));
	SAY(cuMemGetInfo_v2(NULL, &n));
	SAY(cuStreamCreate(NULL, 0));
	SAY(cuEventCreate(NULL, 0));
	SAY(cuModuleLoadData(NULL, kernels_ptx));
	SAY(cuModuleGetFunction(NULL, m, "fill"));
	SAY(cuModuleGetFunction(&f, m, NULL));
	SAY(cuModuleGetFunction(&f, NULL, "fill"));
	SAY(cuCtxGetDevice(NULL));
	SAY(cuCtxGetCurrent(NULL));
	SAY(cuDriverGetVersion(NULL));
	SAY(cuStreamGetPriority(NULL, NULL));
	if (wild) {
		SAY(cuGetErrorName(CUDA_SUCCESS, NULL));
		SAY(cuGetProcAddress_v2("cuInit", NULL, 12000, 0, NULL));
	}
}

/* A handle of a destroyed object, also when its place was used again. */
static void freed(void)
{
	CUstream s, t;
	CUevent e, f;

	DO(cuStreamCreate(&s, 0));
	DO(cuStreamDestroy_v2(s));
	DO(cuStreamCreate(&t, 0));
	SAY(cuStreamQuery(s == t ? NULL : s));
	DO(cuEventCreate(&e, 0));
	DO(cuEventDestroy_v2(e));
	DO(cuEventCreate(&f, 0));
	SAY(cuEventQuery(f));
	SAY(cuEventQuery((CUevent)t));
	SAY(cuStreamQuery((CUstream)f));
	SAY(cuStreamQuery(t));
}

int main(int argc, char **argv)
{
	int wild = program_wild(argc, argv);
	CUdevice device;
	CUdeviceptr p;
	CUmodule m;

	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuDeviceGetCount(&device));
	DO(cuInit(0));
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuModuleLoadData(&m, kernels_ptx));
	SAY(cuStreamSynchronize(NULL));
	program_begin();
	m = program_load();
	devices(wild);
	nulls(m, wild);
	if (wild) {
		freed();
		invented((void *)0x123450);
		invented((void *)~(size_t)0);
		invented(&device);
	}
	invented(NULL);
	return 0;
}
