/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiplies two matrices on the GPU by tiles in shared memory and compares the
 * product with one computed on the CPU. Exit status 1 if a call fails or an
 * element is wrong. The kernel is matrix_multiply.cu, compiled to PTX and
 * embedded by embed_ptx.sh.
 */
#include <math.h>
#include "check.h"
#include "matrix_multiply.ptx.h"

enum {
	N = 128,
	TILE = 16, /* as in the kernel */
	BYTES = N * N * sizeof(float),
};

static float a[N * N], b[N * N], c[N * N];

static void multiply_on_gpu(void)
{
	CUmodule module;
	CUfunction function;
	CUdeviceptr da, db, dc;
	int n = N;
	void *parameters[] = {&da, &db, &dc, &n};

	CHECK(cuModuleLoadData(&module, matrix_multiply_ptx));
	CHECK(cuModuleGetFunction(&function, module, "matrix_multiply"));
	CHECK(cuMemAlloc(&da, BYTES));
	CHECK(cuMemAlloc(&db, BYTES));
	CHECK(cuMemAlloc(&dc, BYTES));
	CHECK(cuMemcpyHtoD(da, a, BYTES));
	CHECK(cuMemcpyHtoD(db, b, BYTES));
	CHECK(cuLaunchKernel(
		function, N / TILE, N / TILE, 1, TILE, TILE, 1, 0, NULL, parameters, NULL));
	CHECK(cuMemcpyDtoH(c, dc, BYTES));
	CHECK(cuMemFree(da));
	CHECK(cuMemFree(db));
	CHECK(cuMemFree(dc));
	CHECK(cuModuleUnload(module));
}

/* Largest difference from the product computed in double precision. */
static double largest_error(void)
{
	double worst = 0;

	for (int i = 0; i < N * N; i++) {
		double sum = 0;

		for (int k = 0; k < N; k++)
			sum += (double)a[i / N * N + k] * b[k * N + i % N];
		worst = fmax(worst, fabs(c[i] - sum));
	}
	return worst;
}

int main(void)
{
	char name[256];
	CUdevice device;
	CUcontext context;
	double error;

	for (int i = 0; i < N * N; i++) {
		a[i] = (float)(i * 7 % 13) / 13;
		b[i] = (float)(i * 5 % 11) / 11;
	}
	CHECK(cuInit(0));
	CHECK(cuDeviceGet(&device, 0));
	CHECK(cuDeviceGetName(name, sizeof(name), device));
	CHECK(cuDevicePrimaryCtxRetain(&context, device));
	CHECK(cuCtxSetCurrent(context));
	multiply_on_gpu();
	CHECK(cuDevicePrimaryCtxRelease(device));

	error = largest_error();
	if (!(error < 1e-4)) {
		printf("wrong: an element differs by %g from the CPU's\n", error);
		return 1;
	}
	printf("matrix multiply (%d x %d) on %s: largest difference from the CPU %.1e\n", N, N,
		name, error);
	return 0;
}
