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
	kernels();
	return 0;
}
