/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order and integrity: whatever mix of calls sends and receives, the bytes
 * that come out are the bytes that went in.
 */
#include "fixture.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

struct half {
	struct connection *c;
	unsigned seed;
	uint64_t total;
	int slow_ms; /* pause of a slow reader, now and then */
};

static size_t random_size(uint64_t *rng, uint64_t left)
{
	static const size_t limits[] = {1, 64, 4096, 300000, TRANSPORT_BUFFER / 2};
	size_t n = 1 + next_random(rng) % limits[next_random(rng) % 5];

	return n < left ? n : left;
}

static void send_some(struct half *h, uint8_t *buffer, uint64_t position, size_t n, bool bulk)
{
	struct iovec iov[3];
	uint8_t *room;

	if (!bulk) {
		room = transport->reserve(h->c, n);
		check(room != NULL);
		pattern_fill(room, n, position, h->seed);
		transport->commit(h->c, n);
		return;
	}
	pattern_fill(buffer, n, position, h->seed);
	iov[0] = (struct iovec){buffer, n / 3};
	iov[1] = (struct iovec){buffer + n / 3, 0};
	iov[2] = (struct iovec){buffer + n / 3, n - n / 3};
	check(transport->send(h->c, iov, 3) == 0);
}

/* Committed bytes, bulk behind committed bytes, flushes now and then. */
static void *sender(void *arg)
{
	uint8_t *buffer = malloc(TRANSPORT_BUFFER / 2);
	struct half *h = arg;
	uint64_t rng = h->seed, position = 0;

	while (position < h->total) {
		size_t n = random_size(&rng, h->total - position);

		send_some(h, buffer, position, n, next_random(&rng) % 4 == 0);
		position += n;
		if (next_random(&rng) % 4 == 0)
			check(transport->send(h->c, NULL, 0) == 0);
	}
	check(transport->send(h->c, NULL, 0) == 0);
	free(buffer);
	return NULL;
}

static void receive_some(
	struct half *h, uint8_t *buffer, uint64_t position, size_t n, uint64_t *rng)
{
	const void *data;
	ssize_t have;

	if (next_random(rng) % 3 == 0) {
		check(transport->recv(h->c, buffer, n) == 0);
		check(pattern_matches(buffer, n, position, h->seed));
		return;
	}
	have = transport->peek(h->c, n, next_random(rng) % 20, TRANSPORT_FOREVER, &data);
	check(have >= (ssize_t)n);
	check(pattern_matches(data, n, position, h->seed));
	transport->consume(h->c, n);
}

static void *receiver(void *arg)
{
	uint8_t *buffer = malloc(TRANSPORT_BUFFER / 2);
	struct half *h = arg;
	uint64_t rng = h->seed + 77, position = 0;

	while (position < h->total) {
		size_t n = random_size(&rng, h->total - position);

		receive_some(h, buffer, position, n, &rng);
		position += n;
		if (h->slow_ms && next_random(&rng) % 8 == 0)
			sleep_ms(h->slow_ms);
	}
	free(buffer);
	return NULL;
}

static void run_halves(struct half *halves, int pairs)
{
	pthread_t threads[8];
	int i;

	for (i = 0; i < pairs; i++) {
		check(!pthread_create(&threads[2 * i], NULL, sender, &halves[2 * i]));
		check(!pthread_create(&threads[2 * i + 1], NULL, receiver, &halves[2 * i + 1]));
	}
	for (i = 0; i < 2 * pairs; i++)
		pthread_join(threads[i], NULL);
}

static void both_directions_at_once(void **state)
{
	struct pair p = pair_create();
	struct half halves[4] = {
		{.c = p.a, .seed = 1, .total = 40 * MIB},
		{.c = p.b, .seed = 1, .total = 40 * MIB},
		{.c = p.b, .seed = 2, .total = 30 * MIB},
		{.c = p.a, .seed = 2, .total = 30 * MIB},
	};

	run_halves(halves, 2);
	pair_destroy(&p);
}

static void slow_reader_fills_the_ring(void **state)
{
	struct pair p = pair_create();
	struct half halves[2] = {
		{.c = p.a, .seed = 3, .total = 24 * MIB},
		{.c = p.b, .seed = 3, .total = 24 * MIB, .slow_ms = 3},
	};

	run_halves(halves, 1);
	pair_destroy(&p);
}

enum { WRAP_CHUNK = TRANSPORT_BUFFER / 2 - 4099, WRAP_KEPT = 1237, WRAP_ROUNDS = 12 };

static void *wrap_sender(void *arg)
{
	uint8_t *room;
	int i;

	for (i = 0; i < WRAP_ROUNDS; i++) {
		room = transport->reserve(arg, WRAP_CHUNK);
		check(room != NULL);
		pattern_fill(room, WRAP_CHUNK, (uint64_t)i * WRAP_CHUNK, 5);
		transport->commit(arg, WRAP_CHUNK);
	}
	check(transport->send(arg, NULL, 0) == 0);
	return NULL;
}

/* A size that does not divide the ring, which never empties: what is peeked lies across the ring's
 * end again and again. */
static void ring_wraps(void **state)
{
	enum { STEP = WRAP_CHUNK / 3 };
	struct pair p = pair_create();
	const void *data;
	pthread_t thread;
	int i;

	check(!pthread_create(&thread, NULL, wrap_sender, p.a));
	for (i = 0; i < 3 * WRAP_ROUNDS - 1; i++) {
		ssize_t n = transport->peek(p.b, STEP + WRAP_KEPT, 0, TRANSPORT_FOREVER, &data);

		assert_true(n >= STEP + WRAP_KEPT);
		assert_true(pattern_matches(data, n, (uint64_t)i * STEP, 5));
		transport->consume(p.b, STEP);
	}
	pthread_join(thread, NULL);
	pair_destroy(&p);
}

struct writer {
	struct connection *c;
	atomic_bool over;
};

/* Small and large, the ring empty now and then. */
static void *write_only(void *arg)
{
	struct writer *w = arg;
	uint64_t rng = 11, position = 0;

	while (position < 24 * MIB) {
		size_t n = 1 + next_random(&rng) % (next_random(&rng) % 64 ? 300 : MIB);
		uint8_t *room;

		n = n < 24 * MIB - position ? n : 24 * MIB - position;
		room = transport->reserve(w->c, n);
		check(room != NULL);
		pattern_fill(room, n, position, 6);
		transport->commit(w->c, n);
		position += n;
		if (next_random(&rng) % 512 == 0)
			sleep_ms(1);
	}
	atomic_store(&w->over, true);
	return NULL;
}

static void *send_only(void *arg)
{
	struct writer *w = arg;
	bool over;

	do {
		over = atomic_load(&w->over);
		check(transport->send(w->c, NULL, 0) == 0);
	} while (!over);
	return NULL;
}

static void others_send_meanwhile(void **state)
{
	struct pair p = pair_create();
	struct writer w = {.c = p.a};
	pthread_t thread[3];
	uint64_t position = 0;

	for (int i = 0; i < 3; i++)
		check(!pthread_create(&thread[i], NULL, i ? send_only : write_only, &w));
	while (position < 24 * MIB) {
		const void *data;
		ssize_t n = transport->peek(p.b, 1, 0, TRANSPORT_FOREVER, &data);

		assert_true(n > 0);
		assert_true(pattern_matches(data, n, position, 6));
		transport->consume(p.b, n);
		position += n;
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	pair_destroy(&p);
}

static void post(struct connection *c, const void *data, size_t size)
{
	void *room = transport->reserve(c, size);

	assert_non_null(room);
	memcpy(room, data, size);
	transport->commit(c, size);
}

static void commit_may_be_less_than_reserved(void **state)
{
	struct pair p = pair_create();
	char got[8];
	char *room;

	room = transport->reserve(p.a, 4096);
	assert_non_null(room);
	memcpy(room, "abcdefgh", 8);
	transport->commit(p.a, 3);
	post(p.a, "DEFGH", 5);
	assert_int_equal(transport->send(p.a, NULL, 0), 0);
	assert_int_equal(transport->recv(p.b, got, 8), 0);
	assert_memory_equal(got, "abcDEFGH", 8);
	pair_destroy(&p);
}

static void commit_does_not_send(void **state)
{
	struct pair p = pair_create();
	const void *data;

	post(p.a, "wait", 4);
	assert_int_equal(transport->peek(p.b, 1, 0, 20000, &data), -EAGAIN);
	assert_int_equal(transport->send(p.a, NULL, 0), 0);
	assert_int_equal(transport->peek(p.b, 4, 0, TRANSPORT_FOREVER, &data), 4);
	assert_memory_equal(data, "wait", 4);
	pair_destroy(&p);
}

static void peek_keeps_its_times(void **state)
{
	struct pair p = pair_create();
	const void *data;
	int64_t start;

	start = clock_ms();
	assert_int_equal(transport->peek(p.b, 1, 0, 0, &data), -EAGAIN);
	assert_true(clock_ms() - start < 10000);

	start = clock_ms();
	assert_int_equal(transport->peek(p.b, 1, 30000, 0, &data), -EAGAIN);
	assert_true(clock_ms() - start >= 29);

	start = clock_ms();
	assert_int_equal(transport->peek(p.b, 1, 10000, 50000, &data), -EAGAIN);
	assert_true(clock_ms() - start >= 59);
	assert_true(clock_ms() - start < 30000);
	pair_destroy(&p);
}

static void peek_waits_for_what_it_wants(void **state)
{
	struct pair p = pair_create();
	const void *data;

	post(p.a, "12345", 5);
	assert_int_equal(transport->send(p.a, NULL, 0), 0);
	assert_int_equal(transport->peek(p.b, 6, 0, 20000, &data), -EAGAIN);
	/* A timeout loses nothing, and more than was wanted is shown. */
	assert_int_equal(transport->peek(p.b, 2, 0, 0, &data), 5);
	assert_memory_equal(data, "12345", 5);
	transport->consume(p.b, 2);
	assert_int_equal(transport->peek(p.b, 1, 0, 0, &data), 3);
	assert_memory_equal(data, "345", 3);
	pair_destroy(&p);
}

static void *post_later(void *arg)
{
	sleep_ms(30);
	check(transport->send(arg, &(struct iovec){"now", 3}, 1) == 0);
	return NULL;
}

static void peek_wakes_from_sleep_and_spin(void **state)
{
	struct pair p = pair_create();
	const void *data;
	pthread_t thread;
	int i;

	for (i = 0; i < 2; i++) {
		check(!pthread_create(&thread, NULL, post_later, p.a));
		assert_int_equal(
			transport->peek(p.b, 3, i ? 60000000 : 0, i ? 0 : 60000000, &data), 3);
		transport->consume(p.b, 3);
		pthread_join(thread, NULL);
	}
	pair_destroy(&p);
}

static void recv_takes_the_ring_first(void **state)
{
	struct pair p = pair_create();
	const void *data;
	char got[10];

	assert_int_equal(transport->send(p.a, &(struct iovec){"abcdef", 6}, 1), 0);
	assert_int_equal(transport->peek(p.b, 6, 0, TRANSPORT_FOREVER, &data), 6);
	transport->consume(p.b, 2);
	assert_int_equal(transport->send(p.a, &(struct iovec){"ghijkl", 6}, 1), 0);
	assert_int_equal(transport->recv(p.b, got, 7), 0);
	assert_memory_equal(got, "cdefghi", 7);
	assert_int_equal(transport->peek(p.b, 3, 0, TRANSPORT_FOREVER, &data), 3);
	assert_memory_equal(data, "jkl", 3);
	transport->consume(p.b, 3);
	assert_int_equal(transport->recv(p.b, got, 0), 0);
	pair_destroy(&p);
}

static void bulk_follows_what_was_committed(void **state)
{
	enum { PIECES = 300 };
	struct pair p = pair_create();
	struct iovec iov[PIECES];
	uint8_t bytes[PIECES * 7], got[PIECES * 7 + 4];
	int i;

	pattern_fill(bytes, sizeof(bytes), 0, 9);
	for (i = 0; i < PIECES; i++)
		iov[i] = (struct iovec){bytes + 7 * i, 7};
	post(p.a, "head", 4);
	assert_int_equal(transport->send(p.a, iov, PIECES), 0);
	assert_int_equal(transport->recv(p.b, got, sizeof(got)), 0);
	assert_memory_equal(got, "head", 4);
	assert_memory_equal(got + 4, bytes, sizeof(bytes));
	pair_destroy(&p);
}

const struct CMUnitTest stream_tests[] = {
	cmocka_unit_test(both_directions_at_once),
	cmocka_unit_test(slow_reader_fills_the_ring),
	cmocka_unit_test(ring_wraps),
	cmocka_unit_test(others_send_meanwhile),
	cmocka_unit_test(commit_may_be_less_than_reserved),
	cmocka_unit_test(commit_does_not_send),
	cmocka_unit_test(peek_keeps_its_times),
	cmocka_unit_test(peek_waits_for_what_it_wants),
	cmocka_unit_test(peek_wakes_from_sleep_and_spin),
	cmocka_unit_test(recv_takes_the_ring_first),
	cmocka_unit_test(bulk_follows_what_was_committed),
};
const size_t stream_test_count = sizeof(stream_tests) / sizeof(stream_tests[0]);
