/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that is always in the middle of something: allocates, copies, launches,
 * records and frees, checks each result and prints one line per step. With a
 * number, it makes that many steps, prints "waiting", and ends after a line on
 * stdin; without one it goes on until it is killed or a call fails (exit 1).
 */
#include <string.h>
#include "../../examples/check.h"
#include "../../examples/vector_add.ptx.h"

enum {
	COUNT = 100000,
	BYTES = COUNT * sizeof(float),
};

static float *host, *back;

static void step(CUfunction add, CUstream stream, int number)
{
	CUdeviceptr a, sum;
	CUevent event;
	int n = COUNT;
	void *parameters[] = {&a, &a, &sum, &n};

	for (int i = 0; i < COUNT; i++)
		host[i] = (float)((i + number) % 1000);
	CHECK(cuMemAlloc(&a, BYTES));
	CHECK(cuMemAlloc(&sum, BYTES));
	CHECK(cuMemcpyHtoD(a, host, BYTES));
	CHECK(cuEventCreate(&event, 0));
	CHECK(cuLaunchKernel(add, COUNT / 250, 1, 1, 250, 1, 1, 0, NULL, parameters, NULL));
	CHECK(cuEventRecord(event, stream));
	CHECK(cuMemcpyDtoH(back, sum, BYTES));
	CHECK(cuEventDestroy(event));
	CHECK(cuMemFree(a));
	CHECK(cuMemFree(sum));
	for (int i = 0; i < COUNT; i++) {
		if (back[i] != 2 * host[i]) {
			fprintf(stderr, "wrong sum at %d\n", i);
			exit(3);
		}
	}
}

int main(int argc, char **argv)
{
	int steps = argc > 1 ? atoi(argv[1]) : -1;
	CUdevice device;
	CUcontext context;
	CUmodule module;
	CUfunction add;
	CUstream stream;
	void *pinned;

	setvbuf(stdout, NULL, _IOLBF, 0);
	back = calloc(1, BYTES);
	if (!back)
		return 1;
	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	CHECK(cuDevicePrimaryCtxRetain(&context, device));
	CHECK(cuCtxSetCurrent(context));
	CHECK(cuMemAllocHost_v2(&pinned, BYTES));
	host = pinned;
	CHECK(cuModuleLoadData(&module, vector_add_ptx));
	CHECK(cuModuleGetFunction(&add, module, "vector_add"));
	CHECK(cuStreamCreate(&stream, 0));
	for (int i = 0; i != steps; i++) {
		step(add, stream, i);
		printf("step %d\n", i);
	}
	printf("waiting\n");
	while (getchar() != '\n' && !feof(stdin))
		;
	free(back);
	return 0;
}
