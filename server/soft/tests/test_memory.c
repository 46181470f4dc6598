/* SPDX-License-Identifier: Apache-2.0 */
/* Device and host memory: limits, ranges, attributes, copies and fills. */
#include "soft_test.h"

#include <sys/mman.h>

#define MIB ((size_t)1 << 20)

static void out_of_memory(void **state)
{
	CUdeviceptr a, b = 1;
	size_t before, after, total;

	ok(cuMemGetInfo_v2(&before, &total));
	assert_int_equal(total, 256 * MIB);
	assert_int_equal(before, total);
	ok(cuMemAlloc_v2(&a, 200 * MIB));
	ok(cuMemGetInfo_v2(&after, &total));
	assert_int_equal(before - after, 200 * MIB);
	fails(cuMemAlloc_v2(&b, 100 * MIB), CUDA_ERROR_OUT_OF_MEMORY);
	fails(cuMemAlloc_v2(&b, SIZE_MAX - 5), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(b, 1);
	fails(cuMemAlloc_v2(&b, 0), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFree_v2(a));
	ok(cuMemAlloc_v2(&b, 256 * MIB));
	ok(cuMemFree_v2(b));
	ok(cuMemGetInfo_v2(&after, &total));
	assert_int_equal(before, after);
}

static void wrong_frees(void **state)
{
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 100));
	fails(cuMemFree_v2(p + 4), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemFree_v2(0xdeadbeef000), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFree_v2(0));
	ok(cuMemFree_v2(p));
	fails(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
}

static void dies_with_context(void **state)
{
	size_t before, after, total;
	CUcontext context;
	CUdeviceptr p;

	ok(cuMemGetInfo_v2(&before, &total));
	ok(cuCtxCreate_v2(&context, 0, 0));
	ok(cuMemAlloc_v2(&p, 10 * MIB));
	ok(cuCtxDestroy_v2(context));
	ok(cuMemGetInfo_v2(&after, &total));
	assert_int_equal(before, after);
	fails(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
}

static void address_ranges(void **state)
{
	CUdeviceptr p, base;
	size_t size;

	ok(cuMemAlloc_v2(&p, 1000));
	ok(cuMemGetAddressRange_v2(&base, &size, p + 10));
	assert_int_equal(base, p);
	assert_int_equal(size, 1000);
	ok(cuPointerGetAttribute(&base, CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR, p + 10));
	ok(cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_MAPPING_SIZE, p + 10));
	assert_int_equal(base, p);
	assert_int_equal(size, 1000);
	fails(cuMemGetAddressRange_v2(&base, &size, p + 1000), CUDA_ERROR_NOT_FOUND);
	ok(cuMemFree_v2(p));
	fails(cuMemGetAddressRange_v2(&base, &size, p), CUDA_ERROR_NOT_FOUND);
}

static void pitch(void **state)
{
	CUdeviceptr p;
	size_t row;

	ok(cuMemAllocPitch_v2(&p, &row, 100, 10, 4));
	assert_int_equal(row, 512);
	ok(cuMemFree_v2(p));
	fails(cuMemAllocPitch_v2(&p, &row, 100, 10, 3), CUDA_ERROR_INVALID_VALUE);
}

static void pointer_attributes(void **state)
{
	CUpointer_attribute which[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
		CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, CU_POINTER_ATTRIBUTE_RANGE_SIZE};
	unsigned type;
	int ordinal, local;
	size_t size;
	void *values[] = {&type, &ordinal, &size};
	CUcontext context;
	CUdeviceptr p;
	void *host;

	ok(cuMemAlloc_v2(&p, 300));
	ok(cuPointerGetAttributes(3, which, values, p + 7));
	assert_int_equal(type, CU_MEMORYTYPE_DEVICE);
	assert_int_equal(ordinal, 0);
	assert_int_equal(size, 300);
	ok(cuPointerGetAttribute(&context, CU_POINTER_ATTRIBUTE_CONTEXT, p));
	assert_ptr_equal(context, *state);
	ok(cuMemHostAlloc(&host, 64, 0));
	ok(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (uintptr_t)host));
	assert_int_equal(type, CU_MEMORYTYPE_HOST);
	fails(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (uintptr_t)&local),
		CUDA_ERROR_INVALID_VALUE);
	ok(cuPointerGetAttributes(3, which, values, (uintptr_t)&local));
	assert_int_equal(type, 0);
	assert_int_equal(ordinal, -2);
	ok(cuMemFreeHost(host));
	ok(cuMemFree_v2(p));
}

static void host_memory(void **state)
{
	CUdeviceptr device;
	unsigned flags;
	char *p, *mine;

	ok(cuMemHostAlloc((void **)&p, 5000, CU_MEMHOSTALLOC_PORTABLE));
	memset(p, 1, 5000);
	ok(cuMemHostGetDevicePointer_v2(&device, p, 0));
	assert_int_equal(device, (uintptr_t)p);
	ok(cuMemHostGetFlags(&flags, p));
	assert_int_equal(flags, CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP);
	fails(cuMemHostRegister_v2(p, 4096, 0), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemHostUnregister(p), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFreeHost(p));
	fails(cuMemFreeHost(p), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemHostAlloc((void **)&p, 0, 0));
	mine = malloc(8192);
	ok(cuMemHostRegister_v2(mine, 8192, 0));
	fails(cuMemHostRegister_v2(mine + 100, 10, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	ok(cuMemHostUnregister(mine));
	fails(cuMemHostUnregister(mine), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
	fails(cuMemHostRegister_v2((void *)0x10000, 4096, 0), CUDA_ERROR_INVALID_VALUE);
	free(mine);
	mine = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fails(cuMemHostRegister_v2(mine, 8192, 0), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemHostRegister_v2(mine, 8192, CU_MEMHOSTREGISTER_READ_ONLY));
	ok(cuMemHostUnregister(mine));
	munmap(mine, 8192);
}

static void copies(void **state)
{
	unsigned char in[1000], out[1000];
	CUdeviceptr a, b;
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i * 7;
	ok(cuMemAlloc_v2(&a, 1000));
	ok(cuMemAlloc_v2(&b, 1000));
	ok(cuMemcpyHtoD_v2(a, in, 1000));
	ok(cuMemcpyDtoD_v2(b, a, 1000));
	ok(cuMemcpyDtoH_v2(out, b, 1000));
	assert_memory_equal(in, out, 1000);
	memset(out, 0, sizeof(out));
	ok(cuMemcpy((uintptr_t)out, b + 500, 500));
	assert_memory_equal(in + 500, out, 500);
	ok(cuMemcpyHtoD_v2(a, in, 0));
	ok(cuMemFree_v2(a));
	ok(cuMemFree_v2(b));
}

static void copies_out_of_bounds(void **state)
{
	static char bytes[4096];
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 1024));
	fails(cuMemcpyHtoD_v2(p, bytes, 1025), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemcpyDtoH_v2(bytes, p + 1000, 100), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemcpyHtoD_v2(0x123456000, bytes, 16), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemcpyHtoD_v2(0, bytes, 16), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemcpyHtoD_v2(p, NULL, 16), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemcpyHtoD_v2(p, bytes, SIZE_MAX), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemsetD8_v2(p, 0, 1025), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemsetD32_v2(p + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFree_v2(p));
	fails(cuMemcpyDtoH_v2(bytes, p, 16), CUDA_ERROR_INVALID_VALUE);
	ok(cuCtxSynchronize());
}

static void fills(void **state)
{
	unsigned words[16];
	unsigned short halves[4];
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 64));
	ok(cuMemsetD32_v2(p, 0x01020304, 16));
	ok(cuMemsetD16_v2(p + 8, 0xabcd, 2));
	ok(cuMemsetD8_v2(p + 12, 0x55, 4));
	ok(cuMemcpyDtoH_v2(words, p, 64));
	assert_int_equal(words[0], 0x01020304);
	assert_int_equal(words[2], 0xabcdabcd);
	assert_int_equal(words[3], 0x55555555);
	ok(cuMemsetD2D16_v2(p, 32, 0x1111, 1, 2));
	ok(cuMemcpyDtoH_v2(halves, p + 32, 8));
	assert_int_equal(halves[0], 0x1111);
	assert_int_equal(halves[1], 0x0102);
	fails(cuMemsetD2D8_v2(p, 32, 0, 32, 3), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFree_v2(p));
}

static void rectangles(void **state)
{
	unsigned char in[8 * 8], out[4 * 4] = {0};
	CUDA_MEMCPY2D to = {0}, from = {0};
	CUdeviceptr p;
	int i;

	for (i = 0; i < 64; i++)
		in[i] = i;
	ok(cuMemAlloc_v2(&p, 16 * 8));
	to = (CUDA_MEMCPY2D){.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = in,
		.srcPitch = 8,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = 16,
		.WidthInBytes = 8,
		.Height = 8};
	ok(cuMemcpy2D_v2(&to));
	from = (CUDA_MEMCPY2D){.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = p,
		.srcPitch = 16,
		.srcXInBytes = 2,
		.srcY = 3,
		.dstMemoryType = CU_MEMORYTYPE_HOST,
		.dstHost = out,
		.dstPitch = 4,
		.WidthInBytes = 4,
		.Height = 4};
	ok(cuMemcpy2D_v2(&from));
	for (i = 0; i < 16; i++)
		assert_int_equal(out[i], (i / 4 + 3) * 8 + i % 4 + 2);
	from.Height = 6;
	fails(cuMemcpy2D_v2(&from), CUDA_ERROR_INVALID_VALUE);
	to.dstPitch = 4;
	fails(cuMemcpy2D_v2(&to), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFree_v2(p));
}

static void boxes(void **state)
{
	unsigned char in[4 * 4 * 4], out[2 * 2 * 2] = {0};
	CUDA_MEMCPY3D to = {0}, from = {0};
	CUdeviceptr p;
	int i;

	for (i = 0; i < 64; i++)
		in[i] = i;
	ok(cuMemAlloc_v2(&p, 64));
	to = (CUDA_MEMCPY3D){.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = in,
		.srcPitch = 4,
		.srcHeight = 4,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = 4,
		.dstHeight = 4,
		.WidthInBytes = 4,
		.Height = 4,
		.Depth = 4};
	ok(cuMemcpy3D_v2(&to));
	from = (CUDA_MEMCPY3D){.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = p,
		.srcPitch = 4,
		.srcHeight = 4,
		.srcXInBytes = 1,
		.srcY = 1,
		.srcZ = 2,
		.dstMemoryType = CU_MEMORYTYPE_HOST,
		.dstHost = out,
		.dstPitch = 2,
		.dstHeight = 2,
		.WidthInBytes = 2,
		.Height = 2,
		.Depth = 2};
	ok(cuMemcpy3D_v2(&from));
	for (i = 0; i < 8; i++)
		assert_int_equal(out[i], (i / 4 + 2) * 16 + (i / 2 % 2 + 1) * 4 + i % 2 + 1);
	from.Depth = 3;
	fails(cuMemcpy3D_v2(&from), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFree_v2(p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(out_of_memory), TEST(wrong_frees),
		TEST(dies_with_context), TEST(address_ranges), TEST(pitch),
		TEST(pointer_attributes), TEST(host_memory), TEST(copies),
		TEST(copies_out_of_bounds), TEST(fills), TEST(rectangles), TEST(boxes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
