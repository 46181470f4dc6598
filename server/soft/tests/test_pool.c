/* SPDX-License-Identifier: Apache-2.0 */
/* Memory pools and allocation in stream order. */
#include "soft_test.h"

#define MIB ((size_t)1 << 20)

static uint64_t asked(CUmemoryPool pool, CUmemPool_attribute attribute)
{
	cuuint64_t value = 0;

	ok(cuMemPoolGetAttribute(pool, attribute, &value));
	return value;
}

static void in_order(void **state)
{
	unsigned word = 0;
	CUstream s;
	CUdeviceptr p;

	ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	ok(cuMemAllocAsync(&p, 4096, s));
	ok(cuMemsetD32Async(p, 13, 1024, s));
	ok(cuMemcpyDtoHAsync_v2(&word, p + 4092, 4, s));
	assert_int_equal(word, 13);
	ok(cuMemFreeAsync(p, s));
	fails(cuMemFreeAsync(p, s), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemFreeAsync(0x1000, s), CUDA_ERROR_INVALID_VALUE);
	p = 1;
	ok(cuMemAllocAsync(&p, 0, s));
	assert_int_equal(p, 0);
	ok(cuMemAllocAsync(&p, 100, s));
	ok(cuMemFree_v2(p));
	ok(cuStreamDestroy_v2(s));
}

static void waits_for_frees(void **state)
{
	CUdeviceptr p;
	CUstream s;
	int i;

	ok(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	for (i = 0; i < 20; i++) {
		ok(cuMemAllocAsync(&p, 200 * MIB, s));
		ok(cuMemFreeAsync(p, s));
	}
	ok(cuMemAllocAsync(&p, 200 * MIB, s));
	fails(cuMemAllocAsync(&p, 200 * MIB, s), CUDA_ERROR_OUT_OF_MEMORY);
	ok(cuMemFreeAsync(p, s));
	ok(cuStreamSynchronize(s));
	ok(cuMemAlloc_v2(&p, 250 * MIB));
	ok(cuMemFree_v2(p));
	ok(cuStreamDestroy_v2(s));
}

static void threshold(void **state)
{
	cuuint64_t keep = 64 * MIB;
	size_t before, after, total;
	CUmemoryPool pool;
	CUdeviceptr p;

	ok(cuDeviceGetDefaultMemPool(&pool, 0));
	ok(cuMemGetInfo_v2(&before, &total));
	ok(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep));
	ok(cuMemAllocAsync(&p, 10 * MIB, NULL));
	assert_int_equal(asked(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 10 * MIB);
	ok(cuMemFreeAsync(p, NULL));
	ok(cuCtxSynchronize());
	assert_int_equal(asked(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 0);
	assert_int_equal(asked(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 10 * MIB);
	ok(cuMemGetInfo_v2(&after, &total));
	assert_int_equal(before - after, 10 * MIB);
	ok(cuMemPoolTrimTo(pool, 0));
	ok(cuMemGetInfo_v2(&after, &total));
	assert_int_equal(before, after);
	keep = 0;
	ok(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep));
}

static void own_pools(void **state)
{
	CUmemPoolProps props = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0}};
	CUmemoryPool pool, current;
	CUdeviceptr p;

	ok(cuMemPoolCreate(&pool, &props));
	ok(cuDeviceSetMemPool(0, pool));
	ok(cuDeviceGetMemPool(&current, 0));
	assert_ptr_equal(pool, current);
	ok(cuMemAllocFromPoolAsync(&p, 1000, pool, NULL));
	ok(cuMemPoolDestroy(pool));
	fails(cuMemPoolDestroy(pool), CUDA_ERROR_INVALID_VALUE);
	fails(cuMemAllocFromPoolAsync(&p, 1000, pool, NULL), CUDA_ERROR_INVALID_VALUE);
	ok(cuMemFreeAsync(p, NULL));
	ok(cuDeviceGetMemPool(&current, 0));
	ok(cuDeviceGetDefaultMemPool(&pool, 0));
	assert_ptr_equal(pool, current);
	fails(cuMemPoolDestroy(pool), CUDA_ERROR_INVALID_VALUE);
	ok(cuCtxSynchronize());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order), TEST(waits_for_frees), TEST(threshold), TEST(own_pools)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
