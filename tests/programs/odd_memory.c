/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd and wrong arguments of calls about memory: allocations, memory of the host, copies and sets.
 * Nothing looks at the bytes.
 */
#include "program.h"

enum { SIZE = 1 << 20, BEYOND = 1 << 30, PAGE = 4096 };

#define HUGE_SIZE ((size_t)1 << 50)

static unsigned char host[16 * PAGE] __attribute__((aligned(4096)));

static CUdeviceptr at_host(void *p)
{
	return (CUdeviceptr)(size_t)p;
}

static void allocations(CUdeviceptr p, unsigned char *pinned)
{
	CUdeviceptr q = 0;
	size_t size = 0;

	SAY(cuMemAlloc_v2(&q, 0));
	SAY(cuMemAlloc_v2(&q, HUGE_SIZE));
	SAY(cuMemFree_v2(12345));
	SAY(cuMemFree_v2(p + 4));
	SAY(cuMemFree_v2(at_host(pinned)));
	SAY(cuMemAllocPitch_v2(&q, &size, 64, 4, 3));
	SAY(cuMemAllocPitch_v2(&q, &size, 0, 4, 4));
	SAY(cuMemGetAddressRange_v2(NULL, NULL, p));
	SAY(cuMemGetAddressRange_v2(&q, &size, 5));
}

static void host_memory(unsigned char *pinned)
{
	CUdeviceptr device = 0;
	unsigned flags = 77;
	void *p;

	SAY(cuMemHostAlloc(&p, HUGE_SIZE, 0));
	SAY(cuMemAllocHost_v2(&p, 0));
	SAY(cuMemFreeHost(pinned + 8));
	SAY(cuMemHostGetDevicePointer_v2(&device, pinned, 1));
	SAY(cuMemHostGetFlags(&flags, host));
	SAY(cuMemHostRegister_v2(NULL, PAGE, 0));
	SAY(cuMemHostRegister_v2(host, 0, 0));
	SAY(cuMemHostUnregister(host));
	DO(cuMemHostRegister_v2(host + PAGE, PAGE, 0));
	SAY(cuMemHostRegister_v2(host + PAGE, PAGE, 0));
	SAY(cuMemHostGetFlags(&flags, host + PAGE));
	printf("flags %u\n", flags);
	DO(cuMemHostUnregister(host + PAGE));
	SAY(cuMemHostRegister_v2(host + 100, 100, 0));
	DO(cuMemHostUnregister(host + 100));
}

static void to_and_fro(CUdeviceptr p, unsigned char *pinned)
{
	SAY(cuMemcpyHtoD_v2(p, host, BEYOND));
	SAY(cuMemcpyHtoD_v2(0, host, 4));
	SAY(cuMemcpyHtoD_v2(p, NULL, 4));
	SAY(cuMemcpyHtoD_v2(p, host, 0));
	SAY(cuMemcpyHtoD_v2(0, NULL, 0));
	SAY(cuMemcpyDtoH_v2(NULL, p, 4));
	SAY(cuMemcpyDtoH_v2(host, 5, 4));
	SAY(cuMemcpyDtoH_v2(host, p + SIZE - 2, 4));
	SAY(cuMemcpyHtoD_v2(at_host(pinned), host, 4));
	SAY(cuMemcpyDtoH_v2(host, at_host(pinned), 4));
	SAY(cuCtxSynchronize());
}

static void between(CUdeviceptr p, unsigned char *pinned, CUcontext context, CUstream s)
{
	SAY(cuMemcpyDtoD_v2(p, 5, 4));
	SAY(cuMemcpyDtoD_v2(p, p + 2, 4));
	SAY(cuMemcpyDtoD_v2(p, at_host(pinned), 4));
	SAY(cuMemcpy(p, at_host(host), 4));
	SAY(cuMemcpy(at_host(host), at_host(host + 64), 4));
	SAY(cuMemcpyAsync(at_host(pinned), at_host(host), 4, s));
	SAY(cuMemcpyPeer(p, NULL, p + 8, NULL, 4));
	SAY(cuMemcpyPeerAsync(p, context, 5, context, 4, s));
	SAY(cuCtxSynchronize());
}

/* Four rows of 64 bytes from the host, which is right. */
static CUDA_MEMCPY2D rows(CUdeviceptr p)
{
	return (CUDA_MEMCPY2D){.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = host,
		.srcPitch = 64,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = 64,
		.WidthInBytes = 64,
		.Height = 4};
}

/* With one field set otherwise. */
#define SAY_ROWS(field, value)                                                                     \
	do {                                                                                       \
		CUDA_MEMCPY2D odd = rows(p);                                                       \
		odd.field = value;                                                                 \
		say("rows with " #field " = " #value, cuMemcpy2D_v2(&odd));                        \
	} while (0)

static void rectangles(CUdeviceptr p)
{
	CUDA_MEMCPY2D copy = rows(p);

	SAY_ROWS(dstPitch, 32);
	SAY_ROWS(srcPitch, 32);
	SAY_ROWS(WidthInBytes, 0);
	SAY_ROWS(Height, 0);
	SAY_ROWS(srcHost, NULL);
	SAY_ROWS(dstMemoryType, (CUmemorytype)9);
	SAY_ROWS(dstMemoryType, (CUmemorytype)0);
	SAY_ROWS(Height, SIZE);
	SAY_ROWS(dstMemoryType, CU_MEMORYTYPE_UNIFIED);
	SAY_ROWS(dstPitch, ~(size_t)0 << 31);
	SAY_ROWS(srcXInBytes, 16);
	copy.srcMemoryType = CU_MEMORYTYPE_UNIFIED;
	copy.srcDevice = at_host(host);
	SAY(cuMemcpy2D_v2(&copy));
	copy = rows(p);
	copy.dstPitch = 0;
	copy.Height = 1;
	SAY(cuMemcpy2D_v2(&copy));
	SAY(cuMemcpy2D_v2(NULL));
	copy = rows(p);
	SAY(cuMemcpy2DAsync_v2(&copy, NULL));
	SAY(cuCtxSynchronize());
}

static CUDA_MEMCPY3D box(CUdeviceptr p)
{
	return (CUDA_MEMCPY3D){.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = host,
		.srcPitch = 64,
		.srcHeight = 4,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = 64,
		.dstHeight = 4,
		.WidthInBytes = 64,
		.Height = 4,
		.Depth = 2};
}

static void boxes(CUdeviceptr p)
{
	CUDA_MEMCPY3D copy = box(p);

	SAY(cuMemcpy3D_v2(&copy));
	copy.srcHeight = 2;
	SAY(cuMemcpy3D_v2(&copy));
	copy = box(p);
	copy.reserved0 = host;
	SAY(cuMemcpy3D_v2(&copy));
	copy = box(p);
	copy.Depth = SIZE;
	SAY(cuMemcpy3D_v2(&copy));
	SAY(cuCtxSynchronize());
}

static void sets(CUdeviceptr p, unsigned char *pinned)
{
	SAY(cuMemsetD8_v2(0, 0, 4));
	SAY(cuMemsetD8_v2(p, 0, BEYOND));
	SAY(cuMemsetD16_v2(p + 1, 0, 4));
	SAY(cuMemsetD32_v2(p + 2, 0, 4));
	SAY(cuMemsetD32_v2(p, 0, 0));
	SAY(cuMemsetD2D8_v2(p, 4, 0, 8, 2));
	SAY(cuMemsetD2D8_v2(p, 4, 0, 8, 1));
	SAY(cuMemsetD2D32_v2(p, 6, 0, 1, 2));
	SAY(cuMemsetD2D8_v2(p, 64, 0, 0, 2));
	SAY(cuMemsetD8_v2(at_host(pinned), 0, 4));
	SAY(cuMemsetD2D8_v2(p, SIZE / 2, 0, 64, 4));
	SAY(cuCtxSynchronize());
}

int main(void)
{
	CUcontext context = program_begin();
	unsigned char *pinned;
	CUdeviceptr p;
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemAlloc_v2(&p, SIZE));
	DO(cuMemHostAlloc((void **)&pinned, SIZE, CU_MEMHOSTALLOC_DEVICEMAP));
	allocations(p, pinned);
	host_memory(pinned);
	to_and_fro(p, pinned);
	between(p, pinned, context, s);
	rectangles(p);
	boxes(p);
	sets(p, pinned);
	DO(cuMemFreeHost(pinned));
	DO(cuMemFree_v2(p));
	return 0;
}
