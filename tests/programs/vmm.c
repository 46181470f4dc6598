/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual memory management: reserve, create, map, give access, use, unmap, and what must not work.
 */
#include "program.h"

static const CUmemAllocationProp device_memory = {
	.type = CU_MEM_ALLOCATION_TYPE_PINNED,
	.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0 },
};

static const CUmemAccessDesc read_write = {
	.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0 },
	.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE,
};

/* A range that grows: what is mapped first keeps its address and contents. */
static void growing(size_t step, CUfunction fill)
{
	CUmemGenericAllocationHandle handle[3];
	unsigned n = step / 4, value = 10;
	CUdeviceptr base = 0;
	void *parameters[] = { &base, &n, &value };

	DO(cuMemAddressReserve(&base, 16 * step, 0, 0, 0));
	printf("aligned: %s\n", base % step == 0 ? "yes" : "NO");
	for (int i = 0; i < 3; i++) {
		CUdeviceptr at = base + i * step;

		DO(cuMemCreate(&handle[i], step, &device_memory, 0));
		DO(cuMemMap(at, step, 0, handle[i], 0));
		DO(cuMemSetAccess(at, step, &read_write, 1));
		DO(cuMemsetD32_v2(at, i, n));
		DO(cuMemRelease(handle[i]));
	}
	DO(launch_over(fill, n, NULL, parameters));
	say_words("three pieces", base, 3 * n);
	DO(cuCtxSynchronize());
	SAY(cuMemUnmap(base + step, step));
	say_words("first", base, n);
	say_words("third", base + 2 * step, n);
	SAY(cuMemcpyHtoD_v2(base + step, &n, 4));
	SAY(cuMemUnmap(base, step));
	SAY(cuMemUnmap(base + 2 * step, step));
	SAY(cuMemAddressFree(base, 16 * step));
	SAY(cuMemAddressFree(base, 16 * step));
}

/* One piece of memory at two addresses. */
static void twice(size_t step)
{
	CUmemGenericAllocationHandle handle, again;
	CUdeviceptr a = 0, b = 0;
	CUmemAllocationProp prop;
	unsigned long long flags = 0;

	DO(cuMemCreate(&handle, step, &device_memory, 0));
	DO(cuMemAddressReserve(&a, step, 0, 0, 0));
	DO(cuMemAddressReserve(&b, step, 0, 0, 0));
	DO(cuMemMap(a, step, 0, handle, 0));
	DO(cuMemMap(b, step, 0, handle, 0));
	DO(cuMemSetAccess(a, step, &read_write, 1));
	DO(cuMemSetAccess(b, step, &read_write, 1));
	DO(cuMemsetD32_v2(a, 123, step / 4));
	DO(cuCtxSynchronize());
	say_words("the other address", b, step / 4);
	DO(cuMemGetAccess(&flags, &read_write.location, a));
	printf("access %llu\n", flags);
	DO(cuMemRetainAllocationHandle(&again, (void *)b));
	printf("handle of the other address: %s\n", again == handle ? "same" : "another");
	DO(cuMemGetAllocationPropertiesFromHandle(&prop, handle));
	printf("type %d on device %d\n", (int)prop.type, prop.location.id);
	DO(cuMemRelease(again));
	DO(cuMemRelease(handle));
	DO(cuMemUnmap(a, step));
	DO(cuMemUnmap(b, step));
	DO(cuMemAddressFree(a, step));
	DO(cuMemAddressFree(b, step));
	SAY(cuMemRelease(handle));
}

static void wrong(size_t step, int wild)
{
	CUmemGenericAllocationHandle handle;
	CUmemAllocationProp prop = device_memory;
	CUdeviceptr a = 0;

	SAY(cuMemCreate(&handle, step + 1, &device_memory, 0));
	SAY(cuMemCreate(&handle, 0, &device_memory, 0));
	prop.location.id = 1000;
	SAY(cuMemCreate(&handle, step, &prop, 0));
	SAY(cuMemCreate(&handle, step, NULL, 0));
	SAY(cuMemAddressReserve(&a, step + 1, 0, 0, 0));
	SAY(cuMemAddressReserve(&a, 0, 0, 0, 0));
	SAY(cuMemAddressReserve(&a, step, 3, 0, 0));
	SAY(cuMemAddressReserve(&a, step, step + 1, 0, 0));
	DO(cuMemAddressReserve(&a, step, 0, 0, 0));
	DO(cuMemCreate(&handle, 2 * step, &device_memory, 0));
	if (wild)
		SAY(cuMemMap(a, step, 0, 12345, 0));
	SAY(cuMemSetAccess(a, step, &read_write, 1));
	SAY(cuMemRelease(handle));
	SAY(cuMemAddressFree(a, step));
}

int main(int argc, char **argv)
{
	size_t step = 0, recommended = 0;

	program_begin();
	DO(cuMemGetAllocationGranularity(&step, &device_memory, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
	DO(cuMemGetAllocationGranularity(&recommended, &device_memory,
					 CU_MEM_ALLOC_GRANULARITY_RECOMMENDED));
	printf("granularity %zu, recommended %zu\n", step, recommended);
	growing(step, program_kernel(program_load(), "fill"));
	twice(step);
	wrong(step, program_wild(argc, argv));
	return 0;
}
