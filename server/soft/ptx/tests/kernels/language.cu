/* SPDX-License-Identifier: Apache-2.0 */
/* What C++ needs of the machine: calls, recursion, tables, memory, printing. */
#include <alloca.h>
#include <cassert>
#include <cstdio>

typedef int (*binary)(int, int);

struct pair {
	double first;
	int second[5];
};

struct shape {
	__device__ virtual int area(int n) const = 0;
	__device__ virtual ~shape() {}
};

struct square : shape {
	__device__ int area(int n) const override { return n * n; }
};

struct strip : shape {
	int width;
	__device__ strip(int w) : width(w) {}
	__device__ int area(int n) const override { return n * width; }
};

__device__ int counter;
__device__ int numbers[4] = {10, 20, 30, 40};
__device__ int *third = &numbers[2];
__constant__ float coefficients[4] = {0.5f, 1.5f, 2.5f, 3.5f};
__device__ const char *const words[3] = {"zero", "one", "two"};

__device__ __noinline__ int add(int a, int b) { return a + b; }
__device__ __noinline__ int subtract(int a, int b) { return a - b; }
__device__ __noinline__ int multiply(int a, int b) { return a * b; }
__device__ binary operations[3] = {add, subtract, multiply};

__device__ __noinline__ int fibonacci(int n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__device__ __noinline__ unsigned ackermann(unsigned m, unsigned n)
{
	if (!m)
		return n + 1;
	return n ? ackermann(m - 1, ackermann(m, n - 1)) : ackermann(m - 1, 1);
}

__device__ __noinline__ pair rotate(pair p, int n)
{
	pair r;

	r.first = p.first * n;
	for (int i = 0; i < 5; i++)
		r.second[i] = p.second[(i + n) % 5];
	return r;
}

extern "C" __global__ void recursion(int *out)
{
	out[threadIdx.x] = fibonacci(threadIdx.x % 12) + (int)ackermann(2, threadIdx.x % 5);
}

extern "C" __global__ void pointers(int *out, int a, int b)
{
	out[threadIdx.x] = operations[threadIdx.x % 3](a, b) + *third;
}

extern "C" __global__ void structures(double *first, int *second)
{
	pair p = {1.5 + threadIdx.x, {1, 2, 3, 4, (int)threadIdx.x}};

	p = rotate(p, threadIdx.x);
	first[threadIdx.x] = p.first;
	for (int i = 0; i < 5; i++)
		second[threadIdx.x * 5 + i] = p.second[i];
}

extern "C" __global__ void virtuals(int *out, int n)
{
	shape *s = threadIdx.x & 1 ? (shape *)new square : (shape *)new strip(threadIdx.x);

	out[threadIdx.x] = s->area(n);
	delete s;
}

extern "C" __global__ void local_array(int *out, int n)
{
	int a[32];

	for (int i = 0; i < 32; i++)
		a[i] = i * (int)threadIdx.x;
	for (int i = 0; i < n; i++)
		a[(i * 7 + threadIdx.x) % 32] += a[i % 32];
	int sum = 0;
	for (int i = 0; i < 32; i++)
		sum += a[i] ^ i;
	out[threadIdx.x] = sum;
}

extern "C" __global__ void table(int *out)
{
	int v = 0;

	switch (threadIdx.x) {
	case 0: v = 11; break;
	case 1: v = out[40] * 3; break;
	case 2: v = out[41] / 7; /* fall through */
	case 3: v += 5; break;
	case 4: v = out[42] % 13; break;
	case 5: v = __popc(out[43]); break;
	case 6: v = -out[44]; break;
	case 7: v = out[45] << 3; break;
	case 8: v = out[46] ^ out[47]; break;
	case 9: v = ~out[40]; break;
	default: v = -1;
	}
	out[threadIdx.x] = v;
}

extern "C" __global__ void wide(const unsigned long long *a, const unsigned long long *b,
				unsigned long long *out)
{
	unsigned __int128 x = ((unsigned __int128)a[threadIdx.x] << 64) | b[threadIdx.x];
	unsigned __int128 y = ((unsigned __int128)b[threadIdx.x] << 64) | a[threadIdx.x];
	unsigned __int128 r = x * y + (x >> 17) - (y << 5);

	r ^= x / (y | 1);
	r += x % (b[threadIdx.x] | 3);
	out[2 * threadIdx.x] = (unsigned long long)r;
	out[2 * threadIdx.x + 1] = (unsigned long long)(r >> 64);
}

extern "C" __global__ void print(int n)
{
	printf("[%d %5u|%-6x|%o %c %s %%] %.3f %e %g\n", -n, n, n, n, 'a' + n, words[threadIdx.x % 3],
	       n * 1.25, 1e10, 0.1);
	printf("%lld %llu %s %5.2f %p\n", -1234567890123ll, 1ull << 63, "literal",
	       coefficients[threadIdx.x & 3], (void *)0x1234);
}

extern "C" __global__ void heap(int *out, int n)
{
	int *p = (int *)malloc(n * sizeof(int));

	if (!p) {
		out[threadIdx.x] = -1;
		return;
	}
	for (int i = 0; i < n; i++)
		p[i] = i + threadIdx.x;
	int sum = 0;
	for (int i = 0; i < n; i++)
		sum += p[i];
	out[threadIdx.x] = sum;
	free(p);
}

extern "C" __global__ void stack(int *out, int n)
{
	int *p = (int *)alloca((n + threadIdx.x) * sizeof(int));

	for (int i = 0; i < n + (int)threadIdx.x; i++)
		p[i] = i;
	out[threadIdx.x] = add(p[n / 2], p[n + threadIdx.x - 1]);
}

extern "C" __global__ void asserts(int n)
{
	assert(n != (int)threadIdx.x);
	counter = n;
}

extern "C" __global__ void wild(int *p, long long offset)
{
	if (threadIdx.x == 3)
		p[offset] = 1;
}

extern "C" __global__ void by_value(int *out, const __grid_constant__ int n, int i)
{
	const int *p = &n;

	out[0] = p[0] + i;
}

extern "C" __global__ void generic(int *out, int which)
{
	__shared__ int s[4];
	int l[4];

	for (int i = 0; i < 4; i++) {
		s[i] = 100 + i;
		l[i] = 200 + i + which;
	}
	__syncthreads();
	int *p = which == 0 ? s : which == 1 ? l : out;
	p[1] += 5;
	out[2] = p[1];
	out[3] = __isShared(p) * 4 + __isLocal(p) * 2 + __isGlobal(p);
}
