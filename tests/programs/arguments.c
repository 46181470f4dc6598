/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of calls that need not wait: what is wrong with them is said at the call, and nothing
 * later. */
#include "program.h"

enum { N = 64 };

static void settings(CUfunction f, CUstream s)
{
	CUstreamAttrValue value = {0};
	unsigned flags = 0;

	SAY(cuCtxSetCacheConfig((CUfunc_cache)77));
	SAY(cuCtxSetSharedMemConfig((CUsharedconfig)77));
	SAY(cuFuncSetCacheConfig(f, (CUfunc_cache)99));
	SAY(cuFuncSetSharedMemConfig(f, (CUsharedconfig)99));
	SAY(cuStreamSetAttribute(s, (CUstreamAttrID)99, &value));
	SAY(cuCtxSetFlags(0x1000));
	SAY(cuCtxSetFlags(CU_CTX_SCHED_BLOCKING_SYNC));
	DO(cuCtxGetFlags(&flags));
	printf("flags %u\n", flags);
}

static void values(CUdeviceptr p, CUstream s)
{
	static CUstreamBatchMemOpParams none[1000];

	SAY(cuStreamWaitValue32_v2(s, p + 2, 0, 0));
	SAY(cuStreamWaitValue64_v2(s, p + 4, 0, 0));
	SAY(cuStreamWaitValue32_v2(s, p, 0, 77));
	SAY(cuStreamWriteValue32_v2(s, p, 0, 77));
	SAY(cuStreamBatchMemOp_v2(s, 0, NULL, 0));
	SAY(cuStreamBatchMemOp_v2(s, 1000, none, 0));
}

static CUresult launch_with(
	CUfunction f, CUstream s, void **parameters, CUlaunchAttribute *attribute)
{
	CUlaunchConfig config = {.gridDimX = 16,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = 32,
		.blockDimY = 1,
		.blockDimZ = 1,
		.hStream = s,
		.attrs = attribute,
		.numAttrs = 1};

	return cuLaunchKernelEx(&config, f, parameters, NULL);
}

static void launches(CUfunction fill, CUdeviceptr p, CUstream s)
{
	unsigned n = N, value = 5;
	void *parameters[] = {&p, &n, &value}, *end[] = {CU_LAUNCH_PARAM_END};
	CUlaunchAttribute attribute = {.id = (CUlaunchAttributeID)99};

	SAY(cuLaunchKernel(fill, 1, 1, 1, N, 1, 1, 0, s, parameters, end));
	SAY(launch_with(fill, s, parameters, &attribute));
	attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
	attribute.value.clusterDim.x = 3;
	attribute.value.clusterDim.y = attribute.value.clusterDim.z = 1;
	SAY(launch_with(fill, s, parameters, &attribute));
	attribute.value.clusterDim.x = 16;
	SAY(launch_with(fill, s, parameters, &attribute));
	DO(cuStreamSynchronize(s));
	say_words("filled", p, N);
}

int main(void)
{
	unsigned char host[N * 4] = {1};
	CUDA_MEMCPY3D box = {.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = host,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstLOD = 1,
		.WidthInBytes = sizeof(host),
		.Height = 1,
		.Depth = 1};
	CUfunction fill, any = NULL;
	CUmodule module;
	CUdeviceptr p;
	CUstream s;

	program_begin();
	module = program_load();
	fill = program_kernel(module, "fill");
	p = device_words(N);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	settings(fill, s);
	values(p, s);
	launches(fill, p, s);
	SAY(cuModuleEnumerateFunctions(&any, 0, module));
	box.dstDevice = p;
	SAY(cuMemcpy3D_v2(&box));
	SAY(cuCtxSynchronize());
	return 0;
}
