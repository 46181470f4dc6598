/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c = a + b on the GPU, written against the CUDA runtime and compiled by nvcc.
 * Checked on the CPU: exit status 1 if a call fails or a sum is wrong.
 * vector_add.c is the same program against the driver API; the PTX that it
 * embeds (vector_add.ptx.h) is made from this file by embed_ptx.sh.
 */
#include <cstdio>
#include <cstdlib>
#include <vector>

extern "C" __global__ void vector_add(const float *a, const float *b, float *c, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		c[i] = a[i] + b[i];
}

static void check(cudaError_t e, const char *what)
{
	if (e == cudaSuccess)
		return;
	fprintf(stderr, "%s: %s: %s\n", what, cudaGetErrorName(e), cudaGetErrorString(e));
	exit(1);
}

int main()
{
	const int n = 100000;
	const size_t bytes = n * sizeof(float);
	std::vector<float> a(n), b(n), c(n);
	float *da, *db, *dc;
	cudaDeviceProp prop;

	for (int i = 0; i < n; i++) {
		a[i] = i * 0.5f;
		b[i] = n - i;
	}
	check(cudaGetDeviceProperties(&prop, 0), "cudaGetDeviceProperties");
	check(cudaMalloc(&da, bytes), "cudaMalloc");
	check(cudaMalloc(&db, bytes), "cudaMalloc");
	check(cudaMalloc(&dc, bytes), "cudaMalloc");
	check(cudaMemcpy(da, a.data(), bytes, cudaMemcpyHostToDevice), "copy a to the device");
	check(cudaMemcpy(db, b.data(), bytes, cudaMemcpyHostToDevice), "copy b to the device");
	vector_add<<<(n + 255) / 256, 256>>>(da, db, dc, n);
	check(cudaGetLastError(), "launch");
	check(cudaMemcpy(c.data(), dc, bytes, cudaMemcpyDeviceToHost), "copy the result back");
	check(cudaFree(da), "cudaFree");
	check(cudaFree(db), "cudaFree");
	check(cudaFree(dc), "cudaFree");

	for (int i = 0; i < n; i++) {
		if (c[i] != a[i] + b[i]) {
			printf("wrong: c[%d] is %g, not %g\n", i, c[i], a[i] + b[i]);
			return 1;
		}
	}
	printf("vector add (runtime API) on %s: %d sums, all equal to the CPU's\n", prop.name, n);
	return 0;
}
