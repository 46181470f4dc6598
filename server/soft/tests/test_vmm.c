/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual memory management: fixed addresses, mappings, permissions, limits. */
#include "soft_test.h"

#define MIB ((size_t)1 << 20)
#ifdef THREAD_SANITIZER
#define LARGE ((size_t)1 << 30)
#else
#define LARGE ((size_t)4 << 40)
#endif

static const CUmemAllocationProp prop = {.type = CU_MEM_ALLOCATION_TYPE_PINNED,
	.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0}};
static const CUmemAccessDesc both = {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0},
	.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};

/* The thread sanitizer keeps most addresses to itself; then any address serves. */
static CUdeviceptr reserve(size_t size)
{
	CUdeviceptr p = 0;

#ifdef THREAD_SANITIZER
	ok(cuMemAddressReserve(&p, size, 0, 0, 0));
#else
	ok(cuMemAddressReserve(&p, size, 0, 0x200000000000, 0));
	assert_int_equal(p, 0x200000000000);
#endif
	return p;
}

static void maps_and_copies(void **state)
{
	CUmemGenericAllocationHandle a, b;
	char in[64] = "bytes that cross the border", out[64];
	CUdeviceptr p = reserve(LARGE);
	size_t before, during, total;

	ok(cuMemGetInfo_v2(&before, &total));
	ok(cuMemCreate(&a, 2 * MIB, &prop, 0));
	ok(cuMemCreate(&b, 4 * MIB, &prop, 0));
	ok(cuMemGetInfo_v2(&during, &total));
	assert_int_equal(before - during, 6 * MIB);
	ok(cuMemMap(p, 2 * MIB, 0, a, 0));
	ok(cuMemMap(p + 2 * MIB, 2 * MIB, 2 * MIB, b, 0));
	fails(cuMemcpyHtoD_v2(p, in, 64), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemSetAccess(p, 4 * MIB, &both, 1));
	ok(cuMemcpyHtoD_v2(p + 2 * MIB - 10, in, 64));
	ok(cuMemcpyDtoH_v2(out, p + 2 * MIB - 10, 64));
	assert_memory_equal(in, out, 64);
	fails(cuMemcpyDtoH_v2(out, p + 4 * MIB - 10, 64), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemRelease(a));
	ok(cuMemUnmap(p, 4 * MIB));
	ok(cuMemMap(p, 4 * MIB, 0, b, 0));
	ok(cuMemSetAccess(p, 4 * MIB, &both, 1));
	ok(cuMemcpyDtoH_v2(out, p + 2 * MIB, 54));
	assert_memory_equal(in + 10, out, 54);
	ok(cuMemUnmap(p, 4 * MIB));
	ok(cuMemRelease(b));
	ok(cuMemGetInfo_v2(&during, &total));
	assert_int_equal(before, during);
	ok(cuMemAddressFree(p, LARGE));
}

static void wrong_use(void **state)
{
	CUmemGenericAllocationHandle h;
	CUdeviceptr p = reserve(16 * MIB), other;

	fails(cuMemCreate(&h, 1 * MIB, &prop, 0), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemCreate(&h, 512 * MIB, &prop, 0), CUDA_ERROR_OUT_OF_MEMORY);
	fails(cuMemAddressReserve(&other, 100, 0, 0, 0), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemCreate(&h, 4 * MIB, &prop, 0));
	fails(cuMemMap(p, 8 * MIB, 0, h, 0), CUDA_ERROR_NOT_SUPPORTED);
	ok(cuMemUnmap(p, 8 * MIB));
	fails(cuMemMap(p + 14 * MIB, 4 * MIB, 0, h, 0), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemMap(p, 4 * MIB, 0, h + 16, 0), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemMap(p, 4 * MIB, 0, h, 0));
	fails(cuMemMap(p + 2 * MIB, 2 * MIB, 0, h, 0), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemSetAccess(p, 6 * MIB, &both, 1), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemUnmap(p, 2 * MIB), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemAddressFree(p, 16 * MIB), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemUnmap(p, 4 * MIB));
	ok(cuMemRelease(h));
	fails(cuMemRelease(h), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemAddressFree(p, 16 * MIB));
	fails(cuMemAddressFree(p, 16 * MIB), CUDA_ERROR_INVALID_VALUE);
}

static void unmapped_while_queued(void **state)
{
	CUmemGenericAllocationHandle h;
	struct gate gate = {0};
	CUdeviceptr p = reserve(2 * MIB);
	CUstream stream;
	CUcontext context;
	char *host;

	ok(cuCtxCreate_v2(&context, 0, 0));
	ok(cuMemHostAlloc((void **)&host, 64, 0));
	ok(cuMemCreate(&h, 2 * MIB, &prop, 0));
	ok(cuMemMap(p, 2 * MIB, 0, h, 0));
	ok(cuMemSetAccess(p, 2 * MIB, &both, 1));
	ok(cuStreamCreate(&stream, 0));
	ok(cuLaunchHostFunc(stream, gate_wait, &gate));
	ok(cuMemcpyDtoHAsync_v2(host, p, 64, stream));
	ok(cuMemUnmap(p, 2 * MIB));
	gate_open(&gate);
	fails(cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
	fails(cuMemFreeHost(host), CUDA_ERROR_ILLEGAL_ADDRESS);
	ok(cuMemRelease(h));
	ok(cuMemAddressFree(p, 2 * MIB));
	ok(cuCtxDestroy_v2(context));
}

static void shares(void **state)
{
	CUmemAllocationProp shared = prop;
	CUmemGenericAllocationHandle h, imported;
	CUdeviceptr p = reserve(4 * MIB);
	unsigned word = 0;
	int fd;

	shared.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
	ok(cuMemCreate(&h, 2 * MIB, &shared, 0));
	ok(cuMemExportToShareableHandle(&fd, h, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
	ok(cuMemImportFromShareableHandle(
		&imported, (void *)(intptr_t)fd, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR));
	close(fd);
	ok(cuMemMap(p, 2 * MIB, 0, h, 0));
	ok(cuMemMap(p + 2 * MIB, 2 * MIB, 0, imported, 0));
	ok(cuMemSetAccess(p, 4 * MIB, &both, 1));
	ok(cuMemsetD32_v2(p, 4711, 1));
	ok(cuMemcpyDtoH_v2(&word, p + 2 * MIB, 4));
	assert_int_equal(word, 4711);
	ok(cuMemUnmap(p, 4 * MIB));
	ok(cuMemRelease(h));
	ok(cuMemRelease(imported));
	ok(cuMemAddressFree(p, 4 * MIB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(maps_and_copies), TEST(wrong_use), TEST(unmapped_while_queued), TEST(shares)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
