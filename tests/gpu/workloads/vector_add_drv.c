/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector add with the toolkit's own header, a context made by cuCtxCreate, a
 * module loaded from a fat binary's file (the argument) and the `extra` form of
 * a launch: the ways of older programs of the driver API.
 */
#include <cuda.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	COUNT = 50000,
	BYTES = COUNT * sizeof(float),
};

static void check(CUresult r, const char *what)
{
	const char *name = NULL;

	if (r == CUDA_SUCCESS)
		return;
	cuGetErrorName(r, &name);
	fprintf(stderr, "%s: %s\n", what, name ? name : "unknown");
	exit(1);
}

#define CHECK(call) check((call), #call)

struct parameters {
	CUdeviceptr a, b, c;
	int n;
};

static CUcontext create_context(CUdevice device)
{
	CUcontext context;

#if CUDA_VERSION >= 13000
	CHECK(cuCtxCreate(&context, NULL, 0, device));
#else
	CHECK(cuCtxCreate(&context, 0, device));
#endif
	return context;
}

static void add(const char *image, const float *a, const float *b, float *c)
{
	struct parameters p = {.n = COUNT};
	/* Without the padding: a longer buffer than the kernel's parameters is an error. */
	size_t size = offsetof(struct parameters, n) + sizeof(p.n);
	void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &p, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
		CU_LAUNCH_PARAM_END};
	CUmodule module;
	CUfunction function;

	CHECK(cuModuleLoad(&module, image));
	CHECK(cuModuleGetFunction(&function, module, "vector_add"));
	CHECK(cuMemAlloc(&p.a, BYTES));
	CHECK(cuMemAlloc(&p.b, BYTES));
	CHECK(cuMemAlloc(&p.c, BYTES));
	CHECK(cuMemcpyHtoD(p.a, a, BYTES));
	CHECK(cuMemcpyHtoD(p.b, b, BYTES));
	CHECK(cuLaunchKernel(function, (COUNT + 255) / 256, 1, 1, 256, 1, 1, 0, NULL, NULL, extra));
	CHECK(cuCtxSynchronize());
	CHECK(cuMemcpyDtoH(c, p.c, BYTES));
	CHECK(cuMemFree(p.a));
	CHECK(cuMemFree(p.b));
	CHECK(cuMemFree(p.c));
}

int main(int argc, char **argv)
{
	static float a[COUNT], b[COUNT], c[COUNT];
	CUdevice device;
	CUcontext context;
	double sum = 0;

	if (argc != 2)
		return 2;
	for (int i = 0; i < COUNT; i++) {
		a[i] = (float)(i % 1000);
		b[i] = (float)(i % 77) / 7;
	}
	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	context = create_context(device);
	add(argv[1], a, b, c);
	CHECK(cuCtxDestroy(context));
	for (int i = 0; i < COUNT; i++) {
		if (c[i] != a[i] + b[i]) {
			printf("c[%d] is %g, not %g\n", i, c[i], a[i] + b[i]);
			return 1;
		}
		sum += c[i];
	}
	printf("check sum %.6f\n", sum);
	return 0;
}
