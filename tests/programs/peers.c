/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two devices of one host: copies between them in all forms, and a kernel of one on memory of the other, which
 * was there before peer access was enabled, or came after.
 */
#include "program.h"

enum { N = 4096, SMALL = 64, ROWS = 8, PITCH = 256, WIDTH = 100 };

static CUcontext context[2];
static CUmodule module[2];

static void on(int i)
{
	DO(cuCtxSetCurrent(context[i]));
}

static CUdeviceptr words_of(int i, size_t n)
{
	on(i);
	return device_words(n);
}

/* On @i, whose memory @p need not be. */
static CUresult fill(int i, CUdeviceptr p, unsigned n, unsigned value)
{
	void *args[] = {&p, &n, &value};
	CUresult r;

	on(i);
	r = cuLaunchKernel(program_kernel(module[i], "fill"), (n + 127) / 128, 1, 1, 128, 1, 1, 0,
		NULL, args, NULL);
	return r ? r : cuCtxSynchronize();
}

static void copies(void)
{
	CUdeviceptr a = words_of(0, N), b = words_of(1, N), back = words_of(0, N);
	CUDA_MEMCPY2D rows = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcPitch = PITCH,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstPitch = PITCH, .WidthInBytes = WIDTH,
		.Height = ROWS};
	CUDA_MEMCPY3D_PEER box = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcPitch = PITCH,
		.srcHeight = ROWS, .dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstPitch = PITCH,
		.dstHeight = ROWS, .WidthInBytes = WIDTH, .Height = ROWS, .Depth = 2};

	DO(fill(0, a, N, 1));
	DO(cuMemcpyPeer(b, context[1], a, context[0], N * 4));
	on(1);
	say_words("peer", b, N);
	DO(fill(1, b, N, 7));
	DO(cuMemcpyDtoD_v2(back, b, N * 4));
	say_words("device to device", back, N);
	DO(fill(1, b, N, 9));
	on(0);
	DO(cuMemcpyAsync(back, b, N * 4, NULL));
	DO(cuStreamSynchronize(NULL));
	say_words("by addresses", back, N);
	rows.srcDevice = a;
	rows.dstDevice = b;
	DO(cuMemcpy2D_v2(&rows));
	DO(cuCtxSynchronize());
	on(1);
	say_words("rows", b, N);
	box.srcDevice = b;
	box.srcContext = context[1];
	box.dstDevice = back;
	box.dstContext = context[0];
	DO(cuMemcpy3DPeer(&box));
	say_words("boxes", back, N);
	SAY(cuMemcpyPeer(b, context[1], a, context[0], N * 4 + 1));
	SAY(cuMemcpyPeer(b, NULL, a, context[0], 4));
	DO(cuMemFree_v2(a));
	DO(cuMemFree_v2(b));
	DO(cuMemFree_v2(back));
}

/* What is the other device's is at hand for copies without peer access. */
static void from_abroad(void)
{
	CUdeviceptr a = words_of(0, N), b = words_of(0, N);
	static unsigned host[N], back[N];
	CUDA_MEMCPY2D rows = {.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = host, .srcPitch = PITCH,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = b, .dstPitch = PITCH,
		.WidthInBytes = WIDTH, .Height = ROWS};
	unsigned *pinned;
	CUresult r, done;
	CUstream s;

	for (unsigned i = 0; i < N; i++)
		host[i] = i * 3;
	on(1);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc((void **)&pinned, N * 4, CU_MEMHOSTALLOC_PORTABLE));
	SAY(cuMemcpyHtoD_v2(a, host, N * 4));
	say_words("to the other device", a, N);
	memset(host, 0, sizeof(host));
	SAY(cuMemcpyDtoHAsync_v2(pinned, a, N * 4, s));
	SAY(cuMemcpyDtoDAsync_v2(b, a, N * 4, s));
	SAY(cuMemcpyDtoHAsync_v2(back, b, N * 4, s));
	DO(cuStreamSynchronize(s));
	printf("pinned: %u, pageable: %u\n", pinned[N - 1], back[N - 1]);
	for (unsigned i = 0; i < N; i++)
		pinned[i] = i * 5;
	SAY(cuMemcpyHtoDAsync_v2(a, pinned, N * 4, s));
	SAY(cuMemcpy2DAsync_v2(&rows, s));
	DO(cuStreamSynchronize(s));
	say_words("asynchronously", a, N);
	say_words("rows to the other device", b, N);
	/* A set is refused, at once or when it is waited for. */
	r = cuMemsetD32Async(a, 6, N, s);
	done = cuStreamSynchronize(s);
	printf("set: %s\n", result_name(r ? r : done));
	say_words("not set", a, N);
	DO(cuMemFree_v2(a));
	DO(cuMemFree_v2(b));
	DO(cuMemFreeHost(pinned));
}

/* What is set of a kernel is set for one device. */
static void attributes_of_kernels(void)
{
	enum { MUCH = 50000 }; /* more shared memory than what is to be had without */
	const CUfunction_attribute most = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
	CUlibrary library;
	CUfunction f[2];
	CUkernel k;
	int value;

	DO(cuLibraryLoadData(&library, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DO(cuLibraryGetKernel(&k, library, "reverse"));
	for (int i = 0; i < 2; i++) {
		on(i);
		DO(cuKernelGetFunction(&f[i], k));
	}
	for (int set = 0; set < 2; set++) {
		DO(cuKernelSetAttribute(most, MUCH, k, set));
		for (int i = 0; i < 2; i++) {
			CUdeviceptr p = words_of(i, 32);
			void *args[] = {&p};

			DO(cuMemsetD32_v2(p, 1, 32));
			DO(cuKernelGetAttribute(&value, most, k, i));
			printf("device %d: %d, ", i, value);
			DO(cuFuncGetAttribute(&value, most, f[i]));
			printf("its function: %d\n", value);
			SAY(cuLaunchKernel((CUfunction)k, 1, 1, 1, 32, 1, 1, MUCH, NULL, args, NULL));
			SAY(cuLaunchKernel(f[i], 1, 1, 1, 32, 1, 1, MUCH, NULL, args, NULL));
			DO(cuCtxSynchronize());
			DO(cuMemFree_v2(p));
		}
	}
	DO(cuLibraryUnload(library));
}

static void kernels(void)
{
	CUdeviceptr big = words_of(0, 1 << 20), small = words_of(0, SMALL), later;

	on(1);
	SAY(cuCtxDisablePeerAccess(context[0]));
	SAY(cuCtxEnablePeerAccess(context[0], 1));
	SAY(cuCtxEnablePeerAccess(context[1], 0));
	SAY(cuCtxEnablePeerAccess(context[0], 0));
	SAY(cuCtxEnablePeerAccess(context[0], 0));
	SAY(fill(1, big, 1 << 20, 3));
	SAY(fill(1, small, SMALL, 5));
	say_words("before it was enabled", big, 1 << 20);
	say_words("small", small, SMALL);
	later = words_of(0, 1 << 20);
	SAY(fill(1, later, 1 << 20, 4));
	on(0);
	say_words("after it was enabled", later, 1 << 20);
	DO(cuMemFree_v2(later));
	DO(cuMemFree_v2(small));
	on(1);
	SAY(cuCtxDisablePeerAccess(context[0]));
	SAY(cuCtxDisablePeerAccess(context[0]));
	/* The last thing that this process does: the fault is the device's. */
	SAY(fill(1, big, 1 << 20, 6));
}

int main(void)
{
	int count = 0, can = 0;

	DO(cuInit(0));
	DO(cuDeviceGetCount(&count));
	if (count > 1)
		DO(cuDeviceCanAccessPeer(&can, 1, 0));
	if (!can) {
		printf("no two devices that can reach each other\n");
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		DO(cuDevicePrimaryCtxRetain(&context[i], i));
		on(i);
		module[i] = program_load();
	}
	copies();
	from_abroad();
	attributes_of_kernels();
	kernels();
	return 0;
}
