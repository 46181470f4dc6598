/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices clients see of those that their server does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "visible.h"

static void expect(const char *own, const char *wanted, const char *list)
{
	char *got = visible_devices(own, wanted);

	assert_non_null(got);
	assert_string_equal(got, list);
	free(got);
}

static void of_all(void **state)
{
	expect(NULL, "", "");
	expect(NULL, "1", "1");
	expect(NULL, "3,0", "3,0");
	expect(NULL, " 2 , 1", "2,1");
	expect(NULL, "GPU-8932f937-d72c,1", "GPU-8932f937-d72c,1");
	expect(NULL, "MIG-GPU-8932f937/1/2", "MIG-GPU-8932f937/1/2");
}

/* The list ends there, as natively. */
static void what_names_nothing(void **state)
{
	expect(NULL, "1,-1,0", "1");
	expect(NULL, "-1", "");
	expect(NULL, "1,,0", "1");
	expect(NULL, "all", "");
	expect(NULL, "0x1", "");
	expect(NULL, "2,99999999999999999999,1", "2");
	expect(NULL, "GPU-", "");
	expect(NULL, "1,GPU-\"\n", "1");
}

static void of_some(void **state)
{
	expect("2,5,GPU-12ab", "0", "2");
	expect("2,5,GPU-12ab", "2,1", "GPU-12ab,5");
	expect("2,5,GPU-12ab", "3", "");
	expect("2,5,GPU-12ab", "1,3,0", "5");
	expect("2,5,GPU-12ab", "GPU-12ab,0", "GPU-12ab,2");
	/* Others may be these, but may not. */
	expect("2,5,GPU-12ab", "GPU-12", "");
	expect("2,5,GPU-12ab", "GPU-34cd", "");
	expect("", "0", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_all),
		cmocka_unit_test(what_names_nothing),
		cmocka_unit_test(of_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
