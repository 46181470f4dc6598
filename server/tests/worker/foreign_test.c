/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that a client's memory is mirrored at, outside of the band: nothing of the worker comes
 * to lie there when it is no longer, since graphs may go on naming them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "foreign.h"
#include "mirror.h"
#include "server_calls.h"

enum { PAGE = 4096, PAGES = 16 };

static uint8_t *at; /* so many that are free */

static uint64_t page(unsigned n)
{
	return (uintptr_t)at + (uint64_t)n * PAGE;
}

static bool is_free(unsigned n)
{
	void *want = at + (size_t)n * PAGE;
	void *got = mmap(
		want, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (got != MAP_FAILED)
		munmap(got, PAGE);
	return got == want;
}

static int find(void **state)
{
	at = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	return munmap(at, PAGES * PAGE);
}

static int release(void **state)
{
	return munmap(at, PAGES * PAGE);
}

static void pieces(void **state)
{
	struct foreign f;

	assert_int_equal(foreign_init(&f), 0);
	assert_int_equal(foreign_map(&f, page(2), 4 * PAGE), 0);
	memset(at + 2 * PAGE, 7, 4 * PAGE);
	assert_int_equal(foreign_map(&f, page(4), PAGE), -EEXIST);
	foreign_unmap(&f, page(2), 4 * PAGE);
	assert_false(is_free(2));
	assert_false(is_free(5));
	assert_true(is_free(6));
	/* Around it, over its end, and in its middle. */
	assert_int_equal(foreign_map(&f, page(1), 6 * PAGE), 0);
	assert_int_equal(at[2 * PAGE], 0);
	memset(at + PAGE, 7, 6 * PAGE);
	foreign_unmap(&f, page(1), 6 * PAGE);
	assert_int_equal(foreign_map(&f, page(5), 4 * PAGE), 0);
	assert_int_equal(foreign_map(&f, page(3), PAGE), 0);
	assert_int_equal(foreign_map(&f, page(2), 2 * PAGE), -EEXIST);
	foreign_unmap(&f, page(3), PAGE);
	foreign_unmap(&f, page(5), 4 * PAGE);
	for (unsigned i = 1; i < 9; i++)
		assert_false(is_free(i));
	assert_true(is_free(0) && is_free(9));
	foreign_fini(&f);
}

static void of_the_process(void **state)
{
	struct foreign f;
	uint8_t *own;

	assert_int_equal(foreign_init(&f), 0);
	own = mmap(at + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(own, at + 3 * PAGE);
	*own = 42;
	assert_int_equal(foreign_map(&f, page(2), 2 * PAGE), -EEXIST);
	assert_int_equal(foreign_map(&f, page(3), PAGE), -EEXIST);
	assert_int_equal(*own, 42);
	assert_int_equal(foreign_map(&f, 0, PAGE), -EEXIST);
	assert_int_equal(foreign_map(&f, UINT64_MAX - PAGE + 1, PAGE), -EEXIST);
	assert_int_equal(foreign_map(&f, PAGE, UINT64_MAX - PAGE + 1), -EEXIST);
	foreign_fini(&f);
}

static CUresult registered(void *p, size_t bytes, unsigned flags)
{
	return CUDA_SUCCESS;
}

static void mirrored(void **state)
{
	static struct session s;
	struct request q = {.session = &s};

	driver.cuMemHostRegister_v2 = registered;
	assert_int_equal(mirror_create(&s, page(0), PAGE), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(server_mirror_map(&q, page(4), 2 * PAGE), CUDA_SUCCESS);
		assert_true(mirror_has(&s, page(4), 2 * PAGE));
		assert_int_equal(server_mirror_unmap(&q, page(4)), CUDA_SUCCESS);
		assert_false(mirror_has(&s, page(4), 1));
		assert_false(is_free(4));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces, find, release),
		cmocka_unit_test_setup_teardown(of_the_process, find, release),
		cmocka_unit_test_setup_teardown(mirrored, find, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
