/* SPDX-License-Identifier: Apache-2.0 */
/* Handle tables: kinds, generations, limits, and lookups beside changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "handles.h"

enum { ROUNDS = 50000, PLACES = 8 };

static void *real(uintptr_t n)
{
	return (void *)n;
}

static void minted(void **state)
{
	static struct handles h;
	uint64_t id = handle_make(KIND_CUstream, 3, 5), next = handle_make(KIND_CUstream, 4, 5);

	assert_int_equal(handles_init(&h), 0);
	assert_null(handles_find(&h, KIND_CUstream, id));
	assert_int_equal(handles_set(&h, KIND_CUstream, id, real(1), 0), 0);
	assert_int_equal(handles_set(&h, KIND_CUstream, id, real(1), 0), -EEXIST);
	assert_int_equal(handles_set(&h, KIND_CUstream, next, real(1), 0), -EEXIST);
	assert_int_equal(handles_set(&h, KIND_CUevent, id, real(1), 0), -EINVAL);
	assert_int_equal(handles_set(&h, KIND_CUstream, id | 1, real(1), 0), -EINVAL);
	assert_int_equal(handles_set(&h, KIND_CUstream, id | 1ull << 60, real(1), 0), -EINVAL);
	assert_ptr_equal(handles_find(&h, KIND_CUstream, id)->real, real(1));
	assert_null(handles_find(&h, KIND_CUevent, id));
	assert_null(handles_find(&h, KIND_CUstream, next));
	handles_drop(&h, KIND_CUstream, next);
	assert_non_null(handles_find(&h, KIND_CUstream, id));
	handles_drop(&h, KIND_CUstream, id);
	assert_null(handles_find(&h, KIND_CUstream, id));
	assert_int_equal(handles_set(&h, KIND_CUstream, next, NULL, 2), 0);
	assert_int_equal(handles_find(&h, KIND_CUstream, next)->error, 2);
	/* The client has another for the one that was not made. */
	assert_int_equal(handles_set(&h, KIND_CUstream, id, real(1), 0), 0);
	assert_null(handles_find(&h, KIND_CUstream, next));
	assert_ptr_equal(handles_find(&h, KIND_CUstream, id)->real, real(1));
	handles_fini(&h);
}

static void limit(void **state)
{
	static struct handles h;
	unsigned made = 0;

	/* One handle per chunk is the worst a client can do. */
	assert_int_equal(handles_init(&h), 0);
	for (unsigned kind = 1; kind < KIND_COUNT; kind++) {
		for (uint32_t i = 0; i < HANDLE_INDEX_MAX; i += HANDLE_CHUNK)
			made += !handles_set(&h, kind, handle_make(kind, 0, i), real(1), 0);
	}
	assert_true(made <= HANDLE_CHUNKS_MAX);
	handles_fini(&h);
}

static void reals(void **state)
{
	static struct handles h;

	assert_int_equal(handles_init(&h), 0);
	assert_int_equal(handles_real_add(&h, KIND_CUgraph, 0), -EINVAL);
	for (uint64_t v = 1; v < 5000; v++)
		assert_int_equal(handles_real_add(&h, KIND_CUgraph, v * 16), 0);
	for (uint64_t v = 1; v < 5000; v += 2)
		handles_real_drop(&h, KIND_CUgraph, v * 16);
	for (uint64_t v = 1; v < 5000; v++) {
		assert_int_equal(handles_real_has(&h, KIND_CUgraph, v * 16), v % 2 == 0);
		assert_false(handles_real_has(&h, KIND_CUgraphExec, v * 16));
	}
	/* Texture objects are small numbers. */
	assert_int_equal(handles_real_add(&h, KIND_CUgraph, 1), 0);
	assert_true(handles_real_has(&h, KIND_CUgraph, 1));
	handles_fini(&h);
}

static struct handles shared;
static _Atomic int over;

/* A place is used again and again: its value always says its generation. */
static void *changer(void *arg)
{
	for (unsigned g = 1; g <= ROUNDS; g++) {
		uint64_t id = handle_make(KIND_CUevent, g, g % PLACES);

		handles_set(&shared, KIND_CUevent, id, real(id), 0);
		handles_drop(&shared, KIND_CUevent, id);
	}
	atomic_store(&over, 1);
	return NULL;
}

static void races(void **state)
{
	pthread_t thread;
	unsigned g = 0;

	assert_int_equal(handles_init(&shared), 0);
	assert_int_equal(pthread_create(&thread, NULL, changer, NULL), 0);
	for (; !atomic_load(&over); g++) {
		uint64_t id = handle_make(KIND_CUevent, g, g % PLACES);
		struct handle_entry *e = handles_find(&shared, KIND_CUevent, id);
		void *got = e ? atomic_load(&e->real) : NULL;

		if (e && atomic_load(&e->id) == id)
			assert_ptr_equal(got, real(id));
	}
	pthread_join(thread, NULL);
	handles_fini(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minted),
		cmocka_unit_test(limit),
		cmocka_unit_test(reals),
		cmocka_unit_test(races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
