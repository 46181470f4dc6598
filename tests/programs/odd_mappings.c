/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd and wrong arguments of calls about memory that is not simply allocated: reservations and
 * mappings, pools; and what pointers of each kind say of themselves.
 */
#include "program.h"

enum { STEP = 2 << 20, NOWHERE = 9, SIZE = 1 << 20 };

#define HUGE_SIZE ((size_t)1 << 50)

static const CUmemLocation device = {.type = CU_MEM_LOCATION_TYPE_DEVICE};

static CUmemAllocationProp device_memory(void)
{
	return (CUmemAllocationProp){.type = CU_MEM_ALLOCATION_TYPE_PINNED, .location = device};
}

static CUmemAccessDesc access_to(CUmemAccess_flags flags)
{
	return (CUmemAccessDesc){.location = device, .flags = flags};
}

static void creations(void)
{
	CUmemAllocationProp prop = device_memory();
	CUmemGenericAllocationHandle handle;
	size_t size = 0;

	SAY(cuMemCreate(&handle, STEP, NULL, 0));
	SAY(cuMemCreate(&handle, STEP, &prop, 1));
	SAY(cuMemCreate(&handle, HUGE_SIZE, &prop, 0));
	SAY(cuMemGetAllocationGranularity(&size, NULL, 0));
	SAY(cuMemGetAllocationGranularity(&size, &prop, (CUmemAllocationGranularity_flags)9));
	SAY(cuMemGetAllocationPropertiesFromHandle(&prop, 0));
	SAY(cuMemRelease(0));
	prop.type = (CUmemAllocationType)9;
	SAY(cuMemCreate(&handle, STEP, &prop, 0));
}

static void reservations(void)
{
	CUmemAccessDesc access = access_to(CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
	CUdeviceptr p = 0;

	SAY(cuMemAddressReserve(&p, STEP, 0, 0, 1));
	SAY(cuMemAddressReserve(NULL, STEP, 0, 0, 0));
	SAY(cuMemAddressFree(0, STEP));
	DO(cuMemAddressReserve(&p, 2 * STEP, 0, 0, 0));
	SAY(cuMemAddressFree(p, STEP));
	SAY(cuMemMap(p, STEP, 0, 0, 0));
	SAY(cuMemUnmap(p, STEP));
	SAY(cuMemSetAccess(p, STEP, &access, 1));
	DO(cuMemAddressFree(p, 2 * STEP));
}

static void mappings(void)
{
	CUmemAllocationProp prop = device_memory();
	CUmemGenericAllocationHandle handle;
	CUdeviceptr p;

	DO(cuMemAddressReserve(&p, 2 * STEP, 0, 0, 0));
	DO(cuMemCreate(&handle, STEP, &prop, 0));
	SAY(cuMemMap(p, STEP, 4096, handle, 0));
	SAY(cuMemMap(p, 2 * STEP, 0, handle, 0));
	DO(cuMemMap(p, STEP, 0, handle, 0));
	SAY(cuMemMap(p, STEP, 0, handle, 0));
	SAY(cuMemAddressFree(p, 2 * STEP));
	DO(cuMemUnmap(p, STEP));
	DO(cuMemRelease(handle));
	DO(cuMemAddressFree(p, 2 * STEP));
	SAY(cuCtxSynchronize());
}

/* What is simply allocated is no mapping. */
static void not_mapped(CUdeviceptr p, unsigned char *host)
{
	CUmemAccessDesc access = access_to(CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
	CUmemGenericAllocationHandle handle;

	SAY(cuMemSetAccess(p, STEP, &access, 1));
	SAY(cuMemRetainAllocationHandle(&handle, (void *)p));
	SAY(cuMemRetainAllocationHandle(&handle, host));
}

static void in_order(CUstream s)
{
	CUdeviceptr p = 0;

	SAY(cuMemAllocAsync(&p, 0, s));
	SAY(cuMemAllocAsync(NULL, 4, s));
	SAY(cuMemAllocAsync(&p, HUGE_SIZE, s));
	SAY(cuMemFreeAsync(5, s));
	SAY(cuMemAllocFromPoolAsync(&p, 4, NULL, s));
	SAY(cuCtxSynchronize());
}

static CUmemPoolProps device_pool(void)
{
	return (CUmemPoolProps){.allocType = CU_MEM_ALLOCATION_TYPE_PINNED, .location = device};
}

static void no_pools(void)
{
	CUmemPoolProps props = device_pool();
	CUmemoryPool pool;
	cuuint64_t value = 77;

	SAY(cuMemPoolCreate(NULL, &props));
	props.location.id = NOWHERE;
	SAY(cuMemPoolCreate(&pool, &props));
	props = device_pool();
	props.allocType = (CUmemAllocationType)9;
	SAY(cuMemPoolCreate(&pool, &props));
	SAY(cuMemPoolTrimTo(NULL, 0));
	SAY(cuMemPoolGetAttribute(NULL, CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES, &value));
	SAY(cuDeviceSetMemPool(0, NULL));
	SAY(cuDeviceGetMemPool(&pool, NOWHERE));
	SAY(cuDeviceGetGraphMemAttribute(0, (CUgraphMem_attribute)9, &value));
	SAY(cuDeviceGetGraphMemAttribute(0, CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, &value));
	printf("used by graphs %llu\n", (unsigned long long)value);
}

static cuuint64_t told(CUmemoryPool pool, CUmemPool_attribute attribute)
{
	cuuint64_t value = 0;

	DO(cuMemPoolGetAttribute(pool, attribute, &value));
	return value;
}

static void pools(void)
{
	CUmemAccess_flags flags = (CUmemAccess_flags)77;
	CUmemAccessDesc none = access_to(CU_MEM_ACCESS_FLAGS_PROT_NONE);
	CUmemPoolProps props = device_pool();
	CUmemLocation location = device;
	cuuint64_t value = 5;
	CUmemoryPool pool;
	int reuse = 77;

	DO(cuMemPoolCreate(&pool, &props));
	SAY(cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES, &reuse));
	printf("reuse %d\n", reuse);
	printf("threshold %d\n", (int)told(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD));
	printf("reserved %d\n", (int)told(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT));
	printf("used %d\n", (int)told(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT));
	SAY(cuMemPoolGetAttribute(pool, (CUmemPool_attribute)77, &value));
	SAY(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &value));
	value = 0;
	SAY(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &value));
	SAY(cuMemPoolGetAccess(&flags, pool, &location));
	printf("access %d\n", (int)flags);
	SAY(cuMemPoolSetAccess(pool, &none, 1));
	DO(cuMemPoolDestroy(pool));
	SAY(cuCtxSynchronize());
}

/* The value where there is one; what it may not touch stays 0. */
static void ask(const char *what, CUpointer_attribute attribute, CUdeviceptr p)
{
	unsigned long long value = 0;
	CUresult r = cuPointerGetAttribute(&value, attribute, p);

	printf("%s: %s", what, result_name(r));
	if (r == CUDA_SUCCESS)
		printf(", %llu", value);
	putchar('\n');
}

#define ASK(attribute)                                                                             \
	do {                                                                                       \
		puts(#attribute);                                                                  \
		ask("device memory", attribute, p + 8);                                            \
		ask("pinned memory", attribute, pinned + 8);                                       \
		ask("other memory of the host", attribute, (CUdeviceptr)(size_t)other);            \
		ask("a variable of a module", attribute, variable);                                \
	} while (0)

static void pointers(CUdeviceptr p, CUdeviceptr pinned, CUdeviceptr variable)
{
	static unsigned char other[64];

	ASK(CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
	ASK(CU_POINTER_ATTRIBUTE_SYNC_MEMOPS);
	ASK(CU_POINTER_ATTRIBUTE_IS_MANAGED);
	ASK(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL);
	ASK(CU_POINTER_ATTRIBUTE_MAPPED);
	ASK(CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES);
	ASK(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS);
	ASK((CUpointer_attribute)99);
	ask("size of device memory", CU_POINTER_ATTRIBUTE_RANGE_SIZE, p + 8);
	ask("size of pinned memory", CU_POINTER_ATTRIBUTE_RANGE_SIZE, pinned + 8);
}

static void set_pointers(CUdeviceptr p)
{
	unsigned on = 1;

	SAY(cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p));
	SAY(cuPointerSetAttribute(NULL, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	SAY(cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, 5));
	SAY(cuPointerGetAttributes(0, NULL, NULL, p));
}

int main(void)
{
	unsigned char host[64];
	CUdeviceptr p, variable;
	void *pinned;
	CUstream s;

	program_begin();
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemAlloc_v2(&p, SIZE));
	DO(cuMemHostAlloc(&pinned, SIZE, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuModuleGetGlobal_v2(&variable, NULL, program_load(), "counter"));
	creations();
	reservations();
	mappings();
	not_mapped(p, host);
	in_order(s);
	no_pools();
	pools();
	pointers(p, (CUdeviceptr)(size_t)pinned, variable);
	set_pointers(p);
	DO(cuMemFreeHost(pinned));
	DO(cuMemFree_v2(p));
	return 0;
}
