/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every remote call, from its generated encoder through its generated handler
 * to a fake of what serves it, and back; then every shorter prefix of its
 * request and of its reply, and requests with wrong bytes. Buffers are of the
 * exact size, so that a sanitizer sees any step beside them.
 *
 * With --seeds DIR the requests are written as frames, for the fuzzers.
 */
#include "roundtrip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "call.h"
#include "real.h"
#include "session.h"

enum {
	ALLOC_MAX = 4 << 20, /* as a session's limit on what one request may take */
	ALLOCS = 64,
	WRONG = 64, /* damaged variants of each request */
};

int test_served, test_around;
bool test_quiet, test_optional;
CUresult test_result;
bool call_stats;

static const struct test_row *current;
static uint64_t seed = 88172645463325252u;
static int failures;

static struct {
	uint8_t *bytes; /* of the last request, exactly */
	size_t size;
} request;

static struct {
	uint8_t *bytes;
	size_t size;
	CUresult result;
	bool sent;
	size_t cut; /* how much of it the caller gets; SIZE_MAX: all */
} reply;

static void *allocs[ALLOCS];
static unsigned alloc_count;
static size_t alloc_left;

/* xorshift: the same values in every run. */
static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

void test_fill(void *p, size_t n)
{
	uint8_t *byte = p;

	for (size_t i = 0; i < n; i++)
		byte[i] = (uint8_t)(next() >> 24);
}

uint64_t test_handle(void)
{
	return (next() & 0xffffffff0) + 0x10;
}

void test_fail(const char *file, int line, const char *what)
{
	if (failures++ < 20)
		fprintf(stderr, "%s: %s:%d: %s is not what was passed\n", current->name, file, line,
			what);
}

void test_bytes(const void *a, const void *b, size_t n, const char *file, int line,
		const char *what)
{
	if (!a || memcmp(a, b, n))
		test_fail(file, line, what);
}

static void expect(bool ok, const char *what)
{
	if (!ok && failures++ < 20)
		fprintf(stderr, "%s: %s\n", current->name, what);
}

void test_named(int at, uint64_t handle)
{
	expect(at >= 0 && at + sizeof(handle) <= request.size &&
		       !memcmp(request.bytes + at, &handle, sizeof(handle)),
	       "a handle is not where the dispatch row says");
}

/* The worker's side. */

CUresult handle_get(struct session *s, enum kind kind, uint64_t id, void **real)
{
	*real = id ? (void *)(uintptr_t)(id + TEST_BIAS) : NULL;
	return CUDA_SUCCESS;
}

CUresult handle_set(struct session *s, enum kind kind, uint64_t id, void *real, CUresult error)
{
	return CUDA_SUCCESS;
}

void handle_drop(struct session *s, enum kind kind, uint64_t id)
{
}

CUresult handle_name(struct session *s, enum kind kind, const void *real, uint64_t *id)
{
	*id = (uintptr_t)real;
	return CUDA_SUCCESS;
}

CUresult real_get(struct session *s, enum kind kind, uint64_t value, void **real)
{
	*real = (void *)(uintptr_t)value;
	return CUDA_SUCCESS;
}

CUresult real_add(struct session *s, enum kind kind, const void *real)
{
	return CUDA_SUCCESS;
}

void real_drop(struct session *s, enum kind kind, const void *real)
{
}

void *request_alloc(struct request *q, size_t count, size_t size)
{
	void *p;

	if (alloc_count == ALLOCS || count > alloc_left / size)
		return NULL;
	alloc_left -= count * size;
	p = calloc(count, size);
	allocs[alloc_count++] = p;
	return p;
}

int request_done(struct request *q, CUresult r)
{
	reply.result = r;
	reply.sent = true;
	return 0;
}

int request_reply(struct request *q, CUresult r, size_t payload)
{
	free(reply.bytes);
	reply.bytes = q->out = malloc(payload);
	reply.size = payload;
	reply.result = r;
	return payload <= FRAME_MAX ? 0 : -EPROTO;
}

int request_send(struct request *q)
{
	expect(q->out == reply.bytes + reply.size, "the reply is not as long as announced");
	reply.sent = true;
	return 0;
}

/* Serve a request that lies in memory of exactly its size. */
static int serve(uint16_t opcode, const uint8_t *bytes, size_t size)
{
	const struct dispatch_row *row = dispatch_find(opcode);
	uint8_t *exact = malloc(size);
	struct request q = {.opcode = opcode, .waits = true};
	int err;

	if (size)
		memcpy(exact, bytes, size);
	q.in = (struct cursor){exact, exact + size, false};
	alloc_left = ALLOC_MAX;
	reply.sent = false;
	reply.size = 0;
	reply.result = CUDA_SUCCESS;
	err = row->handler(&q);
	while (alloc_count)
		free(allocs[--alloc_count]);
	free(exact);
	return err;
}

/* The client's side. */

CUresult call_check(unsigned flags)
{
	return CUDA_SUCCESS;
}

CUresult call_begin(struct call *c, uint16_t opcode, size_t payload, unsigned flags)
{
	memset(c, 0, sizeof(*c));
	expect(opcode == current->opcode, "wrong opcode");
	free(request.bytes);
	request.bytes = c->out = malloc(payload);
	request.size = c->size = payload;
	c->opcode = opcode;
	return CUDA_SUCCESS;
}

static void send_request(struct call *c)
{
	expect(c->out == request.bytes + request.size, "the request is not as long as announced");
	expect(!serve(c->opcode, request.bytes, request.size), "a good request is refused");
	expect(reply.sent, "nothing was answered");
}

CUresult call_post(struct call *c)
{
	send_request(c);
	return CUDA_SUCCESS;
}

CUresult call_wait(struct call *c)
{
	size_t size;

	send_request(c);
	size = reply.cut < reply.size ? reply.cut : reply.size;
	c->reply = malloc(size);
	if (size)
		memcpy(c->reply, reply.bytes, size);
	c->in = (struct cursor){c->reply, (uint8_t *)c->reply + size, false};
	return reply.result;
}

CUresult call_end(struct call *c, CUresult r)
{
	free(c->reply);
	return r == CUDA_SUCCESS && c->in.bad ? CUDA_ERROR_UNKNOWN : r;
}

CUresult call_cached(uint16_t opcode, const void *key, size_t key_size, void *answer,
		     size_t answer_size, unsigned flags)
{
	struct call c;

	call_begin(&c, opcode, key_size, flags);
	if (key_size)
		memcpy(c.out, key, key_size);
	c.out += key_size;
	send_request(&c);
	if (reply.result != CUDA_SUCCESS)
		return reply.result;
	if (reply.cut < reply.size)
		return CUDA_ERROR_UNKNOWN;
	expect(reply.size == answer_size, "a cached answer has another size");
	memcpy(answer, reply.bytes, answer_size);
	return CUDA_SUCCESS;
}

void real_learn(enum kind kind, const void *values, size_t n)
{
}

void call_flush(void)
{
}

/* The test. */

static CUresult again(const struct test_row *row)
{
	row->fill();
	test_served = test_around = 0;
	return row->call();
}

/* What goes around the served function was called, the second part only if it was @good. */
static void expect_around(const struct test_row *row, bool good)
{
	int first = !!(row->flags & TEST_FIRST), then = good && row->flags & TEST_THEN;

	expect(test_around == first + then, "not what is around it");
}

static void round_trip(const struct test_row *row)
{
	test_result = CUDA_SUCCESS;
	expect(again(row) == CUDA_SUCCESS, "failed");
	expect(test_served == 1, "was not served once");
	expect_around(row, true);
	row->check();
	row->named(dispatch_find(row->opcode));
}

static void failed_trip(const struct test_row *row)
{
	CUresult r;

	test_result = CUDA_ERROR_ILLEGAL_ADDRESS;
	r = again(row);
	expect(r == (row->flags & TEST_POSTED ? CUDA_SUCCESS : test_result), "lost its error");
	expect_around(row, false);
	if (row->flags & TEST_ALWAYS)
		row->check();
	else
		row->kept();
	test_result = CUDA_SUCCESS;
}

static void short_replies(const struct test_row *row)
{
	size_t size;

	again(row);
	size = reply.size;
	for (size_t cut = 0; cut < size; cut++) {
		reply.cut = cut;
		expect(again(row) == CUDA_ERROR_UNKNOWN, "a short reply is taken");
		row->kept();
	}
	reply.cut = SIZE_MAX;
}

static void bad_requests(const struct test_row *row)
{
	size_t size;
	uint8_t *copy;

	again(row);
	size = request.size;
	copy = malloc(size + 8);
	test_quiet = true;
	test_served = 0;
	memcpy(copy, request.bytes, size);
	memset(copy + size, 0, 8);
	for (size_t cut = 0; cut < size; cut++)
		expect(serve(row->opcode, copy, cut) == -EPROTO, "a short request is taken");
	expect(serve(row->opcode, copy, size + 8) == -EPROTO, "a long request is taken");
	expect(test_served == 0, "a malformed request reached the driver");
	for (unsigned i = 0; size && i < WRONG; i++) {
		int err;

		memcpy(copy, request.bytes, size);
		for (unsigned n = 0; n < 1 + i % 4; n++)
			copy[next() % size] = (uint8_t)next();
		err = serve(row->opcode, copy, size);
		expect(err == 0 || err == -EPROTO, "a damaged request has another error");
	}
	test_quiet = false;
	free(copy);
}

static void test(const struct test_row *row)
{
	current = row;
	for (int optional = 0; optional < 2; optional++) {
		test_optional = optional;
		round_trip(row);
		failed_trip(row);
		short_replies(row);
		bad_requests(row);
	}
}

/* One frame per call, as a session would receive it. */
static int write_seed(const char *directory, const struct test_row *row)
{
	struct frame frame = {.opcode = row->opcode, .seq = 1};
	static const uint8_t zero[8];
	char path[4096];
	FILE *file;

	current = row;
	test_optional = true;
	again(row);
	frame.size = (uint32_t)(sizeof(frame) + wire_pad(request.size));
	frame.flags = row->flags & TEST_POSTED ? 0 : FRAME_WAITS;
	snprintf(path, sizeof(path), "%s/%s", directory, row->name);
	file = fopen(path, "wb");
	if (!file)
		return -errno;
	fwrite(&frame, sizeof(frame), 1, file);
	fwrite(request.bytes, 1, request.size, file);
	fwrite(zero, 1, wire_pad(request.size) - request.size, file);
	return fclose(file) ? -errno : 0;
}

int main(int argc, char **argv)
{
	const char *seeds = argc == 3 && !strcmp(argv[1], "--seeds") ? argv[2] : NULL;
	unsigned calls = 0;

	reply.cut = SIZE_MAX;
	for (unsigned i = 0; test_rows[i]; i++) {
		for (const struct test_row *row = test_rows[i]; row->name; row++, calls++) {
			if (!seeds)
				test(row);
			else if (write_seed(seeds, row)) {
				perror(seeds);
				return 1;
			}
		}
	}
	free(request.bytes);
	free(reply.bytes);
	printf("%u calls, %d failures\n", calls, failures);
	return failures != 0;
}
