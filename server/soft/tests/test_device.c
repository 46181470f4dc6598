/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, contexts and results as text. */
#include "soft_test.h"

#include <sys/wait.h>

static void before_init(void **state)
{
	int n;

	fails(cuDeviceGetCount(&n), CUDA_ERROR_NOT_INITIALIZED);
	fails(cuInit(1), CUDA_ERROR_INVALID_VALUE);
	ok(cuDriverGetVersion(&n));
	assert_int_equal(n, 13000);
}

static void devices(void **state)
{
	int n, major, minor, value;
	CUuuid a, b, again;
	char name[64];
	CUdevice dev;
	size_t bytes;

	ok(cuDeviceGetCount(&n));
	assert_int_equal(n, 2);
	ok(cuDeviceGet(&dev, 1));
	assert_int_equal(dev, 1);
	fails(cuDeviceGet(&dev, 2), CUDA_ERROR_INVALID_DEVICE);
	fails(cuDeviceGet(&dev, -1), CUDA_ERROR_INVALID_DEVICE);
	ok(cuDeviceGetName(name, sizeof(name), 0));
	assert_non_null(strstr(name, "software"));
	ok(cuDeviceGetUuid(&a, 0));
	ok(cuDeviceGetUuid_v2(&again, 0));
	ok(cuDeviceGetUuid(&b, 1));
	assert_memory_equal(&a, &again, sizeof(a));
	assert_memory_not_equal(&a, &b, sizeof(a));
	ok(cuDeviceTotalMem_v2(&bytes, 0));
	assert_int_equal(bytes, 256 << 20);
	ok(cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
	ok(cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0));
	assert_int_equal(major * 10 + minor, 75);
	fails(cuDeviceGetAttribute(&value, 100000, 0), CUDA_ERROR_INVALID_VALUE);
	fails(cuDeviceGetAttribute(&value, 1, 9), CUDA_ERROR_INVALID_DEVICE);
	ok(cuDeviceGetPCIBusId(name, sizeof(name), 1));
	ok(cuDeviceGetByPCIBusId(&dev, name));
	assert_int_equal(dev, 1);
}

static void contexts(void **state)
{
	CUcontext primary = *state, own, current;
	unsigned flags;
	CUdevice dev;
	int active;

	ok(cuCtxGetCurrent(&current));
	assert_ptr_equal(current, primary);
	ok(cuCtxCreate_v2(&own, CU_CTX_SCHED_YIELD, 1));
	ok(cuCtxGetDevice(&dev));
	assert_int_equal(dev, 1);
	ok(cuCtxGetFlags(&flags));
	assert_int_equal(flags & CU_CTX_SCHED_MASK, CU_CTX_SCHED_YIELD);
	ok(cuCtxPushCurrent_v2(primary));
	ok(cuCtxPopCurrent_v2(&current));
	assert_ptr_equal(current, primary);
	ok(cuCtxGetCurrent(&current));
	assert_ptr_equal(current, own);
	ok(cuCtxDestroy_v2(own));
	fails(cuCtxDestroy_v2(own), CUDA_ERROR_INVALID_CONTEXT);
	fails(cuCtxSetCurrent(own), CUDA_ERROR_INVALID_CONTEXT);
	fails(cuCtxDestroy_v2(primary), CUDA_ERROR_INVALID_CONTEXT);
	ok(cuCtxGetCurrent(&current));
	assert_ptr_equal(current, primary);
	ok(cuDevicePrimaryCtxGetState(0, &flags, &active));
	assert_true(active);
	ok(cuDevicePrimaryCtxGetState(1, &flags, &active));
	assert_false(active);
	fails(cuDevicePrimaryCtxRelease_v2(1), CUDA_ERROR_INVALID_CONTEXT);
	ok(cuCtxSetCurrent(NULL));
	fails(cuCtxGetDevice(&dev), CUDA_ERROR_INVALID_CONTEXT);
	fails(cuCtxPopCurrent_v2(NULL), CUDA_ERROR_INVALID_CONTEXT);
	ok(cuCtxSetCurrent(primary));
}

static void reset(void **state)
{
	CUcontext again;
	CUdeviceptr p;
	CUstream s;

	ok(cuMemAlloc_v2(&p, 16));
	ok(cuStreamCreate(&s, 0));
	ok(cuDevicePrimaryCtxReset_v2(0));
	fails(cuMemAlloc_v2(&p, 16), CUDA_ERROR_CONTEXT_IS_DESTROYED);
	ok(cuDevicePrimaryCtxRetain(&again, 0));
	assert_ptr_equal(again, *state);
	fails(cuStreamQuery(s), CUDA_ERROR_INVALID_HANDLE);
	fails(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
}

static void limits(void **state)
{
	size_t value;

	ok(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 4096));
	ok(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE));
	assert_int_equal(value, 4096);
	fails(cuCtxGetLimit(&value, 100), CUDA_ERROR_INVALID_VALUE);
}

static void texts(void **state)
{
	const char *text;

	ok(cuGetErrorName(CUDA_ERROR_OUT_OF_MEMORY, &text));
	assert_string_equal(text, "CUDA_ERROR_OUT_OF_MEMORY");
	ok(cuGetErrorString(CUDA_ERROR_INVALID_VALUE, &text));
	assert_string_equal(text, "invalid argument");
	fails(cuGetErrorName(12345, &text), CUDA_ERROR_INVALID_VALUE);
	assert_null(text);
}

static void forked(void **state)
{
	int status, n;
	pid_t pid = fork();

	if (!pid)
		_exit(cuDeviceGetCount(&n) == CUDA_ERROR_NOT_INITIALIZED &&
					cuInit(0) == CUDA_ERROR_NOT_INITIALIZED
				? 0
				: 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ok(cuDeviceGetCount(&n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(before_init), TEST(devices),
		TEST(contexts), TEST(reset), TEST(limits), TEST(texts), TEST(forked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
