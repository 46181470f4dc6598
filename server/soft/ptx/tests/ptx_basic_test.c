/* SPDX-License-Identifier: Apache-2.0 */
/* What nvcc makes of ordinary kernels runs and comes out as in C. */
#include "support.h"

static void test_vector_add(void **state)
{
	struct gpu g;
	float *a, *b, *c;

	gpu_open(&g, "basic.ptx");
	a = gpu_memory(&g, 1000 * sizeof(*a));
	b = gpu_memory(&g, 1000 * sizeof(*b));
	c = gpu_memory(&g, 1000 * sizeof(*c));
	for (int i = 0; i < 1000; i++) {
		a[i] = (float)i * 0.5f;
		b[i] = (float)(1000 - i) * 3;
	}
	assert_int_equal(RUN(&g, "vector_add", 8, 128, P(a), P(b), P(c), 1000), 0);
	for (int i = 0; i < 1000; i++)
		assert_true(c[i] == a[i] + b[i]);
	gpu_close(&g);
}

static void test_matmul(void **state)
{
	enum { N = 48 };
	struct gpu g;
	float *a, *b, *c;

	gpu_open(&g, "basic.ptx");
	a = gpu_memory(&g, N * N * sizeof(*a));
	b = gpu_memory(&g, N * N * sizeof(*b));
	c = gpu_memory(&g, N * N * sizeof(*c));
	for (int i = 0; i < N * N; i++) {
		a[i] = (float)(i % 7 - 3);
		b[i] = (float)(i % 11 - 5);
	}
	assert_int_equal(RUN(&g, "matmul", N * N / 256, 256, P(a), P(b), P(c), N), 0);
	for (int i = 0; i < N * N; i++) {
		float sum = 0;

		for (int k = 0; k < N; k++)
			sum += a[i / N * N + k] * b[k * N + i % N];
		assert_true(c[i] == sum);
	}
	gpu_close(&g);
}

static void test_reduce(void **state)
{
	struct gpu g;
	int *in, *out, sum = 0;

	gpu_open(&g, "basic.ptx");
	g.threads = 4;
	in = gpu_memory(&g, 5000 * sizeof(*in));
	out = gpu_memory(&g, sizeof(*out));
	for (int i = 0; i < 5000; i++) {
		in[i] = i * 7 - 3000;
		sum += in[i];
	}
	assert_int_equal(RUN(&g, "reduce", 20, 256, P(in), P(out), 5000), 0);
	assert_int_equal(*out, sum);
	gpu_close(&g);
}

static void test_histogram(void **state)
{
	struct gpu g;
	unsigned char *in;
	unsigned *out, expected[256] = {0};
	uint64_t seed = 1;

	gpu_open(&g, "basic.ptx");
	g.threads = 3;
	in = gpu_memory(&g, 10000);
	out = gpu_memory(&g, 256 * sizeof(*out));
	for (int i = 0; i < 10000; i++)
		expected[in[i] = (unsigned char)(test_random(&seed) % 200)]++;
	assert_int_equal(RUN(&g, "histogram", 6, 160, P(in), P(out), 10000), 0);
	assert_memory_equal(out, expected, sizeof(expected));
	gpu_close(&g);
}

static void test_dynamic_shared(void **state)
{
	struct gpu g;
	int *out;

	gpu_open(&g, "basic.ptx");
	out = gpu_memory(&g, 100 * sizeof(*out));
	g.dynamic_shared = 100 * sizeof(int);
	assert_int_equal(RUN(&g, "dynamic_shared", 1, 33, P(out), 100), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(out[i], (99 - i) * (99 - i));
	g.dynamic_shared = 99 * sizeof(int);
	assert_int_not_equal(RUN(&g, "dynamic_shared", 1, 33, P(out), 100), 0);
	assert_int_equal(g.fault.kind, PTX_FAULT_ADDRESS);
	gpu_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector_add),
		cmocka_unit_test(test_matmul),
		cmocka_unit_test(test_reduce),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_dynamic_shared),
	};

	return cmocka_run_group_tests_name("ptx_basic", tests, NULL, NULL);
}
