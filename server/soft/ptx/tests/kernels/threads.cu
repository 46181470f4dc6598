/* SPDX-License-Identifier: Apache-2.0 */
/* Threads together: collectives, divergence, locks, atomics, barriers. */
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cuda_fp16.h>

namespace cg = cooperative_groups;

extern "C" __global__ void shuffles(const int *in, int *out)
{
	int t = threadIdx.x, v = in[t];

	out[t] = __shfl_sync(~0u, v, t * 3, 8);
	out[t + 64] = __shfl_up_sync(~0u, v, 3, 16);
	out[t + 128] = __shfl_down_sync(~0u, v, 5);
	out[t + 192] = __shfl_xor_sync(~0u, v, 9, 32);
	if (t & 1)
		out[t + 256] = __shfl_sync(0xaaaaaaaa, v, 3);
	else
		out[t + 256] = __shfl_sync(0x55555555, v, 8);
}

extern "C" __global__ void votes(const int *in, unsigned *out)
{
	int t = threadIdx.x, v = in[t];

	out[t] = __ballot_sync(~0u, v & 1);
	out[t + 64] = __any_sync(~0u, v > 90) + 2 * __all_sync(~0u, v >= 0);
	out[t + 128] = __match_any_sync(~0u, v % 4);
	int p;
	out[t + 192] = __match_all_sync(~0u, v / 1000, &p) + p;
	if (v & 2)
		out[t + 256] = __activemask();
	else
		out[t + 256] = ~__activemask();
	out[t + 320] = __syncthreads_count(v & 1) + (__syncthreads_and(v >= 0) ? 1000 : 0) +
		       (__syncthreads_or(v > 98) ? 10000 : 0);
}

/* Every lane takes the lock: hangs unless lanes make progress by themselves. */
extern "C" __global__ void lock(int *mutex, int *sum)
{
	bool done = false;

	while (!done) {
		if (atomicCAS(mutex, 0, 1) == 0) {
			*(volatile int *)sum += threadIdx.x;
			__threadfence();
			atomicExch(mutex, 0);
			done = true;
		}
	}
}

extern "C" __global__ void spin_lock(int *mutex, int *sum)
{
	while (atomicCAS(mutex, 0, 1) != 0)
		;
	*(volatile int *)sum += 1;
	__threadfence();
	atomicExch(mutex, 0);
}

extern "C" __global__ void diverge(int *out)
{
	int t = threadIdx.x, n = 0;

	for (int i = 0; i < t % 7; i++) {
		if ((i + t) % 3 == 0)
			continue;
		for (int k = 0; k < i; k++) {
			if (k * t % 5 == 4)
				break;
			n += k ^ t;
		}
		n *= 3;
	}
	out[t] = n;
}

extern "C" __global__ void atomics(int *i, unsigned *u, unsigned long long *l, float *f, double *d,
				   __half2 *h, unsigned short *s)
{
	int t = blockIdx.x * blockDim.x + threadIdx.x;

	atomicAdd(&i[0], t);
	atomicSub(&i[1], t);
	atomicMin(&i[2], 50 - t);
	atomicMax(&i[3], t - 50);
	atomicInc(&u[0], 99);
	atomicDec(&u[1], 30);
	atomicAnd(&u[2], ~(1u << (t % 32)));
	atomicOr(&u[3], 1u << (t % 32));
	atomicXor(&u[4], t * 77u);
	atomicAdd(&l[0], 1ull << 33);
	atomicMax(&l[1], (unsigned long long)t << 40);
	atomicMin((long long *)&l[2], -(long long)t);
	atomicAdd(&f[0], 0.5f);
	atomicAdd(&d[0], 0.25);
	atomicAdd(&h[0], __floats2half2_rn(1, 2));
	unsigned short old, now = *s;
	do {
		old = now;
		now = atomicCAS(s, old, (unsigned short)(old + 3));
	} while (now != old);
	i[4 + t] = atomicExch(&u[5], t) < 0x10000;
}

extern "C" __global__ void named_barriers(int *out)
{
	__shared__ int ready;

	if (threadIdx.x < 32) {
		ready = 42;
		__threadfence_block();
		asm volatile("bar.arrive 1, 64;" ::: "memory");
	} else if (threadIdx.x < 64) {
		asm volatile("bar.sync 1, 64;" ::: "memory");
		out[threadIdx.x] = ready;
	}
}

extern "C" __global__ void early_exit(int *out)
{
	if (threadIdx.x % 3 == 0)
		return;
	__syncthreads();
	out[threadIdx.x] = __popc(__ballot_sync(__activemask(), 1));
}

extern "C" __global__ void groups(const int *in, int *out)
{
	auto block = cg::this_thread_block();
	auto tile = cg::tiled_partition<8>(block);
	int t = threadIdx.x, v = in[t];

	out[t] = cg::reduce(tile, v, cg::plus<int>());
	out[t + 64] = tile.meta_group_rank() * 100 + tile.thread_rank();
	if (v & 1) {
		auto some = cg::coalesced_threads();

		out[t + 128] = some.size() * 100 + some.thread_rank();
		out[t + 192] = some.shfl(v, 0);
	}
	block.sync();
}

extern "C" __global__ void grid_sync(int *data, int *out)
{
	auto grid = cg::this_grid();
	int t = blockIdx.x * blockDim.x + threadIdx.x, n = gridDim.x * blockDim.x;

	data[t] = t * 3;
	grid.sync();
	int v = data[n - 1 - t];
	grid.sync();
	data[t] = v;
	grid.sync();
	out[t] = data[(t + blockDim.x) % n];
}

extern "C" __global__ void endless(int *p)
{
	while (*(volatile int *)p == 0)
		;
}

extern "C" __global__ void stuck(int *p)
{
	if (threadIdx.x == 0)
		asm volatile("bar.sync 1, 64;");
	p[0] = 1;
}
