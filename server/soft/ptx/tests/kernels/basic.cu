/* SPDX-License-Identifier: Apache-2.0 */
/* Vector addition, tiled matrix product, reduction, histogram, saxpy in steps. */
#define TILE 16

extern "C" __global__ void vector_add(const float *a, const float *b, float *c, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		c[i] = a[i] + b[i];
}

extern "C" __global__ void matmul(const float *a, const float *b, float *c, int n)
{
	__shared__ float as[TILE][TILE], bs[TILE][TILE];
	int tx = threadIdx.x % TILE, ty = threadIdx.x / TILE, tiles = n / TILE;
	int row = blockIdx.x / tiles * TILE + ty, column = blockIdx.x % tiles * TILE + tx;
	float sum = 0;

	for (int t = 0; t < tiles; t++) {
		as[ty][tx] = a[row * n + t * TILE + tx];
		bs[ty][tx] = b[(t * TILE + ty) * n + column];
		__syncthreads();
		for (int k = 0; k < TILE; k++)
			sum += as[ty][k] * bs[k][tx];
		__syncthreads();
	}
	c[row * n + column] = sum;
}

extern "C" __global__ void reduce(const int *in, int *out, int n)
{
	__shared__ int sums[32];
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	int v = i < n ? in[i] : 0;

	for (int d = 16; d > 0; d /= 2)
		v += __shfl_down_sync(~0u, v, d);
	if (threadIdx.x % 32 == 0)
		sums[threadIdx.x / 32] = v;
	__syncthreads();
	if (threadIdx.x < 32) {
		v = threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0;
		for (int d = 16; d > 0; d /= 2)
			v += __shfl_xor_sync(~0u, v, d);
		if (!threadIdx.x)
			atomicAdd(out, v);
	}
}

extern "C" __global__ void histogram(const unsigned char *in, unsigned *out, int n)
{
	__shared__ unsigned bins[256];

	for (int i = threadIdx.x; i < 256; i += blockDim.x)
		bins[i] = 0;
	__syncthreads();
	for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
		atomicAdd(&bins[in[i]], 1u);
	__syncthreads();
	for (int i = threadIdx.x; i < 256; i += blockDim.x)
		atomicAdd(&out[i], bins[i]);
}

extern "C" __global__ void dynamic_shared(int *out, int n)
{
	extern __shared__ int values[];

	for (int i = threadIdx.x; i < n; i += blockDim.x)
		values[i] = i * i;
	__syncthreads();
	for (int i = threadIdx.x; i < n; i += blockDim.x)
		out[i] = values[n - 1 - i];
}

extern "C" __global__ void spin(unsigned *p, int n)
{
	unsigned x = threadIdx.x;

	for (int i = 0; i < n; i++)
		x = x * 1664525u + 1013904223u;
	p[blockIdx.x * blockDim.x + threadIdx.x] = x;
}
