// SPDX-License-Identifier: Apache-2.0
// Kernels of the driver-API programs; their PTX is in kernels.ptx.h (examples/embed_ptx.sh made
// it).
#include <stdint.h>

__device__ unsigned counter[4] = { 1, 2, 3, 4 };
__constant__ unsigned factor = 3;

extern "C" __global__ void fill(unsigned *p, unsigned n, unsigned value)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] = value + i;
}

extern "C" __global__ void add(unsigned *p, unsigned n, unsigned value)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] += value;
}

// What it changes is behind an address that memory of the device holds.
extern "C" __global__ void add_behind(unsigned **p, unsigned n, unsigned value)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		(*p)[i] += value;
}

// Takes a while before it multiplies, so that work which does not wait for it comes first.
extern "C" __global__ void slow_multiply(unsigned *p, unsigned n, unsigned value, unsigned loops)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
	volatile unsigned spin = 0;

	for (unsigned k = 0; k < loops; k++)
		spin = spin + k;
	if (i < n)
		p[i] = p[i] * value;
}

extern "C" __global__ void mixed(char a, unsigned long long *out, short b, double d, int e)
{
	out[0] = (long long)a;
	out[1] = (long long)b;
	out[2] = (unsigned long long)(d * 1000);
	out[3] = (long long)e;
}

struct block {
	unsigned value[32];
};

extern "C" __global__ void by_value(struct block s, unsigned *out)
{
	out[threadIdx.x] = s.value[threadIdx.x] * 2;
}

extern "C" __global__ void reverse(unsigned *p)
{
	extern __shared__ unsigned room[];

	room[threadIdx.x] = p[threadIdx.x];
	__syncthreads();
	p[threadIdx.x] = room[blockDim.x - 1 - threadIdx.x];
}

// Where each thread is: one number per thread in launch order.
extern "C" __global__ void where(unsigned *out)
{
	unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
	unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;

	out[block * blockDim.x * blockDim.y * blockDim.z + thread] =
		blockIdx.z << 28 | blockIdx.y << 24 | blockIdx.x << 16 |
		threadIdx.z << 12 | threadIdx.y << 8 | threadIdx.x;
}

extern "C" __global__ void use_variables(unsigned *out)
{
	out[threadIdx.x] = counter[threadIdx.x] * factor;
	counter[threadIdx.x] += 10;
}

extern "C" __global__ void count(unsigned *p)
{
	atomicAdd(p, 1);
}

extern "C" __global__ void store(unsigned long long address)
{
	*(unsigned *)address = 1;
}
