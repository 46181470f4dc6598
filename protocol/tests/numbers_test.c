/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are found while they are there, however many there are, and none is there twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <errno.h>
#include <cmocka.h>
#include "numbers.h"

enum { MANY = 100000, KEPT = 1000 };

static struct numbered thing[MANY];

static void test_numbers(void **state)
{
	struct numbers n = {0};
	struct numbered same = {.number = 7}, wide = {.number = 7 + (1ull << 40)};
	size_t longest = 0;

	assert_true(!numbers_find(&n, 7));
	for (int i = 0; i < MANY; i++) {
		thing[i].number = i + 1;
		assert_true(!numbers_add(&n, &thing[i]));
	}
	assert_true(numbers_add(&n, &same) == -EEXIST);
	assert_true(!numbers_add(&n, &wide));
	for (int i = 0; i < MANY; i++)
		assert_true(numbers_find(&n, i + 1) == &thing[i]);
	assert_true(numbers_find(&n, wide.number) == &wide);
	assert_true(!numbers_find(&n, 0) && !numbers_find(&n, MANY + 1));
	for (size_t i = 0; i < n.room; i++) {
		size_t length = 0;

		for (struct numbered *t = n.bucket[i]; t; t = t->next)
			length++;
		longest = length > longest ? length : longest;
	}
	assert_true(longest <= 2);
	for (int i = 0; i < MANY - KEPT; i++)
		numbers_remove(&n, &thing[i]);
	assert_true(!numbers_find(&n, 7));
	assert_true(numbers_find(&n, MANY) == &thing[MANY - 1]);
	assert_true(!numbers_add(&n, &same));
	assert_true(numbers_find(&n, 7) == &same && n.count == KEPT + 2);
	free((void *)n.bucket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
