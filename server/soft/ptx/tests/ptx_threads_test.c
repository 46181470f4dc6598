/* SPDX-License-Identifier: Apache-2.0 */
/* What threads do together in kernels/threads.cu, computed once more here. */
#include <pthread.h>
#include <unistd.h>

#include "support.h"

static int open_threads(void **state)
{
	struct gpu *g = calloc(1, sizeof(*g));

	gpu_open(g, "threads.ptx");
	*state = g;
	return 0;
}

static int close_threads(void **state)
{
	gpu_close(*state);
	free(*state);
	return 0;
}

static void test_shuffles(void **state)
{
	struct gpu *g = *state;
	int *in = gpu_memory(g, 64 * sizeof(*in)), *out = gpu_memory(g, 320 * sizeof(*out));

	for (int t = 0; t < 64; t++)
		in[t] = t * 10;
	assert_int_equal(RUN(g, "shuffles", 1, 64, P(in), P(out)), 0);
	for (int t = 0; t < 64; t++) {
		int l = t % 32, base = t - l;

		assert_int_equal(out[t], in[base + (l & ~7) + t * 3 % 8]);
		assert_int_equal(out[64 + t], in[l % 16 >= 3 ? t - 3 : t]);
		assert_int_equal(out[128 + t], in[l + 5 < 32 ? t + 5 : t]);
		assert_int_equal(out[192 + t], in[base + (l ^ 9)]);
		assert_int_equal(out[256 + t], in[base + (t & 1 ? 3 : 8)]);
	}
}

static void test_votes(void **state)
{
	struct gpu *g = *state;
	int *in = gpu_memory(g, 64 * sizeof(*in));
	unsigned *out = gpu_memory(g, 384 * sizeof(*out)), odd[2] = {0}, match[2][4] = {{0}};
	unsigned two[2] = {0}, count = 0;

	for (int t = 0; t < 64; t++) {
		in[t] = t * 37 % 99;
		odd[t / 32] |= (unsigned)(in[t] & 1) << t % 32;
		two[t / 32] |= (unsigned)(in[t] >> 1 & 1) << t % 32;
		match[t / 32][in[t] % 4] |= 1u << t % 32;
		count += in[t] & 1;
	}
	assert_int_equal(RUN(g, "votes", 1, 64, P(in), P(out)), 0);
	for (int t = 0; t < 64; t++) {
		bool any = false;

		for (int k = t / 32 * 32; k < t / 32 * 32 + 32; k++)
			any |= in[k] > 90;
		assert_int_equal(out[t], odd[t / 32]);
		assert_int_equal(out[64 + t], any + 2);
		assert_int_equal(out[128 + t], match[t / 32][in[t] % 4]);
		assert_int_equal(out[192 + t], 0);
		assert_int_equal(out[256 + t], two[t / 32]);
		assert_int_equal(out[320 + t], count + 1000);
	}
}

static void test_locks(void **state)
{
	struct gpu *g = *state;
	int *mutex = gpu_memory(g, sizeof(*mutex)), *sum = gpu_memory(g, sizeof(*sum));

	g->threads = 2;
	assert_int_equal(RUN(g, "lock", 3, 70, P(mutex), P(sum)), 0);
	assert_int_equal(*sum, 3 * 69 * 70 / 2);
	*sum = 0;
	assert_int_equal(RUN(g, "spin_lock", 2, 70, P(mutex), P(sum)), 0);
	assert_int_equal(*sum, 140);
}

static void test_diverge(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 256 * sizeof(*out));

	assert_int_equal(RUN(g, "diverge", 1, 256, P(out)), 0);
	for (int t = 0; t < 256; t++) {
		int n = 0;

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
		assert_int_equal(out[t], n);
	}
}

static void test_atomics(void **state)
{
	enum { N = 192 };
	struct gpu *g = *state;
	int *i = gpu_memory(g, (4 + N) * sizeof(*i));
	unsigned *u = gpu_memory(g, 64), x = 0;
	uint64_t *l = gpu_memory(g, 64);
	float *f = gpu_memory(g, 64);
	double *d = gpu_memory(g, 64);
	uint16_t *h = gpu_memory(g, 64), *s = gpu_memory(g, 64);

	g->threads = 3;
	u[2] = ~0u;
	for (int t = 0; t < N; t++)
		x ^= (unsigned)t * 77;
	assert_int_equal(RUN(g, "atomics", 3, 64, P(i), P(u), P(l), P(f), P(d), P(h), P(s + 1)), 0);
	assert_int_equal(i[0], N * (N - 1) / 2);
	assert_int_equal(i[1], -N * (N - 1) / 2);
	assert_int_equal(i[2], 50 - N + 1);
	assert_int_equal(i[3], N - 1 - 50);
	assert_int_equal(u[0], N % 100);
	assert_int_equal(u[1], 30 - (N - 1) % 31);
	assert_int_equal(u[2], 0);
	assert_int_equal(u[3], ~0u);
	assert_int_equal(u[4], x);
	assert_true(l[0] == (uint64_t)N << 33 && l[1] == (uint64_t)(N - 1) << 40);
	assert_true((int64_t)l[2] == 1 - N);
	assert_true(f[0] == N * 0.5f && d[0] == N * 0.25);
	assert_int_equal(h[0], 0x5a00);
	assert_int_equal(h[1], 0x5e00);
	assert_int_equal(s[1], 3 * N);
	assert_int_equal(s[0] | s[2], 0);
	for (int t = 0; t < N; t++)
		assert_int_equal(i[4 + t], 1);
}

static void test_barriers(void **state)
{
	struct gpu *g = *state;
	int *out = gpu_memory(g, 128 * sizeof(*out));

	assert_int_equal(RUN(g, "named_barriers", 1, 96, P(out)), 0);
	assert_int_equal(out[32], 42);
	assert_int_equal(out[63], 42);
	assert_int_equal(RUN(g, "early_exit", 1, 70, P(out)), 0);
	assert_int_equal(out[1], 21);
	assert_int_equal(out[37], 21);
	assert_int_equal(out[67], 4);
}

static void test_groups(void **state)
{
	struct gpu *g = *state;
	int *in = gpu_memory(g, 64 * sizeof(*in)), *out = gpu_memory(g, 256 * sizeof(*out));

	for (int t = 0; t < 64; t++)
		in[t] = t * t % 23;
	assert_int_equal(RUN(g, "groups", 1, 64, P(in), P(out)), 0);
	for (int t = 0; t < 64; t++) {
		int sum = 0, rank = 0, size = 0, first = -1;

		for (int k = t & ~7; k < (t & ~7) + 8; k++)
			sum += in[k];
		for (int k = t & ~31; k < (t & ~31) + 32; k++) {
			size += in[k] & 1;
			rank += k < t && (in[k] & 1);
			first = first < 0 && (in[k] & 1) ? in[k] : first;
		}
		assert_int_equal(out[t], sum);
		assert_int_equal(out[64 + t], t / 8 * 100 + t % 8);
		if (in[t] & 1) {
			assert_int_equal(out[128 + t], size * 100 + rank);
			assert_int_equal(out[192 + t], first);
		}
	}
}

static void test_grid_sync(void **state)
{
	struct gpu *g = *state;
	int *data = gpu_memory(g, 256 * sizeof(*data)), *out = gpu_memory(g, 256 * sizeof(*out));

	g->cooperative = true;
	assert_int_equal(RUN(g, "grid_sync", 4, 64, P(data), P(out)), 0);
	for (int t = 0; t < 256; t++)
		assert_int_equal(out[t], (255 - (t + 64) % 256) * 3);
}

static void *set_later(void *flag)
{
	usleep(50000);
	atomic_store((atomic_int *)flag, 1);
	return NULL;
}

static void test_cancel(void **state)
{
	struct gpu *g = *state;
	int *p = gpu_memory(g, sizeof(*p));
	atomic_int cancel = 0;
	pthread_t thread;

	g->cancel = &cancel;
	g->threads = 2;
	assert_int_equal(pthread_create(&thread, NULL, set_later, &cancel), 0);
	assert_int_equal(RUN(g, "endless", 2, 96, P(p)), -ECANCELED);
	assert_int_equal(g->fault.kind, PTX_FAULT_CANCELLED);
	pthread_join(thread, NULL);
}

static void test_deadlock(void **state)
{
	struct gpu *g = *state;
	int *p = gpu_memory(g, sizeof(*p));

	assert_int_equal(RUN(g, "stuck", 1, 64, P(p)), -EFAULT);
	assert_int_equal(g->fault.kind, PTX_FAULT_DEADLOCK);
	assert_int_equal(*p, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_threads, close_threads)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_shuffles), CASE(test_votes), CASE(test_locks), CASE(test_diverge),
		CASE(test_atomics), CASE(test_barriers), CASE(test_groups), CASE(test_grid_sync),
		CASE(test_cancel), CASE(test_deadlock),
	};

	return cmocka_run_group_tests_name("ptx_threads", tests, NULL, NULL);
}
