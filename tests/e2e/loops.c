/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes things and takes them away again, round after round: loops KIND ROUNDS.
 * Prints a line and waits for one before the first round that counts and after
 * the last, so that somebody can look at how much memory it takes.
 */
#include <pthread.h>

#include "../programs/program.h"

enum { WARM_ROUNDS = 5000, PARTS = 3, N = 64, BYTES = N * 4 };

static CUcontext primary;
static CUmodule module;
static CUfunction fill;
static CUdeviceptr words;
static unsigned host[N];

static CUstream make_stream(void)
{
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	return s;
}

static void launch(CUstream s)
{
	unsigned n = N, value = 7;
	void *parameters[] = {&words, &n, &value};

	DO(cuLaunchKernel(fill, 1, 1, 1, N, 1, 1, 0, s, parameters, NULL));
}

static void streams(void)
{
	CUstream s = make_stream();

	launch(s);
	DO(cuStreamSynchronize(s));
	DO(cuStreamDestroy_v2(s));
}

static void events(void)
{
	CUevent e;

	DO(cuEventCreate(&e, CU_EVENT_DEFAULT));
	DO(cuEventRecord(e, NULL));
	DO(cuStreamWaitEvent(NULL, e, 0));
	DO(cuEventSynchronize(e));
	DO(cuEventDestroy_v2(e));
}

static void contexts(void)
{
	CUcontext c;
	CUdeviceptr p;
	CUdevice device;
	CUmodule m;
	CUfunction f;
	CUevent e;

	DO(cuDeviceGet(&device, 0));
	DO(cuCtxCreate_v2(&c, 0, device));
	DO(cuMemAlloc_v2(&p, BYTES));
	DO(cuMemcpyHtoD_v2(p, host, BYTES));
	make_stream();
	DO(cuEventCreate(&e, CU_EVENT_DEFAULT));
	DO(cuEventRecord(e, NULL));
	DO(cuModuleLoadData(&m, kernels_ptx));
	DO(cuModuleGetFunction(&f, m, "fill"));
	DO(cuCtxDestroy_v2(c));
	DO(cuCtxSetCurrent(primary));
}

/* A library outlives contexts; what it has in one does not. */
static void primaries(void)
{
	static CUlibrary library;
	CUkernel k;
	CUfunction f;
	CUdevice device;

	DO(cuDeviceGet(&device, 0));
	DO(cuDevicePrimaryCtxReset_v2(device));
	DO(cuDevicePrimaryCtxRetain(&primary, device));
	DO(cuCtxSetCurrent(primary));
	if (!library)
		DO(cuLibraryLoadData(&library, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DO(cuLibraryGetKernel(&k, library, "fill"));
	DO(cuKernelGetFunction(&f, k));
	DO(cuMemAlloc_v2(&words, BYTES));
	fill = f;
	launch(make_stream());
}

static void modules(void)
{
	CUmodule m;
	CUfunction f;
	CUdeviceptr p;
	size_t bytes;

	DO(cuModuleLoadData(&m, kernels_ptx));
	DO(cuModuleGetFunction(&f, m, "fill"));
	DO(cuModuleGetGlobal_v2(&p, &bytes, m, "counter"));
	DO(cuModuleUnload(m));
}

static void libraries(void)
{
	CUlibrary l;
	CUkernel k;
	CUmodule m;
	CUfunction f;

	DO(cuLibraryLoadData(&l, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DO(cuLibraryGetKernel(&k, l, "fill"));
	DO(cuLibraryGetModule(&m, l));
	DO(cuKernelGetFunction(&f, k));
	DO(cuLibraryUnload(l));
}

static void memory(void)
{
	CUdeviceptr p, q, r;
	size_t pitch;

	DO(cuMemAlloc_v2(&p, BYTES));
	DO(cuMemAllocPitch_v2(&q, &pitch, 100, 4, 4));
	DO(cuMemAllocAsync(&r, BYTES, NULL));
	DO(cuMemsetD8_v2(p, 1, BYTES));
	DO(cuMemFreeAsync(r, NULL));
	DO(cuMemFree_v2(q));
	DO(cuMemFree_v2(p));
}

static void pools(void)
{
	CUmemPoolProps props = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}};
	CUmemoryPool pool;
	CUdeviceptr p;

	DO(cuMemPoolCreate(&pool, &props));
	DO(cuMemAllocFromPoolAsync(&p, BYTES, pool, NULL));
	DO(cuMemFreeAsync(p, NULL));
	DO(cuStreamSynchronize(NULL));
	DO(cuMemPoolDestroy(pool));
}

static void mappings(void)
{
	CUmemAllocationProp prop = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE}};
	CUmemAccessDesc access = {
		.location = prop.location, .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
	CUmemGenericAllocationHandle h;
	CUdeviceptr p;
	size_t size;

	DO(cuMemGetAllocationGranularity(&size, &prop, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
	DO(cuMemAddressReserve(&p, size, 0, 0, 0));
	DO(cuMemCreate(&h, size, &prop, 0));
	DO(cuMemMap(p, size, 0, h, 0));
	DO(cuMemSetAccess(p, size, &access, 1));
	DO(cuMemsetD8_v2(p, 1, 16));
	DO(cuStreamSynchronize(NULL));
	DO(cuMemUnmap(p, size));
	DO(cuMemRelease(h));
	DO(cuMemAddressFree(p, size));
}

static void copies(void)
{
	static unsigned large[1 << 15];
	static CUdeviceptr room;

	if (!room)
		DO(cuMemAlloc_v2(&room, sizeof(large)));
	DO(cuMemcpyHtoD_v2(words, host, BYTES));
	DO(cuMemcpyDtoH_v2(host, words, BYTES));
	DO(cuMemcpyHtoD_v2(room, large, sizeof(large)));
	DO(cuMemcpyDtoH_v2(large, room, sizeof(large)));
}

static void pinned(void)
{
	void *p;

	DO(cuMemHostAlloc(&p, 1 << 16, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuMemcpyHtoDAsync_v2(words, p, BYTES, NULL));
	DO(cuMemcpyDtoHAsync_v2(p, words, BYTES, NULL));
	DO(cuStreamSynchronize(NULL));
	DO(cuMemFreeHost(p));
}

static void mapped(void)
{
	unsigned n = N, value = 3;
	CUdeviceptr p;
	void *host_side;
	void *parameters[] = {&p, &n, &value};

	DO(cuMemHostAlloc(&host_side, 1 << 16, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuMemHostGetDevicePointer_v2(&p, host_side, 0));
	DO(cuLaunchKernel(fill, 1, 1, 1, N, 1, 1, 0, NULL, parameters, NULL));
	DO(cuStreamSynchronize(NULL));
	DO(cuMemFreeHost(host_side));
}

static void registered(void)
{
	static unsigned char room[1 << 16] __attribute__((aligned(4096)));

	DO(cuMemHostRegister_v2(room, sizeof(room), 0));
	DO(cuMemcpyHtoDAsync_v2(words, room, BYTES, NULL));
	DO(cuStreamSynchronize(NULL));
	DO(cuMemHostUnregister(room));
}

static void graph_run(CUgraph g)
{
	CUgraphExec exec;

	DO(cuGraphInstantiateWithFlags(&exec, g, 0));
	DO(cuGraphLaunch(exec, NULL));
	DO(cuStreamSynchronize(NULL));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(g));
}

static void graphs(void)
{
	unsigned n = N, value = 7;
	void *parameters[] = {&words, &n, &value};
	CUDA_KERNEL_NODE_PARAMS kernel = {.func = fill,
		.gridDimX = 1,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = N,
		.blockDimY = 1,
		.blockDimZ = 1,
		.kernelParams = parameters};
	CUDA_MEMSET_NODE_PARAMS set = {
		.dst = words, .value = 1, .elementSize = 4, .width = N, .height = 1};
	CUDA_KERNEL_NODE_PARAMS got;
	CUgraphNode first, second;
	CUgraph g, copy;

	DO(cuGraphCreate(&g, 0));
	DO(cuGraphAddMemsetNode(&first, g, NULL, 0, &set, primary));
	DO(cuGraphAddKernelNode_v2(&second, g, &first, 1, &kernel));
	DO(cuGraphKernelNodeGetParams_v2(second, &got));
	DO(cuGraphClone(&copy, g));
	DO(cuGraphDestroy(copy));
	graph_run(g);
}

static void captures(void)
{
	CUstream a = make_stream(), b = make_stream();
	CUevent e;
	CUgraph g;

	DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
	DO(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_GLOBAL));
	launch(a);
	DO(cuEventRecord(e, a));
	DO(cuStreamWaitEvent(b, e, 0));
	DO(cuMemsetD32Async(words, 5, N, b));
	DO(cuMemcpyHtoDAsync_v2(words, host, BYTES, b));
	DO(cuMemcpyDtoHAsync_v2(host, words, BYTES, b));
	DO(cuEventRecord(e, b));
	DO(cuStreamWaitEvent(a, e, 0));
	DO(cuStreamEndCapture(a, &g));
	DO(cuEventDestroy_v2(e));
	DO(cuStreamDestroy_v2(a));
	DO(cuStreamDestroy_v2(b));
	graph_run(g);
}

static void nothing(void *user)
{
}

static void host_functions(void)
{
	DO(cuLaunchHostFunc(NULL, nothing, NULL));
	DO(cuStreamSynchronize(NULL));
}

static void graph_functions(void)
{
	CUDA_HOST_NODE_PARAMS params = {nothing, NULL};
	CUstream s = make_stream();
	CUgraphNode node;
	CUgraph g;

	DO(cuGraphCreate(&g, 0));
	DO(cuGraphAddHostNode(&node, g, NULL, 0, &params));
	graph_run(g);
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuLaunchHostFunc(s, nothing, NULL));
	DO(cuStreamEndCapture(s, &g));
	graph_run(g);
	DO(cuStreamDestroy_v2(s));
}

/* Functions that take the place of others in nodes of a graph, of a copy, and of executable graphs, of
 * which one stays. */
static void set_functions(void)
{
	static CUgraphNode node, in_copy;
	static CUgraphExec lasting;
	static CUgraph g;
	CUDA_HOST_NODE_PARAMS params = {nothing, NULL};
	CUgraphExec exec;
	CUgraph copy;

	if (!g) {
		DO(cuGraphCreate(&g, 0));
		DO(cuGraphAddHostNode(&node, g, NULL, 0, &params));
		DO(cuGraphInstantiateWithFlags(&lasting, g, 0));
	}
	DO(cuGraphHostNodeSetParams(node, &params));
	DO(cuGraphInstantiateWithFlags(&exec, g, 0));
	DO(cuGraphExecHostNodeSetParams(exec, node, &params));
	DO(cuGraphLaunch(exec, NULL));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphExecHostNodeSetParams(lasting, node, &params));
	DO(cuGraphLaunch(lasting, NULL));
	DO(cuGraphClone(&copy, g));
	DO(cuGraphNodeFindInClone(&in_copy, node, copy));
	DO(cuGraphHostNodeSetParams(in_copy, &params));
	graph_run(copy);
}

static void linkers(void)
{
	CUlinkState state;
	void *image;
	size_t size;
	CUmodule m;

	DO(cuLinkCreate_v2(0, NULL, NULL, &state));
	DO(cuLinkAddData_v2(state, CU_JIT_INPUT_PTX, (void *)kernels_ptx, sizeof(kernels_ptx), "k",
		0, NULL, NULL));
	DO(cuLinkComplete(state, &image, &size));
	DO(cuModuleLoadData(&m, image));
	DO(cuModuleUnload(m));
	DO(cuLinkDestroy(state));
}

static void *thread(void *unused)
{
	CUstreamCaptureStatus status;
	const CUgraphNode *nodes;
	cuuint64_t id;
	CUstream s;
	CUgraph g, told;
	size_t count;

	DO(cuCtxSetCurrent(primary));
	launch(CU_STREAM_PER_THREAD);
	DO(cuStreamSynchronize(CU_STREAM_PER_THREAD));
	s = make_stream();
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuStreamGetCaptureInfo_v2(s, &status, &id, &told, &nodes, &count));
	DO(cuStreamEndCapture(s, &g));
	DO(cuGraphDestroy(g));
	DO(cuStreamDestroy_v2(s));
	return NULL;
}

static void threads(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL))
		exit(1);
}

static const struct {
	const char *name;
	void (*round)(void);
} kinds[] = {
	{"streams", streams},
	{"events", events},
	{"contexts", contexts},
	{"primaries", primaries},
	{"modules", modules},
	{"libraries", libraries},
	{"memory", memory},
	{"pools", pools},
	{"mappings", mappings},
	{"copies", copies},
	{"pinned", pinned},
	{"mapped", mapped},
	{"registered", registered},
	{"graphs", graphs},
	{"captures", captures},
	{"host_functions", host_functions},
	{"graph_functions", graph_functions},
	{"set_functions", set_functions},
	{"linkers", linkers},
	{"threads", threads},
};

static void rest(const char *what)
{
	char line[16];

	puts(what);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(2);
}

static void rounds(void (*round)(void), unsigned long n)
{
	while (n--)
		round();
	DO(cuCtxSynchronize());
}

static int loop(void (*round)(void), unsigned long n)
{
	CUdevice device;

	DO(cuInit(0));
	DO(cuDeviceGet(&device, 0));
	DO(cuDevicePrimaryCtxRetain(&primary, device));
	DO(cuCtxSetCurrent(primary));
	DO(cuModuleLoadData(&module, kernels_ptx));
	DO(cuModuleGetFunction(&fill, module, "fill"));
	DO(cuMemAlloc_v2(&words, BYTES));
	rounds(round, n < WARM_ROUNDS ? n : WARM_ROUNDS);
	rest("warm");
	for (int part = 0; part < PARTS; part++) {
		rounds(round, n / PARTS);
		rest("done");
	}
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(argv[1], kinds[i].name))
			return loop(kinds[i].round, strtoul(argv[2], NULL, 10));
	}
	fprintf(stderr, "usage: loops KIND ROUNDS\n");
	return 2;
}
