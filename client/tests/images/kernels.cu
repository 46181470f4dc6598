// SPDX-License-Identifier: Apache-2.0
/*
 * The source of the images beside it, which are committed so that tests need no
 * toolkit. Made with nvcc 13.0:
 *
 *   nvcc -cubin -arch=sm_90 kernels.cu -o kernels.sm90.cubin
 *   nvcc -ptx -arch=sm_75 kernels.cu -o kernels.ptx
 *   nvcc -fatbin -gencode arch=compute_75,code=[sm_75,compute_75] \
 *        -gencode arch=compute_90,code=sm_90 -Xfatbin -compress-all \
 *        kernels.cu -o kernels.zstd.fatbin
 *   the same with --compress-mode=speed -o kernels.lz4.fatbin
 */
struct four { char c[4000]; };
struct large { char c[24000]; };
struct pair { short a; double b; };

extern "C" __global__ void none()
{
}

extern "C" __global__ void mixed(char a, float *p, short b, double d, int e)
{
	*p = a + b + d + e;
}

extern "C" __global__ void structs(four s, int n, pair q, float *p)
{
	*p = s.c[n] + q.a + q.b;
}

extern "C" __global__ void wide(large s, int n, float *p)
{
	*p = s.c[n];
}

__device__ __noinline__ int square(int x)
{
	return x * x + threadIdx.x;
}

extern "C" __global__ void device_call(int *p, int n)
{
	p[n] = square(n);
}

template <class T> __global__ void templated(T *p, T v)
{
	*p = v;
}

template __global__ void templated<int>(int *, int);
template __global__ void templated<double>(double *, double);
