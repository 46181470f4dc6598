/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of cuGetProcAddress, on rows of our own; each case was seen on a real driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "client_calls.h"
#include "proc_address.h"

static char function[8];

/* Levels need not be in order within a name. */
static const struct proc_row rows[] = {
	{ "cuGetProcAddress", 3, 12000, &function[1], "cuGetProcAddress_v2" },
	{ "cuGetProcAddress", 3, 11030, &function[0], "cuGetProcAddress" },
	{ "cuMemAlloc", 3, 2000, &function[2], "cuMemAlloc" },
	{ "cuMemAlloc", 3, 3020, &function[3], "cuMemAlloc_v2" },
	{ "cuStreamQuery", 1, 2000, &function[4], "cuStreamQuery" },
	{ "cuStreamQuery", 2, 7000, &function[5], "cuStreamQuery_ptsz" },
};

const struct proc_row *proc_rows(size_t *count)
{
	*count = sizeof(rows) / sizeof(*rows);
	return rows;
}

/* The index of the function that was given, -1 for NULL. */
static int ask(const char *name, int version, cuuint64_t flags,
	       CUdriverProcAddressQueryResult *status)
{
	void *p = &p;

	assert_int_equal(client_cuGetProcAddress_v2(name, &p, version, flags, status),
			 CUDA_SUCCESS);
	return p ? (int)((char *)p - function) : -1;
}

static void test_levels(void **state)
{
	CUdriverProcAddressQueryResult s;

	assert_int_equal(ask("cuMemAlloc", 2000, 0, &s), 2);
	assert_int_equal(s, CU_GET_PROC_ADDRESS_SUCCESS);
	assert_int_equal(ask("cuMemAlloc", 3019, 0, &s), 2);
	assert_int_equal(ask("cuMemAlloc", 3020, 0, &s), 3);
	assert_int_equal(ask("cuMemAlloc", 99999, 0, NULL), 3);
	assert_int_equal(ask("cuGetProcAddress", 11030, 0, &s), 0);
	assert_int_equal(ask("cuGetProcAddress", 12000, 0, &s), 1);
}

static void test_misses(void **state)
{
	static const char *const unknown[] = {
		"", "cu", "cuMemAlloc_v2", "cuStreamQuery_ptsz", "zz"};
	CUdriverProcAddressQueryResult s;

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		assert_int_equal(ask(unknown[i], 13000, 0, &s), -1);
		assert_int_equal(s, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
	}
	assert_int_equal(ask("cuMemAlloc", 1999, 0, &s), -1);
	assert_int_equal(s, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
}

static void test_default_streams(void **state)
{
	CUdriverProcAddressQueryResult s;

	assert_int_equal(ask("cuStreamQuery", 13000, 0, &s), 4);
	assert_int_equal(ask("cuStreamQuery", 13000, 1, &s), 4);
	assert_int_equal(ask("cuStreamQuery", 13000, 2, &s), 5);
	assert_int_equal(ask("cuStreamQuery", 13000, 3, &s), 5);
	assert_int_equal(ask("cuStreamQuery", 6999, 2, &s), -1);
	assert_int_equal(s, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
	assert_int_equal(ask("cuMemAlloc", 13000, 2, &s), 3);
}

static void test_wrong_arguments(void **state)
{
	CUdriverProcAddressQueryResult s = 77;
	void *p = &s;

	assert_int_equal(client_cuGetProcAddress_v2("cuMemAlloc", &p, 13000, 4, &s),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(client_cuGetProcAddress_v2("cuMemAlloc", NULL, 13000, 0, &s),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(client_cuGetProcAddress_v2(NULL, &p, 13000, 0, &s),
			 CUDA_ERROR_INVALID_VALUE);
	assert_ptr_equal(p, &s);
	assert_int_equal(s, 77);
}

static void test_old_form(void **state)
{
	void *p = &p;

	assert_int_equal(client_cuGetProcAddress("cuNone", &p, 13000, 0), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(client_cuGetProcAddress("cuMemAlloc", &p, 1, 0), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(client_cuGetProcAddress("cuMemAlloc", &p, 3020, 8),
			 CUDA_ERROR_INVALID_VALUE);
	assert_ptr_equal(p, &p);
	assert_int_equal(client_cuGetProcAddress("cuMemAlloc", &p, 3020, 2), CUDA_SUCCESS);
	assert_ptr_equal(p, &function[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),	       cmocka_unit_test(test_misses),
		cmocka_unit_test(test_default_streams), cmocka_unit_test(test_wrong_arguments),
		cmocka_unit_test(test_old_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
