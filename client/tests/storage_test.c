/* SPDX-License-Identifier: Apache-2.0 */
/* Values of contexts: results as a real driver gives them, the caches, destructors, fork. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "context.h"
#include "storage.h"

#define CTX(n) ((CUcontext)(uintptr_t)((n) * 0x1000))

static __thread CUcontext current;
static int destroyed;

CUcontext context_current(void)
{
	return current;
}

uint64_t context_id(CUcontext handle)
{
	return (uintptr_t)handle >> 12; /* CTX(0), that is NULL, is none */
}

static void destructor(CUcontext context, void *key, void *value)
{
	assert_ptr_equal(context, CTX(1));
	assert_ptr_equal(value, (char *)key + 1);
	assert_int_equal(storage_get(&value, context, key), CUDA_ERROR_INVALID_HANDLE);
	destroyed++;
}

static void test_results(void **state)
{
	int key, value, other;
	void *got = NULL;

	current = NULL;
	assert_int_equal(storage_get(&got, NULL, &key), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(storage_put(NULL, &key, &value, NULL), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(storage_remove(NULL, &key), CUDA_ERROR_INVALID_CONTEXT);
	current = CTX(1);
	assert_int_equal(storage_get(&got, NULL, &key), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(storage_put(NULL, &key, &value, NULL), CUDA_SUCCESS);
	assert_int_equal(storage_put(NULL, &key, &other, NULL), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(storage_get(&got, CTX(1), &key), CUDA_SUCCESS);
	assert_ptr_equal(got, &value);
	assert_int_equal(storage_get(&got, CTX(2), &key), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(storage_remove(CTX(1), &key), CUDA_SUCCESS);
	assert_int_equal(storage_remove(CTX(1), &key), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(storage_get(&got, NULL, &key), CUDA_ERROR_INVALID_HANDLE);
}

static void test_context_gone(void **state)
{
	static char key[200];
	void *got;

	destroyed = 0;
	for (int i = 0; i + 1 < 200; i++)
		assert_int_equal(
			storage_put(CTX(1), key + i, key + i + 1, destructor), CUDA_SUCCESS);
	assert_int_equal(storage_put(CTX(2), key, key, destructor), CUDA_SUCCESS);
	assert_int_equal(storage_put(CTX(1), key + 199, NULL, NULL), CUDA_SUCCESS);
	storage_context_gone(CTX(1));
	assert_int_equal(destroyed, 199);
	assert_int_equal(storage_get(&got, CTX(1), key + 199), CUDA_ERROR_INVALID_HANDLE);
	storage_context_gone(CTX(1));
	assert_int_equal(destroyed, 199);
	assert_int_equal(storage_get(&got, CTX(2), key), CUDA_SUCCESS);
	assert_int_equal(storage_remove(CTX(2), key), CUDA_SUCCESS);
}

/* What one thread has cached is gone when another one removes it. */
static void *remove_it(void *key)
{
	assert_int_equal(storage_remove(CTX(1), key), CUDA_SUCCESS);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t;
	void *got;
	int key;

	assert_int_equal(storage_put(CTX(1), &key, &key, NULL), CUDA_SUCCESS);
	assert_int_equal(storage_get(&got, CTX(1), &key), CUDA_SUCCESS);
	assert_int_equal(storage_get(&got, CTX(1), &key), CUDA_SUCCESS);
	assert_int_equal(pthread_create(&t, NULL, remove_it, &key), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(storage_get(&got, CTX(1), &key), CUDA_ERROR_INVALID_HANDLE);
}

static void *churn(void *stop)
{
	int key;

	while (!atomic_load((_Atomic int *)stop)) {
		storage_put(CTX(3), &key, &key, NULL);
		storage_remove(CTX(3), &key);
	}
	return NULL;
}

/* A child can use storage although its parent's other threads were inside. */
static void test_fork(void **state)
{
	_Atomic int stop = 0;
	pthread_t t;
	void *got;
	int key;

	assert_int_equal(storage_put(CTX(1), &key, &key, NULL), CUDA_SUCCESS);
	assert_int_equal(pthread_create(&t, NULL, churn, &stop), 0);
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(60);
			storage_remove(CTX(1), &churn);
			_exit(storage_get(&got, CTX(1), &key));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	stop = 1;
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(storage_remove(CTX(1), &key), CUDA_SUCCESS);
}

/* Not a pass or fail: the number is for people who change the cache. */
static void test_speed(void **state)
{
	enum { ROUNDS = 2000000 };
	struct timespec a, b;
	int key[4];
	void *got;

	current = CTX(1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(storage_put(NULL, &key[i], &key[i], NULL), CUDA_SUCCESS);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < ROUNDS; i++)
		if (storage_get(&got, NULL, &key[i & 3]) || got != &key[i & 3])
			fail();
	clock_gettime(CLOCK_MONOTONIC, &b);
	print_message("%.1f ns per lookup\n",
		      ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / ROUNDS);
	storage_context_gone(CTX(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results), cmocka_unit_test(test_context_gone),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_fork),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
