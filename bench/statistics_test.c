/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of rgpu-bench: against values worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "statistics.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void assert_near(double a, double b)
{
	assert_true(fabs(a - b) < 1e-12);
}

static void test_median(void **state)
{
	double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};

	assert_near(median(odd, COUNT(odd)), 3);
	assert_near(median(even, COUNT(even)), 2.5);
	assert_near(median(one, 1), 7);
	assert_near(median(one, 0), 0);
}

static void test_percentile(void **state)
{
	double v[200];

	for (int i = 0; i < 200; i++)
		v[i] = i + 1;
	assert_near(percentile_sorted(v, 200, 99), 198);
	assert_near(percentile_sorted(v, 200, 50), 100);
	assert_near(percentile_sorted(v, 200, 100), 200);
	assert_near(percentile_sorted(v, 200, 0), 1);
	assert_near(percentile_sorted(v, 5, 99), 5);
	assert_near(percentile_sorted(v, 1, 99), 1);
	assert_near(percentile_sorted(v, 0, 99), 0);
}

static void test_series(void **state)
{
	double quiet[] = {3, 1, 2}, disturbed[] = {100, 200, 300}, quiet_too[] = {4, 2, 3};
	struct series s = {0};

	assert_near(series_median(&s), 0);
	assert_near(series_p99(&s), 0);
	assert_int_equal(series_add_run(&s, quiet, COUNT(quiet)), 0);
	assert_int_equal(series_add_run(&s, disturbed, COUNT(disturbed)), 0);
	assert_int_equal(series_add_run(&s, quiet_too, COUNT(quiet_too)), 0);
	assert_int_equal(series_add_run(&s, quiet, 0), 0);
	assert_int_equal(s.runs, 3);
	assert_int_equal(s.count, 9);
	assert_near(series_median(&s), 3);
	assert_near(series_p99(&s), 300);
	series_fini(&s);
	assert_null(s.samples);
}

static void test_series_grows(void **state)
{
	struct series s = {0};
	double run[1000];

	for (int r = 0; r < 5; r++) {
		for (int i = 0; i < 1000; i++)
			run[i] = 999 - i;
		assert_int_equal(series_add_run(&s, run, 1000), 0);
	}
	assert_int_equal(s.count, 5000);
	assert_near(series_median(&s), 499.5);
	assert_near(series_p99(&s), 989);
	series_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median),
		cmocka_unit_test(test_percentile),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_series_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
