// SPDX-License-Identifier: Apache-2.0
// What kernels do among themselves: printf, shuffles, votes, shared memory, atomics, integer and
// float arithmetic.
#include <cstdint>
#include "runtime.h"

enum { N = 30000, BLOCK = 256, BINS = 16 };

__global__ void speak(int n)
{
	if (threadIdx.x < n)
		printf("thread %d of block %d says %s %5.2f %#llx\n", threadIdx.x, blockIdx.x,
			threadIdx.x & 1 ? "odd" : "even", threadIdx.x / 4.0,
			0x123456789abull + threadIdx.x);
}

__global__ void reduce(const int *p, int n, int *out)
{
	__shared__ int partial[BLOCK / 32];
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	int v = i < n ? p[i] : 0;

	for (int offset = 16; offset; offset /= 2)
		v += __shfl_down_sync(0xffffffff, v, offset);
	if (threadIdx.x % 32 == 0)
		partial[threadIdx.x / 32] = v;
	__syncthreads();
	if (threadIdx.x < 32) {
		v = threadIdx.x < BLOCK / 32 ? partial[threadIdx.x] : 0;
		for (int offset = 4; offset; offset /= 2)
			v += __shfl_xor_sync(0xffffffff, v, offset);
		if (threadIdx.x == 0)
			atomicAdd(out, v);
	}
}

__global__ void histogram(const int *p, int n, unsigned *bins)
{
	__shared__ unsigned local[BINS];
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (threadIdx.x < BINS)
		local[threadIdx.x] = 0;
	__syncthreads();
	if (i < n)
		atomicAdd(&local[p[i] % BINS], 1u);
	__syncthreads();
	if (threadIdx.x < BINS)
		atomicAdd(&bins[threadIdx.x], local[threadIdx.x]);
}

__global__ void atomics(unsigned *w, unsigned long long *d, float *f)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x, old = w[6], want;

	atomicMax(&w[0], i);
	atomicMin(&w[1], i);
	atomicOr(&w[2], 1u << i % 32);
	atomicXor(&w[3], i);
	atomicInc(&w[4], 99);
	atomicSub(&w[5], 1);
	do {
		want = old;
		old = atomicCAS(&w[6], want, want + 2);
	} while (old != want);
	atomicAdd(d, (unsigned long long)i);
	atomicAdd(f, 0.5f);
}

__global__ void votes(unsigned *out)
{
	unsigned lane = threadIdx.x;

	out[lane] = __ballot_sync(0xffffffff, lane % 3 == 0) ^
		    (unsigned)__any_sync(0xffffffff, lane == 5) ^
		    (unsigned)__all_sync(0xffffffff, lane < 32) << 1 ^ __popc(lane) << 8 ^
		    __clz(lane) << 16 ^ __brev(lane);
}

__global__ void arithmetic(const float *x, double *out)
{
	int i = threadIdx.x;
	float v = x[i];

	out[4 * i] = fmaf(v, v, 1.0f);
	out[4 * i + 1] = sqrt((double)v) / 3;
	out[4 * i + 2] = (double)(int64_t)(v * 1000) / 7 + floorf(-v) + __float2int_rn(v);
	out[4 * i + 3] =
		i ? (i * 1234567) / i % 97 + ((unsigned)i << 5 >> 3) + __umulhi(i << 20, 1 << 20)
		  : v;
}

static void output(void)
{
	speak<<<1, 32>>>(4);
	DO(cudaGetLastError());
	DO(cudaDeviceSynchronize());
	speak<<<1, 1>>>(1);
	DO(cudaGetLastError());
	DO(cudaDeviceSynchronize());
}

static void reductions(void)
{
	static int host[N];
	unsigned bins[BINS] = { 0 }, *db;
	int *p, *out, sum = 0;

	for (int i = 0; i < N; i++)
		host[i] = i * 7 % 1000;
	DO(cudaMalloc(&p, sizeof(host)));
	DO(cudaMalloc(&out, 4));
	DO(cudaMalloc(&db, sizeof(bins)));
	DO(cudaMemcpy(p, host, sizeof(host), cudaMemcpyHostToDevice));
	DO(cudaMemset(out, 0, 4));
	DO(cudaMemset(db, 0, sizeof(bins)));
	reduce<<<(N + BLOCK - 1) / BLOCK, BLOCK>>>(p, N, out);
	histogram<<<(N + BLOCK - 1) / BLOCK, BLOCK>>>(p, N, db);
	DO(cudaMemcpy(&sum, out, 4, cudaMemcpyDeviceToHost));
	DO(cudaMemcpy(bins, db, sizeof(bins), cudaMemcpyDeviceToHost));
	printf("sum %d, bins", sum);
	for (int i = 0; i < BINS; i++)
		printf(" %u", bins[i]);
	printf("\n");
}

static void atomic_results(void)
{
	unsigned w[7] = { 0, 1u << 31, 0, 0, 0, 10000, 0 }, *dw;
	unsigned long long d = 0, *dd;
	float f = 0, *df;

	DO(cudaMalloc(&dw, sizeof(w)));
	DO(cudaMalloc(&dd, sizeof(d)));
	DO(cudaMalloc(&df, sizeof(f)));
	DO(cudaMemcpy(dw, w, sizeof(w), cudaMemcpyHostToDevice));
	DO(cudaMemset(dd, 0, sizeof(d)));
	DO(cudaMemset(df, 0, sizeof(f)));
	atomics<<<20, 100>>>(dw, dd, df);
	DO(cudaMemcpy(w, dw, sizeof(w), cudaMemcpyDeviceToHost));
	DO(cudaMemcpy(&d, dd, sizeof(d), cudaMemcpyDeviceToHost));
	DO(cudaMemcpy(&f, df, sizeof(f), cudaMemcpyDeviceToHost));
	printf("atomics");
	for (int i = 0; i < 7; i++)
		printf(" %u", w[i]);
	printf(" %llu %g\n", d, f);
}

static void lanes(void)
{
	unsigned out[32], *dout;
	float x[32], *dx;
	double y[128], *dy;

	for (int i = 0; i < 32; i++)
		x[i] = i * 0.75f;
	DO(cudaMalloc(&dout, sizeof(out)));
	DO(cudaMalloc(&dx, sizeof(x)));
	DO(cudaMalloc(&dy, sizeof(y)));
	DO(cudaMemcpy(dx, x, sizeof(x), cudaMemcpyHostToDevice));
	votes<<<1, 32>>>(dout);
	arithmetic<<<1, 32>>>(dx, dy);
	DO(cudaMemcpy(out, dout, sizeof(out), cudaMemcpyDeviceToHost));
	DO(cudaMemcpy(y, dy, sizeof(y), cudaMemcpyDeviceToHost));
	for (int i = 0; i < 32; i++)
		printf("lane %d: %08x %.9g %.17g %.17g %.17g\n", i, out[i], y[4 * i], y[4 * i + 1],
			y[4 * i + 2], y[4 * i + 3]);
}

int main(void)
{
	output();
	reductions();
	atomic_results();
	lanes();
	return 0;
}
