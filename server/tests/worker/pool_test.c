/* SPDX-License-Identifier: Apache-2.0 */
/* Pools against the limit: what they hold counts, also when they are destroyed before it is freed,
 * and the driver is never asked about one that is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "context.h"
#include "pool.h"
#include "quota.h"
#include "server_calls.h"

#define LIMIT UINT64_C(1000)

/* One that the driver has. */
static struct fake {
	uint64_t used;
	bool gone;
} pools[3], own;

static CUmemoryPool current;
static int device;

static struct fake *fake_of(CUmemoryPool pool)
{
	struct fake *f = (struct fake *)pool;

	assert_false(f->gone);
	return f;
}

static CUresult get(CUmemoryPool pool, CUmemPool_attribute attribute, void *value)
{
	*(cuuint64_t *)value = fake_of(pool)->used;
	return CUDA_SUCCESS;
}

static CUresult set(CUmemoryPool pool, CUmemPool_attribute attribute, void *value)
{
	fake_of(pool);
	return CUDA_SUCCESS;
}

static CUresult trim(CUmemoryPool pool, size_t keep)
{
	fake_of(pool);
	return CUDA_SUCCESS;
}

static CUresult destroy(CUmemoryPool pool)
{
	if (fake_of(pool) == &own)
		return CUDA_ERROR_INVALID_VALUE;
	fake_of(pool)->gone = true;
	return CUDA_SUCCESS;
}

static CUresult get_default(CUmemoryPool *pool, CUdevice ordinal)
{
	*pool = (CUmemoryPool)&own;
	return CUDA_SUCCESS;
}

static CUresult get_current(CUmemoryPool *pool, CUdevice ordinal)
{
	*pool = current;
	return CUDA_SUCCESS;
}

static CUresult set_current(CUdevice ordinal, CUmemoryPool pool)
{
	current = pool;
	return CUDA_SUCCESS;
}

static CUresult pointer_get(void *data, CUpointer_attribute attribute, CUdeviceptr address)
{
	*(int *)data = device;
	return CUDA_SUCCESS;
}

static int begin(void **state)
{
	static struct context context;
	struct session *s = calloc(1, sizeof(*s));

	driver.cuMemPoolGetAttribute = get;
	driver.cuMemPoolSetAttribute = set;
	driver.cuMemPoolTrimTo = trim;
	driver.cuMemPoolDestroy = destroy;
	driver.cuDeviceGetDefaultMemPool = get_default;
	driver.cuDeviceGetMemPool = get_current;
	driver.cuDeviceSetMemPool = set_current;
	driver.cuPointerGetAttribute = pointer_get;
	serving_context = &context;
	quota_set_limit(LIMIT);
	memset(pools, 0, sizeof(pools));
	current = (CUmemoryPool)&own;
	own.used = device = 0;
	*state = s;
	return !s || memory_create(s, 0, 1 << 20);
}

/* All that was charged has been given back. */
static int end(void **state)
{
	struct session *s = *state;

	pools_account(s);
	arena_fini(&s->memory->arena);
	free(s->memory->bucket);
	free(s->memory->vmm);
	free(s->memory->pools);
	free(s->memory);
	free(s);
	return quota_used_total() != 0;
}

static CUresult use(struct session *s, struct fake *f, uint64_t bytes)
{
	struct request q = {.session = s};
	CUdeviceptr address = 1;
	CUresult r;

	f->used += bytes;
	r = pool_settle(&q, &address, bytes, (CUmemoryPool)f, NULL);
	if (r) {
		f->used -= bytes;
		pools_account(s);
	}
	return r;
}

static CUresult finish(struct session *s, struct fake *f)
{
	struct request q = {.session = s};

	return server_cuMemPoolDestroy(&q, (CUmemoryPool)f);
}

static void unused(void **state)
{
	assert_int_equal(use(*state, &pools[0], 600), CUDA_SUCCESS);
	pools[0].used = 0;
	assert_int_equal(finish(*state, &pools[0]), CUDA_SUCCESS);
	assert_true(pools[0].gone);
	assert_int_equal(quota_used(0), 0);
	pools_account(*state);
	assert_int_equal(use(*state, &pools[1], LIMIT), CUDA_SUCCESS);
	pools[1].used = 0;
}

static void still_used(void **state)
{
	current = (CUmemoryPool)&pools[0];
	assert_int_equal(use(*state, &pools[0], 600), CUDA_SUCCESS);
	assert_int_equal(finish(*state, &pools[0]), CUDA_SUCCESS);
	assert_ptr_equal(current, &own);
	assert_int_equal(quota_used(0), 600);
	assert_int_equal(use(*state, &pools[1], 600), CUDA_ERROR_OUT_OF_MEMORY);
	pools[0].used = 0;
	assert_int_equal(use(*state, &pools[1], 600), CUDA_SUCCESS);
	assert_true(pools[0].gone);
	pools[1].used = 0;
}

static void default_pool(void **state)
{
	assert_int_equal(use(*state, &own, 100), CUDA_SUCCESS);
	assert_int_equal(finish(*state, &own), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(quota_used(0), 100);
	own.used = 0;
}

static void of_another_device(void **state)
{
	device = 1;
	assert_int_equal(use(*state, &pools[0], 600), CUDA_SUCCESS);
	assert_int_equal(quota_used(0), 0);
	assert_int_equal(quota_used(1), 600);
	pools[0].used = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unused, begin, end),
		cmocka_unit_test_setup_teardown(still_used, begin, end),
		cmocka_unit_test_setup_teardown(default_pool, begin, end),
		cmocka_unit_test_setup_teardown(of_another_device, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
