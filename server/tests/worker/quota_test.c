/* SPDX-License-Identifier: Apache-2.0 */
/* The accounting point: exact limits, also when threads race for the last bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include "quota.h"

enum { THREADS = 4, ROUNDS = 20000, PIECE = 7, LIMIT = 100 };

static void limits(void **state)
{
	uint64_t left = 1000, total = 2000;

	quota_set_limit(0);
	assert_int_equal(quota_charge(0, UINT64_MAX / 2), 0);
	quota_release(0, UINT64_MAX / 2);
	quota_set_limit(LIMIT);
	assert_int_equal(quota_charge(0, LIMIT + 1), -ENOMEM);
	assert_int_equal(quota_charge(0, LIMIT - 1), 0);
	assert_int_equal(quota_charge(0, 2), -ENOMEM);
	assert_int_equal(quota_charge(0, UINT64_MAX), -ENOMEM);
	assert_int_equal(quota_charge(0, 1), 0);
	assert_int_equal(quota_charge(1, LIMIT), 0);
	assert_int_equal(quota_charge(-1, 1), -EINVAL);
	assert_int_equal(quota_charge(64, 1), -EINVAL);
	assert_int_equal(quota_used_total(), 2 * LIMIT);
	quota_release(0, 40);
	quota_apply(0, &left, &total);
	assert_int_equal(left, 40);
	assert_int_equal(total, LIMIT);
	quota_release(0, LIMIT - 40);
	quota_release(1, LIMIT);
	assert_int_equal(quota_used_total(), 0);
}

static void *racer(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (quota_charge(2, PIECE))
			continue;
		if (quota_used(2) > LIMIT)
			*(int *)arg = 1;
		quota_release(2, PIECE);
	}
	return NULL;
}

static void races(void **state)
{
	pthread_t thread[THREADS];
	int over[THREADS] = {0};

	quota_set_limit(LIMIT);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, racer, &over[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(over[i], 0);
	}
	assert_int_equal(quota_used(2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
