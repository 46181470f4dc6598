/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver says about pointers: kinds, ranges, owners. */
#include "program.h"

static void ask(const char *what, CUdeviceptr p)
{
	CUmemorytype type = 0;
	unsigned managed = 99;
	CUdeviceptr start = 0;
	size_t size = 0;
	int ordinal = 99;
	unsigned long long id = 0;
	CUpointer_attribute list[] = { CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
				       CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
				       CU_POINTER_ATTRIBUTE_RANGE_SIZE,
				       CU_POINTER_ATTRIBUTE_IS_MANAGED,
				       CU_POINTER_ATTRIBUTE_RANGE_START_ADDR };
	void *value[] = { &type, &ordinal, &size, &managed, &start };

	printf("%s\n", what);
	SAY(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p));
	SAY(cuPointerGetAttribute(&id, CU_POINTER_ATTRIBUTE_BUFFER_ID, p));
	printf("type %d, buffer id %s\n", (int)type, id ? "given" : "none");
	SAY(cuPointerGetAttributes(5, list, value, p));
	printf("type %d ordinal %d size %zu managed %u offset %lld\n", (int)type, ordinal, size,
		managed, start ? (long long)(p - start) : -1LL);
}

static void ranges(void)
{
	CUdeviceptr p, base = 0;
	size_t size = 0;

	DO(cuMemAlloc_v2(&p, 100000));
	DO(cuMemGetAddressRange_v2(&base, &size, p + 5000));
	printf("range: offset %llu size %zu\n", p + 5000 - base, size);
	DO(cuMemGetAddressRange_v2(NULL, &size, p));
	DO(cuMemGetAddressRange_v2(&base, NULL, p + 99999));
	SAY(cuMemGetAddressRange_v2(&base, &size, 4096));
	DO(cuMemFree_v2(p));
	SAY(cuMemGetAddressRange_v2(&base, &size, p));
}

/* Of one allocation, wherever in it one asks. */
static void set_and_told(void)
{
	CUdeviceptr p = device_words(100), other = device_words(100);
	unsigned on = 1, told = 99;

	SAY(cuPointerGetAttribute(&told, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	printf("synchronous: %u\n", told);
	SAY(cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	DO(cuPointerGetAttribute(&told, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p + 100));
	printf("synchronous when set: %u\n", told);
	DO(cuPointerGetAttribute(&told, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, other));
	printf("and the other: %u\n", told);
	DO(cuMemFree_v2(p));
	DO(cuMemFree_v2(other));
}

/* What is mapped has at least what was asked for. */
static void ask_mapping(const char *what, CUdeviceptr p)
{
	CUdeviceptr base = ~0ull;
	size_t size = 0;

	printf("mapping of %s\n", what);
	SAY(cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_MAPPING_SIZE, p));
	if (!SAY(cuPointerGetAttribute(&base, CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR, p)))
		printf("holds it: %s\n", base <= p && p - base < size ? "yes" : "NO");
}

static void mappings(CUdeviceptr device, CUdeviceptr host)
{
	CUdeviceptr variable;
	int local;

	DO(cuModuleGetGlobal_v2(&variable, NULL, program_load(), "counter"));
	ask_mapping("device memory", device + 69999);
	ask_mapping("pinned host memory", host + 69999);
	ask_mapping("a variable of a module", variable);
	ask_mapping("a variable", (CUdeviceptr)(size_t)&local);
}

int main(void)
{
	CUcontext context, owner = NULL;
	CUdeviceptr device;
	void *host;
	int local;

	context = program_begin();
	DO(cuMemAlloc_v2(&device, 70000));
	DO(cuMemHostAlloc(&host, 70000, 0));
	ask("device memory", device);
	ask("inside device memory", device + 69999);
	ask("pinned host memory", (CUdeviceptr)(size_t)host);
	ask("a variable", (CUdeviceptr)(size_t)&local);
	ask("nothing", 8);
	DO(cuPointerGetAttribute(&owner, CU_POINTER_ATTRIBUTE_CONTEXT, device));
	printf("context %s\n", owner == context ? "right" : "WRONG");
	SAY(cuPointerGetAttribute(&local, 999, device));
	SAY(cuPointerGetAttribute(NULL, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, device));
	ranges();
	mappings(device, (CUdeviceptr)(size_t)host);
	DO(cuMemFree_v2(device));
	ask("freed device memory", device);
	set_and_told();
	return 0;
}
