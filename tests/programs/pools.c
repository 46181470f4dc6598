/* SPDX-License-Identifier: Apache-2.0 */
/* Stream-ordered allocation and memory pools. */
#include "program.h"

enum { N = 50000 };

static void stream_ordered(CUstream s, CUfunction fill)
{
	unsigned n = N, value;
	CUdeviceptr p;
	void *parameters[] = { &p, &n, &value };

	for (value = 0; value < 5; value++) {
		unsigned first = 0;

		DO(cuMemAllocAsync(&p, N * 4, s));
		DO(launch_over(fill, n, s, parameters));
		DO(cuMemcpyDtoHAsync_v2(&first, p, 4, s));
		DO(cuMemFreeAsync(p, s));
		DO(cuStreamSynchronize(s));
		printf("first word %u\n", first);
	}
	SAY(cuMemFreeAsync(0, s));
	SAY(cuMemFreeAsync(0x1234, s));
}

static void default_pool(void)
{
	unsigned long long threshold = 99;
	CUmemoryPool pool, current;
	int value = 99;

	DO(cuDeviceGetDefaultMemPool(&pool, 0));
	DO(cuDeviceGetMemPool(&current, 0));
	printf("current pool is the default: %s\n", pool == current ? "yes" : "NO");
	DO(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
	printf("threshold %llu\n", threshold);
	threshold = 64 << 20;
	DO(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
	threshold = 0;
	DO(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &threshold));
	printf("threshold %llu\n", threshold);
	DO(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES, &value));
	printf("reuse by events %d\n", value);
	SAY(cuMemPoolTrimTo(pool, 0));
	SAY(cuMemPoolDestroy(pool));
	SAY(cuMemPoolGetAttribute(pool, 99, &threshold));
}

static void own_pool(CUstream s)
{
	CUmemPoolProps props = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
				 .location = { .type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0 } };
	unsigned long long used = 99;
	CUmemoryPool pool, of = NULL;
	CUdeviceptr p, q;

	DO(cuMemPoolCreate(&pool, &props));
	DO(cuMemAllocFromPoolAsync(&p, N * 4, pool, s));
	DO(cuMemAllocFromPoolAsync(&q, 4, pool, s));
	DO(cuMemsetD32Async(p, 42, N, s));
	DO(cuStreamSynchronize(s));
	say_words("own pool", p, N);
	DO(cuPointerGetAttribute(&of, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, p));
	printf("pool of the pointer: %s\n", of == pool ? "right" : "WRONG");
	DO(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used));
	printf("used %s\n", used >= N * 4 ? "enough" : "TOO LITTLE");
	DO(cuMemFreeAsync(p, s));
	DO(cuMemFreeAsync(q, s));
	DO(cuStreamSynchronize(s));
	DO(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used));
	printf("used %llu\n", used);
	DO(cuDeviceSetMemPool(0, pool));
	DO(cuMemAllocAsync(&p, 1000, s));
	DO(cuPointerGetAttribute(&of, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, p));
	printf("pool of the pointer: %s\n", of == pool ? "right" : "WRONG");
	SAY(cuMemFree_v2(p));
	SAY(cuMemPoolDestroy(pool));
	SAY(cuMemAllocFromPoolAsync(&p, 16, pool, s));
	SAY(cuMemPoolCreate(&pool, NULL));
}

int main(void)
{
	CUfunction fill;
	CUstream s;

	program_begin();
	fill = program_kernel(program_load(), "fill");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	stream_ordered(s, fill);
	stream_ordered(NULL, fill);
	default_pool();
	own_pool(s);
	return 0;
}
