/* SPDX-License-Identifier: Apache-2.0 */
/* Launches in all forms, their limits, and what a kernel's fault does to its context. */
#include "soft_test.h"

#include <stdio.h>

enum {
	N = 1000,
};

struct vectors {
	CUdeviceptr a, b, out;
	unsigned n;
};

static struct vectors make(void)
{
	static unsigned a[N], b[N];
	struct vectors v = {.n = N};
	unsigned i;

	for (i = 0; i < N; i++) {
		a[i] = i;
		b[i] = 10 * i;
	}
	ok(cuMemAlloc_v2(&v.a, sizeof(a)));
	ok(cuMemAlloc_v2(&v.b, sizeof(b)));
	ok(cuMemAlloc_v2(&v.out, sizeof(a)));
	ok(cuMemcpyHtoD_v2(v.a, a, sizeof(a)));
	ok(cuMemcpyHtoD_v2(v.b, b, sizeof(b)));
	ok(cuMemsetD32_v2(v.out, 0, N));
	ok(cuCtxSynchronize());
	return v;
}

static void check(struct vectors *v)
{
	static unsigned out[N];
	unsigned i;

	ok(cuMemcpyDtoH_v2(out, v->out, sizeof(out)));
	for (i = 0; i < N; i++)
		assert_int_equal(out[i], 11 * i);
	ok(cuMemsetD32_v2(v->out, 0, N));
	ok(cuCtxSynchronize());
}

static void drop(struct vectors *v)
{
	ok(cuMemFree_v2(v->a));
	ok(cuMemFree_v2(v->b));
	ok(cuMemFree_v2(v->out));
}

static void all_forms(void **state)
{
	CUmodule m = load(kernels);
	CUfunction add = function(m, "add");
	struct vectors v = make();
	void *params[] = {&v.a, &v.b, &v.out, &v.n};
	size_t size = offsetof(struct vectors, n) + sizeof(v.n);
	void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &v, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
		CU_LAUNCH_PARAM_END};
	CUlaunchAttribute attribute = {
		.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE, .value = {.cooperative = 1}};
	CUlaunchConfig config = {.gridDimX = 4,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = 256,
		.blockDimY = 1,
		.blockDimZ = 1,
		.attrs = &attribute,
		.numAttrs = 1};
	CUstream s;

	ok(cuStreamCreate(&s, 0));
	ok(cuLaunchKernel(add, 4, 1, 1, 256, 1, 1, 0, s, params, NULL));
	check(&v);
	ok(cuLaunchKernel(add, 32, 1, 1, 32, 1, 1, 0, NULL, NULL, extra));
	check(&v);
	config.hStream = s;
	ok(cuLaunchKernelEx(&config, add, params, NULL));
	check(&v);
	ok(cuLaunchCooperativeKernel(add, 4, 1, 1, 256, 1, 1, 0, s, params));
	check(&v);
	drop(&v);
	ok(cuStreamDestroy_v2(s));
	ok(cuModuleUnload(m));
}

static void limits(void **state)
{
	CUmodule m = load(kernels);
	CUfunction add = function(m, "add"), bounded = function(m, "bounded");
	struct vectors v = {0};
	void *params[] = {&v.a, &v.b, &v.out, &v.n};
	size_t size = sizeof(v) + 8;
	void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &v, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
		CU_LAUNCH_PARAM_END};

	fails(cuLaunchKernel(add, 0, 1, 1, 1, 1, 1, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 0, 1, 1, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 65536, 1, 1, 1, 1, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 1025, 1, 1, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 32, 32, 2, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 1, 1, 65, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 49153, NULL, params, NULL),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, params, extra),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra),
		CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
	size = 0;
	fails(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra),
		CUDA_ERROR_INVALID_VALUE);
	fails(cuLaunchKernel(bounded, 1, 1, 1, 65, 1, 1, 0, NULL, NULL, NULL),
		CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
	fails(cuLaunchCooperativeKernel(add, 1000, 1, 1, 1024, 1, 1, 0, NULL, params),
		CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
	fails(cuLaunchKernel((CUfunction)m, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_HANDLE);
	fails(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL),
		CUDA_ERROR_INVALID_HANDLE);
	fails(cuLaunchKernel(bounded, 1, 1, 1, 1, 1, 1, 0, (CUstream)m, NULL, NULL),
		CUDA_ERROR_INVALID_HANDLE);
	ok(cuCtxSynchronize());
	ok(cuModuleUnload(m));
}

static void sticky(void **state)
{
	CUcontext context, second;
	CUdeviceptr bad = 0x10, p;
	unsigned word = 5;
	void *params[] = {&bad, &word};
	size_t available, total;
	CUstream s;
	CUmodule m;

	ok(cuCtxCreate_v2(&context, 0, 0));
	ok(cuStreamCreate(&s, 0));
	m = load(kernels);
	ok(cuLaunchKernel(function(m, "mark"), 1, 1, 1, 1, 1, 1, 0, s, params, NULL));
	fails(cuStreamSynchronize(s), CUDA_ERROR_ILLEGAL_ADDRESS);
	fails(cuStreamQuery(s), CUDA_ERROR_ILLEGAL_ADDRESS);
	fails(cuMemAlloc_v2(&p, 16), CUDA_ERROR_ILLEGAL_ADDRESS);
	fails(cuMemGetInfo_v2(&available, &total), CUDA_ERROR_ILLEGAL_ADDRESS);
	fails(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
	ok(cuCtxPopCurrent_v2(NULL));
	ok(cuMemAlloc_v2(&p, 16));
	ok(cuMemFree_v2(p));
	ok(cuCtxCreate_v2(&second, 0, 0));
	ok(cuMemAlloc_v2(&p, 16));
	ok(cuCtxSynchronize());
	ok(cuCtxDestroy_v2(second));
	ok(cuCtxDestroy_v2(context));
}

/* A kernel that would never end does when another one of its context fails. */
static void faults_end_kernels(void **state)
{
	CUdeviceptr bad = 0x10, zero;
	unsigned word = 5;
	void *spinning[] = {&zero, &zero}, *marking[] = {&bad, &word};
	CUcontext context;
	CUstream s, t;
	CUmodule m;

	ok(cuCtxCreate_v2(&context, 0, 0));
	ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	ok(cuStreamCreate(&t, CU_STREAM_NON_BLOCKING));
	m = load(kernels);
	ok(cuMemAlloc_v2(&zero, 16));
	ok(cuMemsetD8_v2(zero, 0, 16));
	ok(cuCtxSynchronize());
	ok(cuLaunchKernel(function(m, "spin"), 1, 1, 1, 1, 1, 1, 0, s, spinning, NULL));
	ok(cuLaunchKernel(function(m, "mark"), 1, 1, 1, 1, 1, 1, 0, t, marking, NULL));
	fails(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
	ok(cuCtxDestroy_v2(context));
}

static void freed_memory(void **state)
{
	CUcontext context;
	unsigned word = 5;
	CUdeviceptr p;
	void *params[] = {&p, &word};
	CUmodule m;

	ok(cuCtxCreate_v2(&context, 0, 0));
	m = load(kernels);
	ok(cuMemAlloc_v2(&p, 16));
	ok(cuMemFree_v2(p));
	ok(cuLaunchKernel(function(m, "mark"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	fails(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
	ok(cuCtxDestroy_v2(context));
}

static void host_and_peer_memory(void **state)
{
	CUcontext first, second;
	unsigned *host, word = 77, got = 0;
	CUdeviceptr p;
	void *params[] = {&p, &word};
	CUmodule m;

	ok(cuMemHostAlloc((void **)&host, 4, 0));
	*host = 0;
	ok(cuCtxCreate_v2(&second, 0, 1));
	m = load(kernels);
	p = (uintptr_t)host;
	ok(cuLaunchKernel(function(m, "mark"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	ok(cuCtxSynchronize());
	assert_int_equal(*host, 77);
	ok(cuCtxCreate_v2(&first, 0, 0));
	ok(cuMemAlloc_v2(&p, 16));
	ok(cuCtxPopCurrent_v2(NULL));
	ok(cuCtxEnablePeerAccess(first, 0));
	fails(cuCtxEnablePeerAccess(first, 0), CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
	ok(cuLaunchKernel(function(m, "mark"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	ok(cuMemcpyDtoH_v2(&got, p, 4));
	assert_int_equal(got, 77);
	ok(cuCtxDisablePeerAccess(first));
	ok(cuLaunchKernel(function(m, "mark"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	fails(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
	ok(cuCtxDestroy_v2(second));
	ok(cuCtxDestroy_v2(first));
	ok(cuMemFreeHost(host));
}

static void in_graphs(void **state)
{
	CUmodule m = load(kernels);
	struct vectors v = make();
	void *params[] = {&v.a, &v.b, &v.out, &v.n};
	CUDA_KERNEL_NODE_PARAMS node_params = {.func = function(m, "add"),
					.gridDimX = 4,
					.gridDimY = 1,
					.gridDimZ = 1,
					.blockDimX = 256,
					.blockDimY = 1,
					.blockDimZ = 1,
					.kernelParams = params},
				got;
	CUgraphNode node;
	CUgraphExec exec;
	CUgraph graph;
	CUstream s;
	size_t n = 1;

	ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	ok(cuLaunchKernel(function(m, "add"), 4, 1, 1, 256, 1, 1, 0, s, params, NULL));
	ok(cuStreamEndCapture(s, &graph));
	ok(cuGraphGetNodes(graph, &node, &n));
	ok(cuGraphKernelNodeGetParams_v2(node, &got));
	assert_int_equal(got.gridDimX, 4);
	assert_int_equal(*(unsigned *)got.kernelParams[3], N);
	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphLaunch(exec, s));
	ok(cuStreamSynchronize(s));
	check(&v);
	ok(cuGraphExecDestroy(exec));
	ok(cuGraphDestroy(graph));

	ok(cuGraphCreate(&graph, 0));
	ok(cuGraphAddKernelNode_v2(&node, graph, NULL, 0, &node_params));
	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphLaunch(exec, s));
	ok(cuStreamSynchronize(s));
	check(&v);
	v.n = 0;
	ok(cuGraphExecKernelNodeSetParams_v2(exec, node, &node_params));
	ok(cuGraphLaunch(exec, s));
	ok(cuStreamSynchronize(s));
	ok(cuMemcpyDtoH_v2(&v.n, v.out + 4, 4));
	assert_int_equal(v.n, 0);
	ok(cuGraphExecDestroy(exec));
	ok(cuGraphDestroy(graph));
	ok(cuStreamDestroy_v2(s));
	drop(&v);
	ok(cuModuleUnload(m));
}

static void stays_in_order(void **state)
{
	CUmodule m = load(kernels);
	CUfunction twice = function(m, "twice");
	unsigned word = 1, i;
	CUdeviceptr p;
	void *params[] = {&p};
	CUstream s;

	ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	ok(cuMemAlloc_v2(&p, 4));
	ok(cuMemcpyHtoDAsync_v2(p, &word, 4, s));
	for (i = 0; i < 20; i++)
		ok(cuLaunchKernel(twice, 1, 1, 1, 1, 1, 1, 0, s, params, NULL));
	ok(cuMemcpyDtoHAsync_v2(&word, p, 4, s));
	assert_int_equal(word, 1 << 20);
	ok(cuStreamDestroy_v2(s));
	ok(cuMemFree_v2(p));
	ok(cuModuleUnload(m));
}

/* Pages that a kernel reads go away under it: bytes or an error, but no crash. */
static void unmapped_under_a_kernel(void **state)
{
	CUmemAllocationProp prop = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0}};
	CUmemAccessDesc both = {
		.location = prop.location, .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
	CUmemGenericAllocationHandle h;
	const size_t size = 2 << 20;
	CUdeviceptr p, q;
	void *params[] = {&p, &q};
	atomic_uint *flag;
	CUmodule m = load(kernels);
	CUstream s;

	ok(cuMemHostAlloc((void **)&flag, 4, 0));
	atomic_store(flag, 0);
	p = (uintptr_t)flag;
	ok(cuMemAddressReserve(&q, size, 0, 0, 0));
	ok(cuMemCreate(&h, size, &prop, 0));
	ok(cuMemMap(q, size, 0, h, 0));
	ok(cuMemSetAccess(q, size, &both, 1));
	ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	ok(cuLaunchKernel(function(m, "spin"), 1, 1, 1, 1, 1, 1, 0, s, params, NULL));
	usleep(20000);
	fails(cuStreamQuery(s), CUDA_ERROR_NOT_READY);
	ok(cuMemUnmap(q, size));
	ok(cuMemRelease(h));
	ok(cuMemAddressFree(q, size));
	usleep(5000);
	atomic_store(flag, 1);
	ok(cuStreamSynchronize(s));
	ok(cuStreamDestroy_v2(s));
	ok(cuMemFreeHost(flag));
	ok(cuModuleUnload(m));
}

/* What kernels print is there when a synchronisation returns, in order. */
static void printing(void **state)
{
	CUmodule m = load(kernels);
	char text[64] = "", path[] = "/tmp/soft-print-XXXXXX";
	int file = mkstemp(path), old = dup(1);
	unsigned n = 41;
	void *params[] = {&n};

	assert_true(file >= 0 && old >= 0);
	fflush(stdout);
	dup2(file, 1);
	ok(cuLaunchKernel(function(m, "say"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	n = 42;
	ok(cuLaunchKernel(function(m, "say"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	ok(cuCtxSynchronize());
	dup2(old, 1);
	assert_int_equal(pread(file, text, sizeof(text) - 1, 0), 8);
	assert_string_equal(text, "41!\n42!\n");
	close(old);
	close(file);
	unlink(path);
	ok(cuModuleUnload(m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(all_forms), TEST(limits), TEST(sticky),
		TEST(faults_end_kernels), TEST(freed_memory), TEST(host_and_peer_memory),
		TEST(in_graphs), TEST(stays_in_order), TEST(unmapped_under_a_kernel),
		TEST(printing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
