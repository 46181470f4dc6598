/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be called while a stream captures in global mode, and what then comes
 * of the capture: CUDA driver API, cuThreadExchangeStreamCaptureMode. Copies
 * without a stream are allowed unless they would depend on the capture.
 */
#include "program.h"

enum { N = 64, LARGE = 1 << 20 };

static CUstream captured, other;
static CUcontext context;
static CUmodule module;
static CUfunction count;
static CUgraph graph;
static CUgraphExec exec;
static CUevent event;
static CUdeviceptr p, q, pooled;
static CUmemoryPool pool;
static unsigned char host[LARGE], registered[8192] __attribute__((aligned(4096)));
static void *pinned;

static const CUmemAllocationProp device_memory = {
	.type = CU_MEM_ALLOCATION_TYPE_PINNED,
	.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
};

static const CUmemPoolProps pool_of_device = {
	.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
	.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE},
};

static void nothing(void *unused)
{
	(void)unused;
}

static void begin(void)
{
	DO(cuStreamBeginCapture_v2(captured, CU_STREAM_CAPTURE_MODE_GLOBAL));
}

static void end(const char *call, CUresult said)
{
	CUgraph made = NULL;
	CUresult r = cuStreamEndCapture(captured, &made);

	printf("%s: %s, then %s\n", call, result_name(said), result_name(r));
	fflush(stdout);
	if (made)
		DO(cuGraphDestroy(made));
}

#define DURING(call)                                                                               \
	do {                                                                                       \
		begin();                                                                           \
		end(#call, (call));                                                                \
	} while (0)

static void prepare(unsigned flags)
{
	CUDA_KERNEL_NODE_PARAMS kernel = {.func = count,
		.gridDimX = 1,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = 1,
		.blockDimY = 1,
		.blockDimZ = 1,
		.kernelParams = (void *[]){&p}};
	cuuint64_t keep = UINT64_MAX;
	CUgraphNode node;

	DO(cuStreamCreate(&captured, flags));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&event, 0));
	DO(cuEventRecord(event, other));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddKernelNode_v2(&node, graph, NULL, 0, &kernel));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuMemPoolCreate(&pool, &pool_of_device));
	DO(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep));
	DO(cuMemAllocFromPoolAsync(&q, 4096, pool, other));
	DO(cuMemAllocFromPoolAsync(&pooled, 4096, pool, other));
	DO(cuMemFreeAsync(q, other));
	DO(cuCtxSynchronize());
}

static void memory(void)
{
	CUdeviceptr base = 0, mapped = device_words(N), size = 0;
	CUmemGenericAllocationHandle handle;
	size_t bytes, more;
	void *none;

	DURING(cuMemAlloc_v2(&q, N));
	DURING(cuMemAllocPitch_v2(&q, &bytes, 64, 4, 4));
	DURING(cuMemFree_v2(mapped));
	DURING(cuMemFree_v2(0));
	DURING(cuMemHostAlloc(&none, N, 0));
	DURING(cuMemFreeHost(pinned));
	DURING(cuMemHostRegister_v2(registered, 4096, 0));
	DO(cuMemHostRegister_v2(registered, 4096, 0));
	DURING(cuMemHostUnregister(registered));
	DO(cuMemHostUnregister(registered));
	DURING(cuMemGetInfo_v2(&bytes, &more));
	DURING(cuMemGetAddressRange_v2(&base, &bytes, p));
	DURING(cuMemCreate(&handle, 2 << 20, &device_memory, 0));
	DURING(cuMemAddressReserve(&size, 2 << 20, 0, 0, 0));
	DURING(cuMemMap(size, 2 << 20, 0, handle, 0));
	DURING(cuMemUnmap(size, 2 << 20));
	DURING(cuMemRelease(handle));
	DURING(cuMemAddressFree(size, 2 << 20));
}

static void pools(void)
{
	CUmemLocation location = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
	CUmemAccessDesc access = {location, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
	CUmemAccess_flags flags;
	cuuint64_t value = 0;
	CUmemoryPool made;

	DURING(cuMemAllocAsync(&q, N, other));
	DURING(cuMemAllocFromPoolAsync(&q, N, pool, other));
	DURING(cuMemFreeAsync(pooled, other));
	DURING(cuMemFree_v2(pooled));
	DURING(cuMemPoolCreate(&made, &pool_of_device));
	DURING(cuMemPoolDestroy(pool));
	DURING(cuMemPoolTrimTo(pool, 0));
	DURING(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &value));
	DURING(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &value));
	DURING(cuMemPoolSetAccess(pool, &access, 1));
	DURING(cuMemPoolGetAccess(&flags, pool, &location));
	DURING(cuDeviceGetDefaultMemPool(&made, 0));
	DURING(cuDeviceGetMemPool(&made, 0));
	DURING(cuDeviceSetMemPool(0, made));
	DURING(cuDeviceGraphMemTrim(0));
}

static void copies(void)
{
	CUDA_MEMCPY2D rows = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = p,
		.srcPitch = 64,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p + LARGE,
		.dstPitch = 64,
		.WidthInBytes = 32,
		.Height = 4};

	DURING(cuMemcpyHtoD_v2(p, host, 4));
	DURING(cuMemcpyHtoD_v2(p, host, LARGE));
	DURING(cuMemcpyDtoH_v2(host, p, 4));
	DURING(cuMemcpyDtoH_v2(host, p, LARGE));
	DURING(cuMemcpyHtoD_v2(p, pinned, LARGE));
	DURING(cuMemcpyDtoH_v2(pinned, p, LARGE));
	DURING(cuMemcpyDtoD_v2(p, p + LARGE, LARGE));
	DURING(cuMemcpy(p, p + LARGE, 64));
	DURING(cuMemcpyPeer(p, context, p + 64, context, 4));
	DURING(cuMemcpy2D_v2(&rows));
	DURING(cuMemcpy2DUnaligned_v2(&rows));
	DURING(cuMemsetD8_v2(p, 0, LARGE));
	DURING(cuMemsetD8_v2((uintptr_t)pinned, 0, 64));
	DURING(cuMemsetD2D8_v2(p, 64, 0, 32, 4));
	DURING(cuMemcpyHtoDAsync_v2(p, host, LARGE, other));
	DURING(cuMemcpyDtoHAsync_v2(host, p, LARGE, other));
	DURING(cuMemcpyHtoDAsync_v2(p, pinned, 64, NULL));
	DURING(cuMemsetD8Async(p, 0, 4, NULL));
}

static void streams(void)
{
	CUevent made;
	CUstream s;

	DURING(cuStreamQuery(other));
	DURING(cuStreamQuery(NULL));
	DURING(cuStreamSynchronize(other));
	DURING(cuStreamSynchronize(NULL));
	DURING(cuCtxSynchronize());
	DURING(cuEventQuery(event));
	DURING(cuEventSynchronize(event));
	DURING(cuEventRecord(event, other));
	DURING(cuEventRecord(event, NULL));
	DURING(cuStreamWaitEvent(other, event, 0));
	DURING(cuStreamWaitEvent(NULL, event, 0));
	DURING(cuEventCreate(&made, 0));
	DURING(cuEventDestroy_v2(made));
	DURING(cuStreamCreate(&s, 0));
	DURING(cuStreamDestroy_v2(s));
	DURING(cuLaunchHostFunc(other, nothing, NULL));
	DURING(cuLaunchHostFunc(NULL, nothing, NULL));
	DURING(cuLaunchKernel(count, 1, 1, 1, 1, 1, 1, 0, other, (void *[]){&p}, NULL));
	DURING(cuLaunchKernel(count, 1, 1, 1, 1, 1, 1, 0, NULL, (void *[]){&p}, NULL));
}

static void graphs_and_modules(void)
{
	CUgraphExecUpdateResultInfo info;
	CUgraphExec made;
	CUgraph clone;
	CUmodule loaded;
	CUlibrary library;
	CUkernel kernel;
	size_t value;
	int blocks;

	DURING(cuGraphInstantiateWithFlags(&made, graph, 0));
	DURING(cuGraphExecDestroy(exec));
	DURING(cuGraphExecUpdate_v2(exec, graph, &info));
	DURING(cuGraphClone(&clone, graph));
	DURING(cuGraphDestroy(clone));
	DURING(cuGraphUpload(exec, other));
	DURING(cuGraphLaunch(exec, other));
	DURING(cuModuleLoadData(&loaded, kernels_ptx));
	DURING(cuModuleUnload(loaded));
	DURING(cuLibraryLoadData(&library, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DURING(cuLibraryGetKernel(&kernel, library, "fill"));
	DURING(cuLibraryUnload(library));
	DURING(cuFuncSetAttribute(count, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 1024));
	DURING(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, count, 32, 0));
	DURING(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE));
	DURING(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, value));
	DURING(cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, 2 << 20));
}

/* The driver looks at them when the graph becomes executable. cuDNN captures what it never runs. */
static void captured_set(const char *what, CUdeviceptr dst, size_t bytes)
{
	CUgraph made = NULL;
	CUgraphExec run = NULL;
	CUresult r;

	begin();
	r = cuMemsetD8Async(dst, 0, bytes, captured);
	printf("set of %s: %s", what, result_name(r));
	DO(cuStreamEndCapture(captured, &made));
	if (!r) {
		r = cuGraphInstantiateWithFlags(&run, made, 0);
		printf(", instantiated: %s", result_name(r));
	}
	printf("\n");
	if (run)
		DO(cuGraphExecDestroy(run));
	DO(cuGraphDestroy(made));
}

static void sets(void)
{
	CUmemAllocationProp prop = device_memory;
	CUmemGenericAllocationHandle handle;
	CUdeviceptr alone = 0;

	prop.location.id = 0;
	captured_set("nothing", 0, 16);
	captured_set("no memory", 0x80, LARGE);
	captured_set("pageable memory", (uintptr_t)host, 16);
	captured_set("no bytes", 0x80, 0);
	captured_set("memory", p, LARGE);
	DO(cuMemAddressReserve(&alone, 4 << 20, 0, 0, 0));
	captured_set("reserved addresses", alone, 16);
	DO(cuMemCreate(&handle, 2 << 20, &prop, 0));
	DO(cuMemMap(alone, 2 << 20, 0, handle, 0));
	captured_set("memory of no access", alone, 16);
	DO(cuMemUnmap(alone, 2 << 20));
	DO(cuMemRelease(handle));
	DO(cuMemAddressFree(alone, 4 << 20));
}

static void all(unsigned flags)
{
	printf("captured in a %s stream\n", flags ? "non-blocking" : "blocking");
	prepare(flags);
	memory();
	pools();
	copies();
	streams();
	graphs_and_modules();
	DO(cuCtxSynchronize());
}

int main(void)
{
	context = program_begin();
	module = program_load();
	count = program_kernel(module, "count");
	DO(cuMemAlloc_v2(&p, 4 * LARGE));
	DO(cuMemHostAlloc(&pinned, 2 * LARGE, 0));
	all(CU_STREAM_NON_BLOCKING);
	sets();
	all(CU_STREAM_DEFAULT);
	return 0;
}
