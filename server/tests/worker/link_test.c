/* SPDX-License-Identifier: Apache-2.0 */
/* A link that one thread of the client ends while another still has it completed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "server_calls.h"
#include "state.h"

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool completing;
static _Atomic unsigned ended;
static uint8_t linked[64] = "linked";

static CUresult create(unsigned count, CUjit_option *options, void **values, CUlinkState *out)
{
	*out = (CUlinkState)linked;
	return CUDA_SUCCESS;
}

static CUresult complete(CUlinkState state, void **image, size_t *size)
{
	completing = true;
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
	assert_int_equal(ended, 0);
	*image = linked;
	*size = sizeof(linked);
	return CUDA_SUCCESS;
}

static CUresult destroy(CUlinkState state)
{
	ended++;
	return CUDA_SUCCESS;
}

static int begin(void **state)
{
	static struct session s;

	driver.cuLinkCreate_v2 = create;
	driver.cuLinkComplete = complete;
	driver.cuLinkDestroy = destroy;
	*state = &s;
	return session_init(&s);
}

static CUlinkState make(struct session *s)
{
	struct request q = {.session = s};
	CUlinkState link = NULL;

	ended = 0;
	assert_int_equal(server_link_create(&q, &link, NULL, NULL, 0), CUDA_SUCCESS);
	return link;
}

static void *finish(void *session)
{
	struct request q = {.session = session};
	size_t size = 0, bytes = sizeof(linked);
	uint8_t image[sizeof(linked)] = {0};
	unsigned none = 0;

	assert_int_equal(server_link_complete(&q, (CUlinkState)linked, 0, &size, &bytes, image,
				 &none, NULL, &none, NULL),
		CUDA_SUCCESS);
	assert_memory_equal(image, linked, sizeof(linked));
	return NULL;
}

static void while_it_is_used(void **state)
{
	struct request q = {.session = *state};
	CUlinkState link = make(*state);
	pthread_t thread;

	pthread_mutex_lock(&held);
	assert_int_equal(pthread_create(&thread, NULL, finish, *state), 0);
	while (!completing)
		;
	assert_int_equal(server_link_destroy(&q, link), CUDA_SUCCESS);
	assert_int_equal(server_link_destroy(&q, link), CUDA_ERROR_INVALID_HANDLE);
	pthread_mutex_unlock(&held);
	pthread_join(thread, NULL);
	assert_int_equal(ended, 1);
}

static void otherwise(void **state)
{
	struct request q = {.session = *state};

	for (int i = 0; i < 1000; i++) {
		CUlinkState link = make(*state);

		assert_int_equal(server_link_destroy(&q, link), CUDA_SUCCESS);
		assert_int_equal(ended, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_it_is_used),
		cmocka_unit_test(otherwise),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
