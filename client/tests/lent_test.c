/* SPDX-License-Identifier: Apache-2.0 */
/* Which rooms pageable memory of graphs gets, and for how long. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include "hostfunc.h"
#include "hostmem.h"
#include "lent.h"
#include "mirror.h"
#include "wire_calls.h"

enum { IDS = 16, SIZE = 4096 };

static struct {
	void (*gone)(void *user);
	void *user;
} kept[IDS];
static uint64_t ids, next_address = 1 << 20;
static uint8_t host[4 * SIZE];
_Atomic unsigned mirrors_active;

uint64_t hostmem_take(size_t size)
{
	next_address += size;
	return next_address - size;
}

void hostmem_give(uint64_t base, size_t size)
{
}

CUresult wire_mirror_map(uint64_t address, size_t bytes)
{
	return CUDA_SUCCESS;
}

void mirror_put(uint64_t address, const void *bytes, size_t size)
{
}

uint64_t hostfunc_add_kept(void (*gone)(void *user), void *user)
{
	assert_true(ids < IDS);
	kept[ids].gone = gone;
	kept[ids].user = user;
	return ++ids;
}

/* The graph that had these from @first on is gone. */
static void end(uint64_t first)
{
	while (ids > first) {
		ids--;
		kept[ids].gone(kept[ids].user);
	}
}

/* The graphs' end is told while somebody waits. */
static bool news;

int __wrap_pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

int __wrap_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
	if (!news)
		return ETIMEDOUT;
	pthread_mutex_unlock(mutex);
	end(0);
	pthread_mutex_lock(mutex);
	return 0;
}

static uint64_t lend_to(struct lending what)
{
	uint64_t address = 0, id;

	if (lent_memory(&what, &address, &id))
		return 0;
	assert_int_equal(lent_host(address), (uintptr_t)what.host);
	return address;
}

static uint64_t lend(size_t at, size_t size, bool written, uint64_t graph)
{
	return lend_to((struct lending){host + at, size, written, graph, false});
}

static void test_parts(void **state)
{
	uint64_t room = lend(0, SIZE, false, 1), other;

	assert_true(room);
	/* All of it is lent already, so it has one room. */
	assert_int_equal(lend(64, 64, true, 1), room + 64);
	/* A part of it, which is written, is not to be had twice by one graph. */
	assert_false(lend(32, SIZE, false, 1));
	assert_false(lent_entangled());
	/* Another graph's room stays in step at launches. */
	other = lend(32, SIZE, false, 2);
	assert_true(other);
	assert_int_not_equal(other, room + 32);
	assert_true(lent_entangled());
	end(0);
	assert_false(lent_entangled());
}

/* Two rooms are read; then a copy of the same graph is to write in one of them what the other has, too. */
static void test_written_later(void **state)
{
	assert_true(lend(0, SIZE, false, 1));
	assert_true(lend(32, SIZE, false, 1));
	assert_true(lend(0, 32, true, 1));
	assert_false(lend(64, 64, true, 1));
	end(0);
	assert_true(lend(0, SIZE, false, 1));
	assert_true(lend(32, SIZE, false, 2));
	assert_false(lent_entangled());
	assert_true(lend(64, 64, true, 2));
	assert_true(lent_entangled());
	end(0);
}

/* A graph that is gone is not remembered by the room that others go on to use. */
static void test_shared(void **state)
{
	void (*gone)(void *user);
	void *user;

	assert_true(lend(0, SIZE, true, 1));
	assert_true(lend(0, SIZE, false, 2));
	gone = kept[0].gone;
	user = kept[0].user;
	kept[0] = kept[1];
	ids = 1;
	gone(user);
	assert_true(lend(SIZE / 2, SIZE, false, 1));
	assert_false(lend(SIZE / 2, SIZE, true, 2));
	end(0);
}

/* The handle of a graph that is gone may be used again before the news of its end are here; the number of
 * a capture is not. */
static void test_news(void **state)
{
	assert_true(lend(0, SIZE, true, 7));
	news = true;
	assert_true(lend(SIZE / 2, SIZE, true, 7));
	assert_false(lend_to((struct lending){host, SIZE, true, 7, true}));
	news = false;
	end(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_written_later),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
