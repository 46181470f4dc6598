/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program under a memory limit of LIMIT bytes (the argument) is told and
 * may have. Prints what is wrong and ends with 1, or "ok".
 */
#include "../../examples/check.h"

static int failures;

static void expect(int ok, const char *what)
{
	if (ok)
		return;
	printf("wrong: %s\n", what);
	failures++;
}

/* Allocates until it is refused; how much that was. Frees all of it. */
static size_t fill(size_t piece)
{
	CUdeviceptr pieces[256];
	size_t count = 0;
	CUresult r = CUDA_SUCCESS;

	while (count < 256 && !(r = cuMemAlloc(&pieces[count], piece)))
		count++;
	expect(count < 256 && r == CUDA_ERROR_OUT_OF_MEMORY, "a full limit answers out of memory");
	for (size_t i = 0; i < count; i++)
		CHECK(cuMemFree(pieces[i]));
	return count * piece;
}

int main(int argc, char **argv)
{
	size_t limit = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, available, total, told, first;
	CUdevice device;
	CUcontext context;
	CUdeviceptr p;

	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	CHECK(cuDevicePrimaryCtxRetain(&context, device));
	CHECK(cuCtxSetCurrent(context));
	CHECK(cuDeviceTotalMem(&told, device));
	CHECK(cuMemGetInfo(&available, &total));
	expect(told == limit, "cuDeviceTotalMem is the limit");
	expect(total == limit, "cuMemGetInfo's total is the limit");
	expect(available > 0 && available <= limit,
		"cuMemGetInfo's free memory is within the limit");
	expect(cuMemAlloc(&p, limit + 1) == CUDA_ERROR_OUT_OF_MEMORY,
		"more than the limit is refused");
	first = fill(4 << 20);
	expect(first <= limit && first >= limit / 2, "pieces fit up to about the limit");
	expect(fill(4 << 20) == first, "what was freed can be had again");
	CHECK(cuMemAlloc(&p, 1 << 20));
	CHECK(cuMemGetInfo(&told, &total));
	expect(told < available, "an allocation is seen in the free memory");
	CHECK(cuMemFree(p));
	if (!failures)
		printf("ok\n");
	return failures != 0;
}
