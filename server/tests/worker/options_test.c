/* SPDX-License-Identifier: Apache-2.0 */
/* Options and attributes of a client whose values the driver would take for pointers of this
 * process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "module.h"
#include "server_calls.h"

static CUresult fill(CUjit_option option)
{
	uint64_t value = 4096;
	struct jit jit;

	return jit_fill(&jit, &option, &value, 1);
}

static void of_the_compiler(void **state)
{
	assert_int_equal(fill(CU_JIT_OPTIMIZATION_LEVEL), CUDA_SUCCESS);
	assert_int_equal(fill(CU_JIT_SPLIT_COMPILE), CUDA_SUCCESS);
	assert_int_equal(fill(CU_JIT_INFO_LOG_BUFFER), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(fill(CU_JIT_GLOBAL_SYMBOL_NAMES), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(fill(CU_JIT_REFERENCED_KERNEL_COUNT), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(fill(CU_JIT_NUM_OPTIONS), CUDA_ERROR_NOT_SUPPORTED);
	assert_int_equal(fill((CUjit_option)-1), CUDA_ERROR_NOT_SUPPORTED);
	assert_int_equal(fill((CUjit_option)0x10000), CUDA_ERROR_NOT_SUPPORTED);
}

static void of_configurations(void **state)
{
	CUlaunchAttribute list[] = {{.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION},
		{.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT},
		{.id = CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT}};
	CUlaunchConfig config = {.attrs = list, .numAttrs = 3};

	assert_int_equal(config_check(NULL, &config), CUDA_SUCCESS);
	assert_int_equal(list[0].id, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);
	assert_int_equal(list[1].id, CU_LAUNCH_ATTRIBUTE_IGNORE);
	assert_int_equal(list[2].id, CU_LAUNCH_ATTRIBUTE_IGNORE);
}

static void of_streams_and_nodes(void **state)
{
	static const CUlaunchAttributeID bad[] = {CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT,
		CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT,
		CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE};

	for (int i = 0; i < 3; i++) {
		assert_int_equal(stream_attribute_check(NULL, bad[i]), CUDA_ERROR_INVALID_VALUE);
		assert_int_equal(node_attribute_check(NULL, bad[i]), CUDA_ERROR_INVALID_VALUE);
	}
	assert_int_equal(stream_attribute_check(NULL, CU_LAUNCH_ATTRIBUTE_PRIORITY), CUDA_SUCCESS);
	assert_int_equal(node_attribute_check(NULL, CU_LAUNCH_ATTRIBUTE_PRIORITY), CUDA_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_compiler),
		cmocka_unit_test(of_configurations),
		cmocka_unit_test(of_streams_and_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
