/* SPDX-License-Identifier: Apache-2.0 */
/* The arena against a map of bytes: random allocations, wishes and frees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

enum { UNITS = 512, BASE = 1 << 20, UNIT = 512, STEPS = 20000 };

struct piece {
	uint64_t base, size;
};

static bool map[UNITS];
static struct piece pieces[UNITS];
static size_t count;

static size_t unit(uint64_t address)
{
	return (address - BASE) / UNIT;
}

static bool is_free(uint64_t base, uint64_t size)
{
	for (uint64_t i = unit(base); i < unit(base + size); i++) {
		if (map[i])
			return false;
	}
	return true;
}

/* Where first fit would put it; 0: nowhere. */
static uint64_t expected(uint64_t size, uint64_t align)
{
	for (uint64_t at = BASE; at + size <= BASE + UNITS * UNIT; at += UNIT) {
		if (!(at % align) && is_free(at, size))
			return at;
	}
	return 0;
}

static void take(uint64_t base, uint64_t size)
{
	memset(map + unit(base), true, size / UNIT);
	pieces[count++] = (struct piece){base, size};
}

static void give(struct arena *a, size_t i)
{
	struct piece p = pieces[i];

	assert_int_equal(arena_free(a, p.base, p.size), 0);
	memset(map + unit(p.base), false, p.size / UNIT);
	pieces[i] = pieces[--count];
	assert_int_equal(arena_free(a, p.base, p.size), -EINVAL);
}

static void check(const struct arena *a)
{
	uint64_t left = 0;

	for (size_t i = 0; i < UNITS; i++)
		left += map[i] ? 0 : UNIT;
	assert_int_equal(a->left, left);
	for (size_t i = 1; i < a->count; i++)
		assert_true(a->range[i - 1].base + a->range[i - 1].size < a->range[i].base);
}

static void random_steps(void **state)
{
	struct arena a;

	srand(1);
	assert_int_equal(arena_init(&a, BASE, UNITS * UNIT), 0);
	for (int step = 0; step < STEPS; step++) {
		uint64_t size = (1 + rand() % 24) * (uint64_t)UNIT, got = 0, want;
		uint64_t align = UNIT << rand() % 4;

		if (count && rand() % 2) {
			give(&a, rand() % count);
		} else if (rand() % 4) {
			want = expected(size, align);
			assert_int_equal(arena_alloc(&a, size, align, &got), want ? 0 : -ENOMEM);
			assert_int_equal(got, want);
			if (want)
				take(want, size);
		} else {
			want = BASE + rand() % UNITS * (uint64_t)UNIT;
			if (want + size <= BASE + UNITS * UNIT && is_free(want, size)) {
				assert_int_equal(arena_alloc_at(&a, want, size), 0);
				take(want, size);
			} else {
				assert_int_equal(arena_alloc_at(&a, want, size), -EBUSY);
			}
		}
		check(&a);
	}
	while (count)
		give(&a, 0);
	assert_int_equal(a.count, 1);
	arena_fini(&a);
}

static void edges(void **state)
{
	struct arena a;
	uint64_t got;

	assert_int_equal(arena_init(&a, BASE, UNITS * UNIT), 0);
	assert_int_equal(arena_alloc(&a, 0, UNIT, &got), -ENOMEM);
	assert_int_equal(arena_alloc(&a, UNITS * UNIT + 1, UNIT, &got), -ENOMEM);
	assert_int_equal(arena_alloc(&a, UINT64_MAX, UNIT, &got), -ENOMEM);
	assert_int_equal(arena_alloc_at(&a, BASE - UNIT, UNIT), -EBUSY);
	assert_int_equal(arena_alloc_at(&a, BASE, UINT64_MAX), -EBUSY);
	assert_int_equal(arena_free(&a, BASE, UNIT), -EINVAL);
	assert_int_equal(arena_alloc(&a, UNITS * UNIT, UNIT, &got), 0);
	assert_int_equal(arena_alloc(&a, UNIT, UNIT, &got), -ENOMEM);
	assert_int_equal(arena_free(&a, BASE - UNIT, UNIT), -EINVAL);
	assert_int_equal(arena_free(&a, BASE, UNITS * UNIT + UNIT), -EINVAL);
	assert_int_equal(arena_free(&a, BASE, UNITS * UNIT), 0);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
		cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
