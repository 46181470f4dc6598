/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of results: every code that has one is found, every other is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "client_calls.h"

static void test_all(void **state)
{
	int known = 0;

	for (int code = -1; code < 2000; code++) {
		const char *name = "", *text = "";
		CUresult r = client_cuGetErrorName(code, &name);

		assert_int_equal(client_cuGetErrorString(code, &text), r);
		if (r == CUDA_SUCCESS) {
			assert_memory_equal(name, "CUDA_", 5);
			assert_true(strlen(text) > 7);
			known++;
		} else {
			assert_int_equal(r, CUDA_ERROR_INVALID_VALUE);
			assert_null(name);
			assert_null(text);
		}
	}
	assert_int_equal(known, 101);
}

static void test_some(void **state)
{
	const char *s;

	assert_int_equal(client_cuGetErrorString(CUDA_SUCCESS, &s), CUDA_SUCCESS);
	assert_string_equal(s, "no error");
	assert_int_equal(client_cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &s), CUDA_SUCCESS);
	assert_string_equal(s, "an illegal memory access was encountered");
	assert_int_equal(client_cuGetErrorName(CUDA_ERROR_UNKNOWN, &s), CUDA_SUCCESS);
	assert_string_equal(s, "CUDA_ERROR_UNKNOWN");
	assert_int_equal(client_cuGetErrorName(CUDA_SUCCESS, NULL), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(client_cuGetErrorString(CUDA_SUCCESS, NULL), CUDA_ERROR_INVALID_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
