/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel of matrix_multiply.c: C = A * B for square row-major matrices, by
 * tiles in shared memory. n must be a multiple of TILE.
 * matrix_multiply.ptx.h is made from this file by embed_ptx.sh.
 */
#define TILE 16

extern "C" __global__ void matrix_multiply(const float *a, const float *b, float *c, int n)
{
	__shared__ float as[TILE][TILE], bs[TILE][TILE];
	int x = threadIdx.x, y = threadIdx.y;
	int row = blockIdx.y * TILE + y, column = blockIdx.x * TILE + x;
	float sum = 0;

	for (int t = 0; t < n; t += TILE) {
		as[y][x] = a[row * n + t + x];
		bs[y][x] = b[(t + y) * n + column];
		__syncthreads();
		for (int k = 0; k < TILE; k++)
			sum += as[y][k] * bs[k][x];
		__syncthreads();
	}
	c[row * n + column] = sum;
}
