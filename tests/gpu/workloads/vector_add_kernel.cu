/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel of vector_add_drv.c, compiled to a fat binary that the program loads from its file. */
extern "C" __global__ void vector_add(const float *a, const float *b, float *c, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		c[i] = a[i] + b[i];
}
