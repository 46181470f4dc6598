/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd and wrong arguments of calls about devices, contexts, streams, events and the driver itself:
 * one call at a time, each with the state that the one before it found.
 */
#include "program.h"

enum { NOWHERE = 9 }; /* no device has this number */

static void devices(void)
{
	CUdevprop *nothing = NULL;
	char text[16];
	int value = 0;

	SAY(cuDeviceCanAccessPeer(&value, 0, 0));
	printf("peer of itself: %d\n", value);
	SAY(cuDeviceCanAccessPeer(&value, 0, NOWHERE));
	SAY(cuDeviceGetP2PAttribute(&value, CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 0, 0));
	SAY(cuDeviceGetPCIBusId(text, 3, 0));
	SAY(cuDeviceGetByPCIBusId(&value, "0000:ff:1f.0"));
	SAY(cuDeviceGetByPCIBusId(NULL, "x"));
	SAY(cuDeviceGetExecAffinitySupport(&value, CU_EXEC_AFFINITY_TYPE_SM_COUNT, 0));
	SAY(cuDeviceGetProperties(nothing, 0));
}

static void primary(void)
{
	CUcontext context;

	SAY(cuDevicePrimaryCtxRetain(&context, NOWHERE));
	SAY(cuDevicePrimaryCtxRelease_v2(NOWHERE));
	SAY(cuDevicePrimaryCtxGetState(0, NULL, NULL));
	SAY(cuDevicePrimaryCtxSetFlags_v2(0, CU_CTX_SCHED_BLOCKING_SYNC));
	DO(cuDevicePrimaryCtxSetFlags_v2(0, 0));
	SAY(cuDevicePrimaryCtxSetFlags_v2(0, 0xffff));
}

static void contexts(CUcontext context)
{
	CUcontext other = context;
	unsigned version = 0;
	size_t limit = 0;

	SAY(cuCtxGetApiVersion(context, &version));
	printf("version %u\n", version);
	SAY(cuCtxGetApiVersion(NULL, &version));
	SAY(cuCtxPopCurrent_v2(&other));
	SAY(cuCtxPopCurrent_v2(&other));
	DO(cuCtxSetCurrent(context));
	SAY(cuCtxGetStreamPriorityRange(NULL, NULL));
	SAY(cuCtxGetLimit(&limit, (CUlimit)99));
	SAY(cuCtxCreate_v4(&other, NULL, 0xffff, 0));
	SAY(cuCtxCreate_v4(NULL, NULL, 0, 0));
	SAY(cuCtxCreate_v4(&other, NULL, 0, NOWHERE));
	SAY(cuCtxEnablePeerAccess(context, 0));
	SAY(cuCtxDisablePeerAccess(context));
	SAY(cuCtxGetId(context, NULL));
	SAY(cuCtxSynchronize());
}

static void configs(void)
{
	CUsharedconfig banks = (CUsharedconfig)77;
	CUfunc_cache cache = (CUfunc_cache)77;

	SAY(cuCtxGetCacheConfig(&cache));
	printf("cache %d\n", (int)cache);
	SAY(cuCtxGetSharedMemConfig(&banks));
	printf("banks %d\n", (int)banks);
}

static void made_streams(void)
{
	int priority = 77;
	CUstream made;

	SAY(cuStreamCreate(&made, 2));
	SAY(cuStreamCreateWithPriority(&made, CU_STREAM_NON_BLOCKING, 100));
	DO(cuStreamGetPriority(made, &priority));
	printf("priority %d\n", priority);
	DO(cuStreamDestroy_v2(made));
	SAY(cuStreamDestroy_v2(CU_STREAM_LEGACY));
	SAY(cuStreamDestroy_v2(CU_STREAM_PER_THREAD));
}

static void told_streams(CUstream s, CUcontext context)
{
	CUdevice device = NOWHERE;
	CUcontext owner = NULL;
	unsigned flags = 77;
	int priority = 77;

	SAY(cuStreamGetFlags(NULL, &flags));
	printf("flags of the default stream %u\n", flags);
	flags = 77;
	SAY(cuStreamGetFlags(CU_STREAM_PER_THREAD, &flags));
	printf("flags of the thread's %u\n", flags);
	SAY(cuStreamGetPriority(NULL, &priority));
	printf("priority %d\n", priority);
	SAY(cuStreamGetPriority(s, NULL));
	SAY(cuStreamGetCtx(NULL, &owner));
	printf("the current one: %d\n", owner == context);
	SAY(cuStreamGetDevice(s, &device));
	printf("device %d\n", device);
}

static void called(CUstream s, CUresult result, void *user)
{
}

static void used_streams(CUstream s, CUevent e)
{
	CUstreamAttrValue value = {.priority = 77};

	SAY(cuStreamWaitEvent(s, NULL, 0));
	SAY(cuStreamWaitEvent(s, e, 7));
	SAY(cuStreamAddCallback(s, NULL, NULL, 0));
	SAY(cuStreamAddCallback(s, called, NULL, 1));
	SAY(cuLaunchHostFunc(s, NULL, NULL));
	SAY(cuStreamGetAttribute(s, (CUstreamAttrID)99, &value));
	SAY(cuStreamGetAttribute(s, CU_LAUNCH_ATTRIBUTE_PRIORITY, &value));
	printf("priority %d\n", value.priority);
	SAY(cuStreamCopyAttributes(s, NULL));
	SAY(cuCtxSynchronize());
}

static void captures(CUstream s)
{
	CUstreamCaptureStatus status = (CUstreamCaptureStatus)77;
	CUstreamCaptureMode mode = (CUstreamCaptureMode)9, before = CU_STREAM_CAPTURE_MODE_GLOBAL;

	SAY(cuStreamBeginCapture_v2(s, (CUstreamCaptureMode)9));
	SAY(cuStreamEndCapture(s, NULL));
	SAY(cuStreamIsCapturing(s, &status));
	printf("status %d\n", (int)status);
	SAY(cuStreamIsCapturing(s, NULL));
	SAY(cuStreamUpdateCaptureDependencies_v2(s, NULL, NULL, 0, 0));
	SAY(cuThreadExchangeStreamCaptureMode(&mode));
	printf("mode %d\n", (int)mode);
	DO(cuThreadExchangeStreamCaptureMode(&before));
	mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	SAY(cuThreadExchangeStreamCaptureMode(&mode));
	printf("mode %d\n", (int)mode);
	before = CU_STREAM_CAPTURE_MODE_GLOBAL;
	DO(cuThreadExchangeStreamCaptureMode(&before));
	SAY(cuCtxSynchronize());
}

static void events(CUstream s, CUevent e)
{
	float ms = -1;
	CUevent made;

	SAY(cuEventCreate(&made, 0x80));
	SAY(cuEventCreate(&made, CU_EVENT_INTERPROCESS));
	SAY(cuEventRecord(NULL, s));
	SAY(cuEventRecordWithFlags(e, s, 9));
	SAY(cuEventElapsedTime_v2(&ms, e, e));
	printf("no time: %d\n", ms == 0);
	SAY(cuCtxSynchronize());
}

static void names(void)
{
	const char *told = NULL;

	SAY(cuGetErrorName(CUDA_ERROR_INVALID_VALUE, &told));
	printf("length of the name %zu\n", strlen(told));
	SAY(cuGetErrorName((CUresult)123456, &told));
	SAY(cuGetErrorString(CUDA_ERROR_LAUNCH_FAILED, &told));
	printf("length of the text %zu\n", strlen(told));
}

static void driver(void)
{
	static const CUuuid unknown = {{0}};
	CUdriverProcAddressQueryResult why = (CUdriverProcAddressQueryResult)77;
	const void *table = NULL;
	void *p = NULL;

	SAY(cuGetProcAddress_v2("cuMemAlloc", &p, 12000, 0, NULL));
	printf("given: %d\n", p != NULL);
	SAY(cuGetProcAddress_v2("cuMemAlloc", &p, 12000, 99, NULL));
	p = NULL;
	SAY(cuGetProcAddress_v2("cuNope", &p, 12000, 0, &why));
	printf("given, why: %d %d\n", p != NULL, (int)why);
	p = NULL;
	SAY(cuGetProcAddress_v2("cuMemAlloc", &p, 1000, 0, &why));
	printf("given, why: %d %d\n", p != NULL, (int)why);
	SAY(cuGetExportTable(&table, &unknown));
	SAY(cuGetExportTable(NULL, &unknown));
	SAY(cuProfilerStart());
	SAY(cuProfilerStop());
}

int main(void)
{
	CUcontext context = program_begin();
	CUstream s;
	CUevent e;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&e, 0));
	DO(cuEventRecord(e, s));
	DO(cuStreamSynchronize(s));
	devices();
	primary();
	contexts(context);
	configs();
	made_streams();
	told_streams(s, context);
	used_streams(s, e);
	captures(s);
	events(s, e);
	names();
	driver();
	return 0;
}
