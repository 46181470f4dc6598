/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts that end in a helper thread while other threads use them: requests, waits and regions of
 * host memory that need one are over first, and the end waits for nothing of its own. And contexts
 * that their work ended: the client is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "fault.h"
#include "memory.h"
#include "mirror.h"
#include "opcodes.h"
#include "pending.h"
#include "server_calls.h"
#include "staging.h"

#define ARENA UINT64_C(0x200000000000)

enum { TESTS_MAX = 16, A = 1, B, WAIT_US = 30000, PAGE = 4096 };

/* Nothing undoes a session, since its process ends with it: each test has one of its own. */
static struct session sessions[TESTS_MAX], *session = sessions;
static struct connection connection;
static struct context *context_a, *context_b;
static CUevent const event = (CUevent)0x10;
static CUstream const stream = (CUstream)0x20;

static uint64_t region; /* where the client's memory can be mapped */
static pthread_t ending;
static _Atomic bool ended, early, asked_late;
static _Atomic unsigned destroyed, replies, unregistered, unregistering;
static _Atomic int answer = CUDA_SUCCESS; /* of queries */
static __thread CUcontext current;
static CUcontext made_in, recorded_in;
static void (*at_event_destroy)(void);

static void *end_context(void *context)
{
	context_end(context);
	ended = true;
	return NULL;
}

/* In another thread; was it over in the time that it has? */
static void begin_end(struct context *c)
{
	pthread_create(&ending, NULL, end_context, c);
	usleep(WAIT_US);
	early = ended;
}

static void finish_end(void)
{
	pthread_join(ending, NULL);
	assert_true(ended);
	assert_false(early);
}

static CUresult good(void)
{
	return CUDA_SUCCESS;
}

static CUresult set_current(CUcontext c)
{
	current = c;
	return CUDA_SUCCESS;
}

static CUresult make_event(CUevent *out, unsigned flags)
{
	static uintptr_t last = 0x1000;

	made_in = current;
	*out = (CUevent)(last += 16);
	return CUDA_SUCCESS;
}

static CUresult make_while_it_ends(CUevent *out, unsigned flags)
{
	*out = event;
	begin_end(context_a);
	return CUDA_SUCCESS;
}

static CUresult destroy_while_it_ends(CUstream s)
{
	begin_end(context_a);
	return CUDA_SUCCESS;
}

static CUresult destroy_event(CUevent e)
{
	destroyed += e == event;
	if (at_event_destroy)
		at_event_destroy();
	return CUDA_SUCCESS;
}

static CUresult query_event(CUevent e)
{
	if (destroyed && e == event)
		asked_late = true;
	return answer;
}

static CUresult query_stream(CUstream s)
{
	return s == stream ? answer : CUDA_SUCCESS;
}

static CUresult record(CUevent e, CUstream s)
{
	recorded_in = current;
	return CUDA_SUCCESS;
}

static CUresult unregister(void *p)
{
	unregistering++;
	usleep(WAIT_US);
	unregistered++;
	unregistering--;
	return CUDA_SUCCESS;
}

static uint64_t room[64];

static void *reserve(struct connection *c, size_t size)
{
	return size <= sizeof(room) ? room : NULL;
}

static void commit(struct connection *c, size_t size)
{
	replies++;
}

static int sent(struct connection *c, const struct iovec *iov, int count)
{
	return 0;
}

static void driver_begin(void)
{
	void *function = (void *)good;

	for (size_t i = 0; i < driver_names_count; i++)
		memcpy((char *)&driver + driver_names[i].offset, &function, sizeof(function));
	driver.cuCtxSetCurrent = set_current;
	driver.cuEventCreate = make_event;
	driver.cuEventDestroy_v2 = destroy_event;
	driver.cuEventQuery = query_event;
	driver.cuEventRecord = record;
	driver.cuStreamQuery = query_stream;
	driver.cuMemHostUnregister = unregister;
}

static int begin(void **state)
{
	static const struct transport transport = {
		.reserve = reserve, .commit = commit, .send = sent};

	driver_begin();
	connection.ops = &transport;
	session++;
	session->command = &connection;
	ended = early = asked_late = false;
	destroyed = replies = unregistered = 0;
	answer = CUDA_SUCCESS;
	at_event_destroy = NULL;
	region = (uintptr_t)mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (session_init(session) || memory_create(session, ARENA, 1 << 30) ||
		mirror_create(session, region, PAGE) || staging_create(&session->staging))
		return -1;
	return context_add(session, handle_make(KIND_CUcontext, 1, A), (CUcontext)A, 0, false,
		       &context_a) ||
	       context_add(session, handle_make(KIND_CUcontext, 1, B), (CUcontext)B, 0, false,
		       &context_b);
}

static void serve(uint16_t opcode, struct context *c, const void *payload, size_t size, bool waits)
{
	struct serving v;

	assert_int_equal(serving_init(&v, session), 0);
	v.q.opcode = opcode;
	v.q.context_id = c->id;
	v.q.waits = waits;
	v.q.in = (struct cursor){payload, (const uint8_t *)payload + size, false};
	assert_int_equal(serving_execute(&v), 0);
	serving_fini(&v);
}

/* A handle of context A's. */
static uint64_t give(enum kind kind, void *real)
{
	uint64_t id = handle_make(kind, 1, 5);

	assert_true(context_hold(context_a));
	serving_context = context_a;
	assert_int_equal(handle_set(session, kind, id, real, CUDA_SUCCESS), CUDA_SUCCESS);
	serving_let_go();
	return id;
}

static void requests_keep_their_context(void **state)
{
	uint64_t id = handle_make(KIND_CUevent, 1, 5);
	uint8_t payload[12] = {0};

	memcpy(payload, &id, sizeof(id));
	driver.cuEventCreate = make_while_it_ends;
	serve(OP_event_create, context_a, payload, sizeof(payload), false);
	finish_end();
	/* What the request made ended with it. */
	assert_int_equal(destroyed, 1);
	assert_null(handles_find(&session->handles, KIND_CUevent, id));
}

static void requests_keep_contexts_of_what_they_name(void **state)
{
	uint64_t id = give(KIND_CUstream, stream);

	driver.cuStreamDestroy_v2 = destroy_while_it_ends;
	serve(OP_stream_destroy, context_b, &id, sizeof(id), false);
	finish_end();
	assert_true(LIST_EMPTY(&context_a->streams));
}

static void ended_contexts_are_not_used(void **state)
{
	uint64_t id = give(KIND_CUstream, stream), context = context_a->id;
	void *real;

	assert_true(context_hold(context_a));
	begin_end(context_a);
	assert_int_equal(handle_get(session, KIND_CUstream, id, &real), CUDA_ERROR_INVALID_HANDLE);
	assert_null(context_find(session, context));
	context_let_go(context_a);
	finish_end();
}

/* The wait is over first, and the event is not asked any more. */
static void waits_keep_the_context_of_an_event(void **state)
{
	uint64_t id = give(KIND_CUevent, event);

	answer = CUDA_ERROR_NOT_READY;
	serve(OP_event_synchronize, context_b, &id, sizeof(id), true);
	assert_int_equal(session->pending_count, 1);
	begin_end(context_a);
	session_poll(session);
	assert_int_equal(replies, 0);
	answer = CUDA_SUCCESS;
	session_poll(session);
	assert_int_equal(replies, 1);
	finish_end();
	assert_int_equal(destroyed, 1);
	assert_false(asked_late);
}

/* An event that takes over, later or at once, is recorded where the stream is. */
static void wait_for_stream(uint32_t behind)
{
	uint64_t id = give(KIND_CUstream, stream);
	uint8_t payload[12];

	memcpy(payload, &id, sizeof(id));
	memcpy(payload + sizeof(id), &behind, sizeof(behind));
	answer = CUDA_ERROR_NOT_READY;
	serve(OP_stream_synchronize, context_b, payload, sizeof(payload), true);
	pending_harden(session);
	assert_ptr_equal(made_in, (CUcontext)A);
	assert_ptr_equal(recorded_in, (CUcontext)A);
	answer = CUDA_SUCCESS;
	session_poll(session);
	assert_int_equal(replies, 1);
}

static void waits_are_in_the_context_of_their_stream(void **state)
{
	wait_for_stream(0);
}

static void waits_behind_a_stream_are_in_its_context(void **state)
{
	wait_for_stream(1);
}

static void contexts_end_within_themselves(void **state)
{
	uint64_t id = context_a->id;

	serve(OP_context_release, context_a, &id, sizeof(id), true);
	assert_null(context_find(session, id));
	assert_int_equal(replies, 1);
}

static pthread_t unmapping;

static void *unmap(void *unused)
{
	serve(OP_mirror_unmap, context_b, &region, sizeof(region), true);
	return NULL;
}

static void unmap_meanwhile(void)
{
	at_event_destroy = NULL;
	pthread_create(&unmapping, NULL, unmap, NULL);
	usleep(WAIT_US / 2);
}

/* Nothing uses the context after its end. */
static void regions_end_in_their_context_or_before(void **state)
{
	uint64_t map[2] = {region, PAGE};

	serve(OP_mirror_map, context_a, map, sizeof(map), true);
	/* Between the last look at who uses the context and the end of its regions. */
	give(KIND_CUevent, event);
	at_event_destroy = unmap_meanwhile;
	context_end(context_a);
	assert_int_equal(unregistering, 0);
	assert_int_equal(unregistered, 1);
	pthread_join(unmapping, NULL);
	assert_int_equal(unregistered, 1);
	/* The address can be used again. */
	serve(OP_mirror_map, context_b, map, sizeof(map), true);
	serve(OP_mirror_unmap, context_b, &region, sizeof(region), true);
	assert_int_equal(unregistered, 2);
}

static _Atomic bool printed;

static CUresult print(void)
{
	while (!printed)
		usleep(1);
	return CUDA_ERROR_ASSERT;
}

/* And before the context ends, so that nothing is told of a later one with its number. */
static void faults_are_told_once(void **state)
{
	driver.cuCtxSynchronize = print;
	answer = CUDA_ERROR_NOT_READY;
	fault_look(session);
	answer = CUDA_ERROR_INVALID_HANDLE;
	fault_look(session);
	usleep(WAIT_US);
	assert_int_equal(replies, 0);
	answer = CUDA_ERROR_ASSERT;
	fault_look(session);
	begin_end(context_a);
	assert_int_equal(replies, 0);
	printed = true;
	finish_end();
	while (context_b->users)
		usleep(1);
	fault_look(session);
	assert_int_equal(context_b->users, 0);
	assert_int_equal(replies, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(requests_keep_their_context, begin),
		cmocka_unit_test_setup(requests_keep_contexts_of_what_they_name, begin),
		cmocka_unit_test_setup(ended_contexts_are_not_used, begin),
		cmocka_unit_test_setup(waits_keep_the_context_of_an_event, begin),
		cmocka_unit_test_setup(waits_are_in_the_context_of_their_stream, begin),
		cmocka_unit_test_setup(waits_behind_a_stream_are_in_its_context, begin),
		cmocka_unit_test_setup(contexts_end_within_themselves, begin),
		cmocka_unit_test_setup(regions_end_in_their_context_or_before, begin),
		cmocka_unit_test_setup(faults_are_told_once, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
