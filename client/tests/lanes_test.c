/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks that come by a lane for copies that are cancelled meanwhile: the session goes on, and
 * memory is not given up while a lane receives into it. The lane's bytes are written here, and a
 * chunk can be held in its middle. And which bytes wait for what came before them.
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "client.h"
#include "copyout.h"
#include "lanes.h"
#include "receive.h"
#include "thread.h"
#include "transport.h"
#include "wire.h"

enum { CHUNK = 64, HOLD_US = 20000, FRAMES = 7 };

struct client client;

static uint8_t script[4096];
static size_t written, taken;
static size_t hold_at; /* the receiver of the bytes from here on is held */
static sem_t reached, go, over;
static const char *lost;
static unsigned counted, waited_frames, waited_chunks;

void client_lost(CUresult result, const char *why)
{
	lost = why;
	client.lost = result;
	client.state = CLIENT_LOST;
}

void client_cut(const char *which)
{
	client_lost(CUDA_ERROR_UNKNOWN, which);
}

void receive_unasked(int change)
{
}

void receive_chunk_arrived(unsigned lane)
{
	counted++;
}

void receive_before(unsigned lane, uint32_t frames)
{
	waited_frames += frames;
}

void receive_chunks(uint32_t wanted)
{
	waited_chunks += wanted;
}

static void *(*receive)(void *);

static void *receive_to_the_end(void *lane)
{
	receive(lane);
	sem_post(&over);
	return NULL;
}

/* Of a lane's two threads the second one receives. */
int thread_start(void *(*run)(void *), void *argument)
{
	static bool sends;
	pthread_t thread;

	sends = !sends;
	if (sends)
		return 0;
	receive = run;
	pthread_create(&thread, NULL, receive_to_the_end, argument);
	return -pthread_detach(thread);
}

static int take(struct connection *c, void *buffer, size_t size)
{
	if (taken == hold_at) {
		sem_post(&reached);
		sem_wait(&go);
	}
	if (size > written - taken)
		return -1;
	memcpy(buffer, script + taken, size);
	taken += size;
	return 0;
}

static const struct transport transport = {.recv = take};

static void put_chunk(uint64_t id, uint64_t offset)
{
	struct lane_data header = {id, offset, CHUNK, FRAMES};

	memcpy(script + written, &header, sizeof(header));
	written += sizeof(header);
	memset(script + written, 1 + offset / CHUNK, CHUNK);
	written += CHUNK;
}

static int begin(void **state)
{
	static bool started;

	client = (struct client){.state = CLIENT_READY, .transport = &transport, .lanes = 1};
	written = taken = 0;
	hold_at = SIZE_MAX;
	lost = NULL;
	counted = waited_frames = waited_chunks = 0;
	if (!started) {
		sem_init(&reached, 0, 0);
		sem_init(&go, 0, 0);
		sem_init(&over, 0, 0);
	}
	started = true;
	return 0;
}

static void play(void)
{
	assert_int_equal(lanes_start(), 0);
}

/* All that was written is received, and nothing was wrong with it. */
static void finish(unsigned chunks)
{
	sem_wait(&over);
	assert_string_equal(lost, "bulk");
	assert_int_equal(counted, chunks);
	assert_int_equal(taken, written);
}

static void server_cancels(uint64_t id)
{
	assert_true(copyout_data(id, UINT64_MAX, NULL, 0, 0));
}

static uint64_t flat(uint8_t *host, size_t size)
{
	return copyout_begin(&(struct copyout_target){host, size, 1, 1, size, size}, false);
}

static void late_chunks_are_dropped(void **state)
{
	uint8_t host[2 * CHUNK] = {0}, next[CHUNK] = {0};
	uint64_t id = flat(host, sizeof(host)), other;

	server_cancels(id);
	other = flat(next, sizeof(next));
	put_chunk(id, 0);
	put_chunk(other, 0);
	put_chunk(id, CHUNK);
	play();
	finish(3);
	assert_int_equal(host[0] | host[CHUNK], 0);
	assert_int_equal(next[0] & next[CHUNK - 1], 1);
}

static void others_are_an_error(void **state)
{
	uint8_t host[CHUNK];
	uint64_t id = flat(host, sizeof(host));

	put_chunk(id + ((uint64_t)1 << 32), 0); /* will be, but is not yet */
	play();
	sem_wait(&over);
	assert_string_equal(lost, "the server sent data nobody asked for");
	assert_int_equal(counted, 0);
	copyout_cancel(id);
}

static void memory_stays_while_it_is_received_into(void **state)
{
	uint8_t *host = calloc(4, CHUNK);
	struct copyout_target rows = {host, CHUNK, 2, 1, 2 * CHUNK, 4 * CHUNK};
	uint64_t id = copyout_begin(&rows, false);

	put_chunk(id, 0);
	put_chunk(id, CHUNK);
	hold_at = sizeof(struct lane_data);
	play();
	sem_wait(&reached);
	server_cancels(id);
	assert_true(copyout_pending(host, 1));
	sem_post(&go);
	finish(2);
	assert_false(copyout_pending(host, 1));
	assert_int_equal(host[0], 0);
	free(host);
}

static void *cancel(void *id)
{
	copyout_cancel((uintptr_t)id);
	return (void *)taken;
}

/* The memory is the caller's again when it returns. */
static void cancelling_waits(void **state)
{
	uint8_t host[CHUNK];
	uint64_t id = flat(host, sizeof(host));
	pthread_t thread;
	void *before;

	put_chunk(id, 0);
	hold_at = sizeof(struct lane_data);
	play();
	sem_wait(&reached);
	pthread_create(&thread, NULL, cancel, (void *)(uintptr_t)id);
	usleep(HOLD_US);
	sem_post(&go);
	pthread_join(thread, &before);
	assert_int_equal((size_t)before, written);
	finish(1);
}

/* So does it when the rest never comes. */
static void cancelling_ends_with_the_session(void **state)
{
	uint8_t host[CHUNK];
	uint64_t id = flat(host, sizeof(host));
	pthread_t thread;

	put_chunk(id, 0);
	hold_at = sizeof(struct lane_data);
	play();
	sem_wait(&reached);
	written = taken;
	pthread_create(&thread, NULL, cancel, (void *)(uintptr_t)id);
	usleep(HOLD_US);
	sem_post(&go);
	pthread_join(thread, NULL);
	finish(0);
	assert_false(copyout_pending(host, sizeof(host)));
}

/* Bytes for memory that an earlier copy is still to fill wait for what was sent before them, others do not. */
static void later_bytes_come_later(void **state)
{
	uint8_t host[2 * CHUNK], other[CHUNK], in_frame[CHUNK] = {9};
	uint64_t first = flat(host, sizeof(host)), apart = flat(other, CHUNK);
	uint64_t second = flat(host + CHUNK, CHUNK), third = flat(host, CHUNK);

	put_chunk(apart, 0);
	put_chunk(first, 0);
	put_chunk(second, 0);
	put_chunk(first, CHUNK);
	play();
	finish(4);
	assert_int_equal(waited_frames, FRAMES);
	assert_true(copyout_data(third, 0, in_frame, CHUNK, 4));
	assert_int_equal(waited_chunks, 4);
	assert_memory_equal(host, in_frame, CHUNK);
}

/* A copy in a frame may be a flag, on which a program spins that nothing else holds up. */
static void flags_come_last(void **state)
{
	uint8_t flag[CHUNK], in_frame[CHUNK] = {9};
	struct copyout_target target = {flag, CHUNK, 1, 1, CHUNK, CHUNK};

	assert_true(copyout_data(copyout_begin(&target, false), 0, in_frame, CHUNK, 4));
	assert_int_equal(waited_chunks, 4);
	assert_true(copyout_data(copyout_begin(&target, true), 0, in_frame, CHUNK, 4));
	assert_int_equal(waited_chunks, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(late_chunks_are_dropped, begin),
		cmocka_unit_test_setup(others_are_an_error, begin),
		cmocka_unit_test_setup(memory_stays_while_it_is_received_into, begin),
		cmocka_unit_test_setup(cancelling_waits, begin),
		cmocka_unit_test_setup(cancelling_ends_with_the_session, begin),
		cmocka_unit_test_setup(later_bytes_come_later, begin),
		cmocka_unit_test_setup(flags_come_last, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
