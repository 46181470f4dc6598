/* SPDX-License-Identifier: Apache-2.0 */
/* Handles that the server gave: known until they are destroyed, of their own kind only, however many
 * are plausible. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "real.h"

enum { MANY = 16000, TOO_MANY = 100000, THREADS = 4 };

static uint64_t handle(uint64_t n)
{
	return 0x7f0000000000 + n * 0x40;
}

static void learn(enum kind kind, uint64_t value)
{
	real_learn(kind, &value, 1);
}

static void test_life(void **state)
{
	assert_false(real_known(KIND_CUgraph, handle(1)));
	learn(KIND_CUgraph, handle(1));
	assert_true(real_known(KIND_CUgraph, handle(1)));
	assert_false(real_known(KIND_CUgraphExec, handle(1)));
	assert_false(real_known(KIND_CUgraph, handle(2)));
	real_forget(KIND_CUgraph, handle(1));
	assert_false(real_known(KIND_CUgraph, handle(1)));
	real_forget(KIND_CUgraph, handle(1));
	learn(KIND_CUgraph, handle(1));
	assert_true(real_known(KIND_CUgraph, handle(1)));
}

static void test_what_is_none(void **state)
{
	learn(KIND_CUmemoryPool, 0);
	learn(KIND_CUmemoryPool, UINT64_MAX);
	assert_false(real_known(KIND_CUmemoryPool, 0));
	assert_false(real_known(KIND_CUmemoryPool, UINT64_MAX));
	real_forget(KIND_CUmemoryPool, 0);
	real_forget(KIND_CUmemoryPool, UINT64_MAX);
}

/* Things that are never said to be destroyed, such as nodes of destroyed graphs, do not add up. */
static void test_too_many(void **state)
{
	for (uint64_t n = 0; n < TOO_MANY; n++) {
		learn(KIND_CUmemoryPool, handle(n));
		assert_true(real_known(KIND_CUmemoryPool, handle(n)));
	}
	assert_true(real_known(KIND_CUmemoryPool, handle(TOO_MANY + 1)));
	real_forget(KIND_CUmemoryPool, handle(1));
}

static void test_many(void **state)
{
	uint64_t list[100];

	for (uint64_t n = 0; n < MANY; n += 100) {
		for (uint64_t i = 0; i < 100; i++)
			list[i] = handle(n + i);
		real_learn(KIND_CUgraphNode, list, 100);
	}
	for (uint64_t n = 0; n < MANY; n += 2)
		real_forget(KIND_CUgraphNode, handle(n));
	for (uint64_t n = 0; n < MANY; n++)
		assert_int_equal(real_known(KIND_CUgraphNode, handle(n)), n % 2);
}

/* Handles that come and go must not fill the set. */
static void test_churn(void **state)
{
	for (uint64_t n = 0; n < 20 * MANY; n++) {
		learn(KIND_CUlinkState, handle(n));
		real_forget(KIND_CUlinkState, handle(n));
	}
	assert_false(real_known(KIND_CUlinkState, handle(0)));
}

static void *worker(void *argument)
{
	uint64_t base = (uintptr_t)argument * MANY;
	uintptr_t wrong = 0;

	for (uint64_t n = base; n < base + MANY; n++) {
		learn(KIND_CUgraphExec, handle(n));
		wrong += !real_known(KIND_CUgraphExec, handle(n));
		real_forget(KIND_CUgraphExec, handle(n));
		wrong += real_known(KIND_CUgraphExec, handle(n));
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	void *wrong;

	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, worker, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
