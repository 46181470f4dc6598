/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One computation each with cuBLAS, cuFFT, cuRAND and cuSOLVER, with a sum of
 * what came out and how long it took. The argument names one; none: all.
 */
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include <cublas_v2.h>
#include <cufft.h>
#include <curand.h>
#include <cusolverDn.h>

template <class Status> static void check(Status s, const char *what)
{
	if (s == 0)
		return;
	fprintf(stderr, "%s: status %d\n", what, (int)s);
	exit(1);
}

#define CHECK(call) check((call), #call)

template <class T> static T *to_device(const std::vector<T> &v)
{
	T *p;

	CHECK(cudaMalloc(&p, v.size() * sizeof(T)));
	CHECK(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
	return p;
}

template <class T> static double sum_and_free(T *p, size_t n)
{
	std::vector<T> v(n);
	double sum = 0;

	CHECK(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
	CHECK(cudaFree(p));
	for (T x : v)
		sum += x;
	return sum;
}

static std::vector<float> numbers(size_t n)
{
	std::vector<float> v(n);
	unsigned x = 12345;

	for (float &f : v) {
		x = x * 1664525 + 1013904223;
		f = (x >> 8) / 16777216.0f;
	}
	return v;
}

static double blas()
{
	const int n = 512;
	const float one = 1, zero = 0;
	float *a = to_device(numbers(n * n)), *c = to_device(std::vector<float>(n * n));
	cublasHandle_t h;

	CHECK(cublasCreate(&h));
	for (int i = 0; i < 10; i++)
		CHECK(cublasSgemm(h, CUBLAS_OP_N, CUBLAS_OP_T, n, n, n, &one, a, n, a, n, &zero, c, n));
	CHECK(cublasDestroy(h));
	CHECK(cudaFree(a));
	return sum_and_free(c, n * n);
}

static double fft()
{
	const int n = 1 << 16;
	std::vector<float> v = numbers(2 * n);
	float *data = to_device(v);
	cufftHandle plan;

	CHECK(cufftPlan1d(&plan, n, CUFFT_C2C, 1));
	CHECK(cufftExecC2C(plan, (cufftComplex *)data, (cufftComplex *)data, CUFFT_FORWARD));
	CHECK(cufftDestroy(plan));
	return sum_and_free(data, 2 * n);
}

static double rand_numbers()
{
	const int n = 1 << 16;
	float *data = to_device(std::vector<float>(n));
	curandGenerator_t g;

	CHECK(curandCreateGenerator(&g, CURAND_RNG_PSEUDO_PHILOX4_32_10));
	CHECK(curandSetPseudoRandomGeneratorSeed(g, 42));
	CHECK(curandGenerateNormal(g, data, n, 0, 1));
	CHECK(curandDestroyGenerator(g));
	return sum_and_free(data, n);
}

/* Solves a diagonally dominant system by LU; the sum of the solution. */
static double solver()
{
	const int n = 256;
	std::vector<float> m = numbers(n * n);
	int size, *pivots, *info, failed;
	float *a, *x, *work;
	cusolverDnHandle_t h;

	for (int i = 0; i < n; i++)
		m[i * n + i] += n;
	a = to_device(m);
	x = to_device(numbers(n));
	CHECK(cusolverDnCreate(&h));
	CHECK(cusolverDnSgetrf_bufferSize(h, n, n, a, n, &size));
	CHECK(cudaMalloc(&work, size * sizeof(float)));
	CHECK(cudaMalloc(&pivots, n * sizeof(int)));
	CHECK(cudaMalloc(&info, sizeof(int)));
	CHECK(cusolverDnSgetrf(h, n, n, a, n, work, pivots, info));
	CHECK(cusolverDnSgetrs(h, CUBLAS_OP_N, n, 1, a, n, pivots, x, n, info));
	CHECK(cudaMemcpy(&failed, info, sizeof(failed), cudaMemcpyDeviceToHost));
	CHECK(failed);
	CHECK(cusolverDnDestroy(h));
	CHECK(cudaFree(a));
	CHECK(cudaFree(work));
	CHECK(cudaFree(pivots));
	CHECK(cudaFree(info));
	return sum_and_free(x, n);
}

int main(int argc, char **argv)
{
	const struct {
		const char *name;
		double (*run)();
	} all[] = {{"cublas", blas}, {"cufft", fft}, {"curand", rand_numbers}, {"cusolver", solver}};

	CHECK(cudaFree(0));
	for (auto &l : all) {
		if (argc > 1 && strcmp(argv[1], l.name))
			continue;
		auto start = std::chrono::steady_clock::now();
		double sum = l.run();
		std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - start;

		printf("figure %s %.3f ms\ncheck %s %.9g\n", l.name, ms.count(), l.name, sum);
	}
	return 0;
}
