/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c = a + b on the GPU through the driver API: the kernel is PTX inside the
 * program, so that neither building nor running it needs the CUDA toolkit.
 * Checked on the CPU: exit status 1 if a call fails or a sum is wrong.
 */
#include "check.h"
#include "vector_add.ptx.h"

enum {
	COUNT = 100000,
	BLOCK = 256,
};

static float a[COUNT], b[COUNT], c[COUNT];

static CUdeviceptr device_copy(const void *from, size_t bytes)
{
	CUdeviceptr p;

	CHECK(cuMemAlloc(&p, bytes));
	CHECK(cuMemcpyHtoD(p, from, bytes));
	return p;
}

static void add_on_gpu(void)
{
	CUmodule module;
	CUfunction function;
	CUdeviceptr da = device_copy(a, sizeof(a)), db = device_copy(b, sizeof(b)), dc;
	int n = COUNT;
	void *parameters[] = {&da, &db, &dc, &n};

	CHECK(cuMemAlloc(&dc, sizeof(c)));
	CHECK(cuModuleLoadData(&module, vector_add_ptx));
	CHECK(cuModuleGetFunction(&function, module, "vector_add"));
	CHECK(cuLaunchKernel(function, (COUNT + BLOCK - 1) / BLOCK, 1, 1, BLOCK, 1, 1, 0, NULL,
		parameters, NULL));
	CHECK(cuMemcpyDtoH(c, dc, sizeof(c)));
	CHECK(cuMemFree(da));
	CHECK(cuMemFree(db));
	CHECK(cuMemFree(dc));
	CHECK(cuModuleUnload(module));
}

int main(void)
{
	char name[256];
	CUdevice device;
	CUcontext context;

	for (int i = 0; i < COUNT; i++) {
		a[i] = (float)i * 0.5f;
		b[i] = (float)(COUNT - i);
	}
	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	CHECK(cuDeviceGetName(name, sizeof(name), device));
	CHECK(cuDevicePrimaryCtxRetain(&context, device));
	CHECK(cuCtxSetCurrent(context));
	add_on_gpu();
	CHECK(cuDevicePrimaryCtxRelease(device));

	for (int i = 0; i < COUNT; i++) {
		if (c[i] != a[i] + b[i]) {
			printf("wrong: c[%d] is %g, not %g\n", i, c[i], a[i] + b[i]);
			return 1;
		}
	}
	printf("vector add (driver API) on %s: %d sums, all equal to the CPU's\n", name, COUNT);
	return 0;
}
