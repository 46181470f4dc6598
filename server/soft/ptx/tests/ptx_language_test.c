/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels/language.cu does, computed once more here. */
#include "support.h"

static int fibonacci(int n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static unsigned ackermann(unsigned m, unsigned n)
{
	if (!m)
		return n + 1;
	return n ? ackermann(m - 1, ackermann(m, n - 1)) : ackermann(m - 1, 1);
}

static int open_language(void **state)
{
	struct gpu *g = calloc(1, sizeof(*g));

	gpu_open(g, "language.ptx");
	*state = g;
	return 0;
}

static int close_language(void **state)
{
	gpu_close(*state);
	free(*state);
	return 0;
}

static void test_recursion(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 64 * sizeof(*out));

	assert_int_equal(RUN(g, "recursion", 1, 64, P(out)), 0);
	for (int t = 0; t < 64; t++)
		assert_int_equal(out[t], fibonacci(t % 12) + (int)ackermann(2, (unsigned)t % 5));
}

static void test_pointers(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 40 * sizeof(*out));

	assert_int_equal(RUN(g, "pointers", 1, 40, P(out), 17, 5), 0);
	for (int t = 0; t < 40; t++)
		assert_int_equal(out[t], (t % 3 == 0 ? 22 : t % 3 == 1 ? 12 : 85) + 30);
}

static void test_bad_pointer(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 40 * sizeof(*out));
	uint64_t *operations = gpu_variable(g, "operations"), kept = operations[1];

	operations[1] = P(out);
	assert_int_equal(RUN(g, "pointers", 1, 40, P(out), 17, 5), -EFAULT);
	assert_int_equal(g->fault.kind, PTX_FAULT_INSTRUCTION);
	assert_int_equal(g->fault.thread[0] % 3, 1);
	operations[1] = kept;
}

static void test_structures(void **state)
{
	struct gpu *g = *state;
	double *first = gpu_memory(g, 33 * sizeof(*first));
	int *second = gpu_memory(g, 33 * 5 * sizeof(*second));

	assert_int_equal(RUN(g, "structures", 1, 33, P(first), P(second)), 0);
	for (int t = 0; t < 33; t++) {
		int values[5] = {1, 2, 3, 4, t};

		assert_true(first[t] == (1.5 + t) * t);
		for (int i = 0; i < 5; i++)
			assert_int_equal(second[t * 5 + i], values[(i + t) % 5]);
	}
}

static void test_virtuals(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 40 * sizeof(*out));

	assert_int_equal(RUN(g, "virtuals", 1, 40, P(out), 9), 0);
	for (int t = 0; t < 40; t++)
		assert_int_equal(out[t], t & 1 ? 81 : 9 * t);
}

static void test_local_array(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 100 * sizeof(*out));

	assert_int_equal(RUN(g, "local_array", 1, 100, P(out), 50), 0);
	for (int t = 0; t < 100; t++) {
		unsigned a[32], sum = 0;

		for (unsigned i = 0; i < 32; i++)
			a[i] = i * (unsigned)t;
		for (int i = 0; i < 50; i++)
			a[(i * 7 + t) % 32] += a[i % 32];
		for (unsigned i = 0; i < 32; i++)
			sum += a[i] ^ i;
		assert_int_equal((unsigned)out[t], sum);
	}
}

static void test_table(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 64 * sizeof(*out));

	for (int i = 0; i < 64; i++)
		out[i] = i * 1000 + 77;
	assert_int_equal(RUN(g, "table", 1, 32, P(out)), 0);
	assert_int_equal(out[0], 11);
	assert_int_equal(out[1], 40077 * 3);
	assert_int_equal(out[2], 41077 / 7 + 5);
	assert_int_equal(out[3], 5);
	assert_int_equal(out[4], 42077 % 13);
	assert_int_equal(out[5], __builtin_popcount(43077));
	assert_int_equal(out[6], -44077);
	assert_int_equal(out[7], 45077 << 3);
	assert_int_equal(out[8], 46077 ^ 47077);
	assert_int_equal(out[9], ~40077);
	assert_int_equal(out[10], -1);
}

static void test_wide(void **state)
{
	enum { N = 64 };
	struct gpu *g = *state;
	uint64_t *a = gpu_memory(g, N * 8), *b = gpu_memory(g, N * 8), *out = gpu_memory(g, N * 16);
	uint64_t seed = 7;

	for (int i = 0; i < N; i++) {
		a[i] = test_random(&seed) << (i % 5 * 8);
		b[i] = test_random(&seed) >> (i % 7 * 6);
	}
	assert_int_equal(RUN(g, "wide", 1, N, P(a), P(b), P(out)), 0);
	for (int i = 0; i < N; i++) {
		unsigned __int128 x = ((unsigned __int128)a[i] << 64) | b[i];
		unsigned __int128 y = ((unsigned __int128)b[i] << 64) | a[i];
		unsigned __int128 r = x * y + (x >> 17) - (y << 5);

		r ^= x / (y | 1);
		r += x % (b[i] | 3);
		assert_true(out[2 * i] == (uint64_t)r && out[2 * i + 1] == (uint64_t)(r >> 64));
	}
}

static void test_print(void **state)
{
	struct gpu *g = *state;

	assert_int_equal(RUN(g, "print", 1, 1, 13), 0);
	assert_string_equal(g->printed,
		"[-13    13|d     |15 n zero %] 16.250 1.000000e+10 0.1\n"
		"-1234567890123 9223372036854775808 literal  0.50 0x1234\n");
}

static void test_heap(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 32 * sizeof(*out));

	assert_int_equal(RUN(g, "heap", 1, 32, P(out), 20), 0);
	for (int t = 0; t < 32; t++)
		assert_int_equal(out[t], 190 + 20 * t);
	assert_int_equal(RUN(g, "heap", 1, 32, P(out), 1 << 24), 0);
	assert_int_equal(out[5], -1);
}

static void test_stack(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 64 * sizeof(*out));

	assert_int_equal(RUN(g, "stack", 1, 64, P(out), 1000), 0);
	for (int t = 0; t < 64; t++)
		assert_int_equal(out[t], 500 + 1000 + t - 1);
}

static void test_asserts(void **state)
{
	struct gpu *g = *state;

	assert_int_equal(RUN(g, "asserts", 1, 32, 50), 0);
	assert_int_equal(*(int *)gpu_variable(g, "counter"), 50);
	assert_int_equal(RUN(g, "asserts", 1, 32, 5), -EFAULT);
	assert_int_equal(g->fault.kind, PTX_FAULT_ASSERT);
	assert_int_equal(g->fault.thread[0], 5);
	assert_non_null(strstr(g->printed, "block: [0,0,0], thread: [5,0,0] Assertion "));
	assert_string_equal(g->fault.kernel, "asserts");
}

static void test_wild(void **state)
{
	struct gpu *g = *state;
	int *p = gpu_memory(g, 64);

	assert_int_equal(RUN(g, "wild", 1, 32, P(p), 15), 0);
	assert_int_equal(RUN(g, "wild", 1, 32, P(p), 16), -EFAULT);
	assert_int_equal(g->fault.kind, PTX_FAULT_ADDRESS);
	assert_true(g->fault.address == P(p + 16));
	assert_int_equal(g->fault.thread[0], 3);
	assert_int_not_equal(g->fault.line, 0);
	assert_int_equal(RUN(g, "wild", 1, 32, P(p) + 1, 2), -EFAULT);
	assert_int_equal(g->fault.kind, PTX_FAULT_MISALIGNED);
	assert_int_equal(RUN(g, "wild", 1, 32, 0, 0), -EFAULT);
	assert_int_equal(RUN(g, "wild", 1, 32, P(p), 1ull << 60), -EFAULT);
	assert_int_equal(RUN(g, "wild", 1, 32, P(gpu_variable(g, "coefficients")), 0), -EFAULT);
}

static void test_generic(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 4 * sizeof(*out));

	assert_int_equal(RUN(g, "generic", 1, 1, P(out), 0), 0);
	assert_int_equal(out[2], 106);
	assert_int_equal(out[3], 4);
	assert_int_equal(RUN(g, "generic", 1, 1, P(out), 1), 0);
	assert_int_equal(out[2], 207);
	assert_int_equal(out[3], 2);
	assert_int_equal(RUN(g, "generic", 1, 1, P(out), 2), 0);
	assert_int_equal(out[2], 5);
	assert_int_equal(out[3], 1);
	assert_int_equal(RUN(g, "by_value", 1, 1, P(out), 40, 2), 0);
	assert_int_equal(out[0], 42);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_language, close_language)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_recursion), CASE(test_pointers), CASE(test_bad_pointer),
		CASE(test_structures), CASE(test_virtuals), CASE(test_local_array),
		CASE(test_table), CASE(test_wide), CASE(test_print), CASE(test_heap),
		CASE(test_stack), CASE(test_asserts), CASE(test_wild), CASE(test_generic),
	};

	return cmocka_run_group_tests_name("ptx_language", tests, NULL, NULL);
}
