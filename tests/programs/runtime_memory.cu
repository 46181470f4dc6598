// SPDX-License-Identifier: Apache-2.0
// The runtime API on one stream: sums, a matrix product, symbols, constant memory, memsets,
// attributes.
#include "runtime.h"

enum { N = 50000, SIDE = 96, TILE = 16 };

__constant__ float weight[4];
__device__ int total;

__global__ void vector_add(const float *a, const float *b, float *c, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		c[i] = a[i] + b[i];
}

__global__ void matrix_multiply(const float *a, const float *b, float *c)
{
	__shared__ float sa[TILE][TILE], sb[TILE][TILE];
	int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
	float sum = 0;

	for (int t = 0; t < SIDE; t += TILE) {
		sa[threadIdx.y][threadIdx.x] = a[row * SIDE + t + threadIdx.x];
		sb[threadIdx.y][threadIdx.x] = b[(t + threadIdx.y) * SIDE + column];
		__syncthreads();
		for (int k = 0; k < TILE; k++)
			sum += sa[threadIdx.y][k] * sb[k][threadIdx.x];
		__syncthreads();
	}
	c[row * SIDE + column] = sum;
}

__global__ void weigh(float *p, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n) {
		p[i] *= weight[i % 4];
		atomicAdd(&total, 1);
	}
}

static float *device_floats(const float *from, size_t n)
{
	float *p;

	DO(cudaMalloc(&p, n * sizeof(float)));
	DO(cudaMemcpy(p, from, n * sizeof(float), cudaMemcpyHostToDevice));
	return p;
}

static void sums(void)
{
	static float a[N], b[N], c[N];
	float *da, *db, *dc;
	int wrong = 0;

	for (int i = 0; i < N; i++) {
		a[i] = i * 0.25f;
		b[i] = N - i;
	}
	da = device_floats(a, N);
	db = device_floats(b, N);
	dc = device_floats(c, N);
	vector_add<<<(N + 255) / 256, 256>>>(da, db, dc, N);
	DO(cudaGetLastError());
	DO(cudaMemcpy(c, dc, sizeof(c), cudaMemcpyDeviceToHost));
	for (int i = 0; i < N; i++)
		wrong += c[i] != a[i] + b[i];
	printf("sums: %d wrong\n", wrong);
	DO(cudaFree(da));
	DO(cudaFree(db));
	DO(cudaFree(dc));
}

static void product(void)
{
	static float a[SIDE * SIDE], b[SIDE * SIDE], c[SIDE * SIDE];
	float *da, *db, *dc;
	int wrong = 0;

	for (int i = 0; i < SIDE * SIDE; i++) {
		a[i] = i % 7;
		b[i] = i % 5;
	}
	da = device_floats(a, SIDE * SIDE);
	db = device_floats(b, SIDE * SIDE);
	dc = device_floats(c, SIDE * SIDE);
	matrix_multiply<<<dim3(SIDE / TILE, SIDE / TILE), dim3(TILE, TILE)>>>(da, db, dc);
	DO(cudaMemcpy(c, dc, sizeof(c), cudaMemcpyDeviceToHost));
	for (int i = 0; i < SIDE; i++) {
		for (int j = 0; j < SIDE; j++) {
			float sum = 0;

			for (int k = 0; k < SIDE; k++)
				sum += a[i * SIDE + k] * b[k * SIDE + j];
			wrong += c[i * SIDE + j] != sum;
		}
	}
	printf("product: %d wrong\n", wrong);
	DO(cudaFree(da));
	DO(cudaFree(db));
	DO(cudaFree(dc));
}

static void symbols(void)
{
	static float host[N];
	float factor[4] = { 1, 2, 3, 4 }, *p;
	int count = 5;
	void *address;
	size_t size;

	for (int i = 0; i < N; i++)
		host[i] = 1;
	p = device_floats(host, N);
	DO(cudaMemcpyToSymbol(weight, factor, sizeof(factor)));
	DO(cudaMemcpyToSymbol(total, &count, sizeof(count)));
	weigh<<<(N + 127) / 128, 128>>>(p, N);
	DO(cudaMemcpyFromSymbol(&count, total, sizeof(count)));
	DO(cudaMemcpy(host, p, sizeof(host), cudaMemcpyDefault));
	DO(cudaGetSymbolSize(&size, weight));
	DO(cudaGetSymbolAddress(&address, total));
	printf("symbols: total %d, weight has %zu bytes, %g %g %g %g\n", count, size, host[0],
		host[1], host[2], host[N - 1]);
	DO(cudaFree(p));
}

static void errors(void)
{
	cudaFuncAttributes attributes;
	void *p;

	SAY(cudaMalloc(&p, (size_t)1 << 50));
	SAY(cudaGetLastError());
	SAY(cudaGetLastError());
	SAY(cudaFree((void *)0x1234));
	SAY(cudaMemcpy(NULL, NULL, 5, cudaMemcpyHostToDevice));
	SAY(cudaSetDevice(1000));
	weigh<<<1, 2048>>>(NULL, 0);
	SAY(cudaGetLastError());
	weigh<<<0, 1>>>(NULL, 0);
	SAY(cudaPeekAtLastError());
	SAY(cudaGetLastError());
	DO(cudaFuncGetAttributes(&attributes, matrix_multiply));
	printf("static shared memory %zu\n", attributes.sharedSizeBytes);
	SAY(cudaDeviceSynchronize());
}

/* A second life of the device in the same process. */
static void reset(void)
{
	SAY(cudaDeviceReset());
	sums();
	symbols();
}

int main(void)
{
	sums();
	product();
	symbols();
	errors();
	reset();
	return 0;
}
