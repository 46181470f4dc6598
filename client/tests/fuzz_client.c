/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server sends: frames on the command connection and chunks on the
 * lanes, into the code of the threads that receive them, which run here one
 * record at a time. An input is a byte that chooses the number of lanes, and
 * records, each a byte that is its kind and, times RECORDS, its lane:
 *
 *   FRAME   opcode u8, size u16, payload; framed here, so that mutations get further
 *   BYTES   size u16, so many bytes on the command connection
 *   CHUNK   copy u8, offset u32, size u32: a chunk for one of the copies, of some bytes
 *   HEADER  the 24 bytes before a chunk
 *
 * An input cannot know the ids of copies, host functions and a context: where a
 * payload begins with ff ff ff ff ff ff ff and a place, it is that one's. Some threads
 * wait for replies, and what copies write must fit their memory. The end of the
 * session ends the input.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "client.h"
#include "context.h"
#include "copyout.h"
#include "hostfunc.h"
#include "lanes.h"
#include "log.h"
#include "receive.h"
#include "sticky.h"
#include "thread.h"
#include "transport.h"

enum { FRAME, BYTES, CHUNK, HEADER, RECORDS };
enum {
	COMMAND_MAX = 1 << 17,
	THREADS_MAX = 4 + 2 * CLIENT_MAX_LANES,
	WAITERS = 4,
	COPIES = 4,
	FUNCTIONS = 4,
	PLACES = COPIES + FUNCTIONS + 1, /* the last is the context's */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_thread_start(void *(*run)(void *), void *argument);
int __wrap_usleep(useconds_t us);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
long __wrap_syscall(long number, ...);
void __wrap_log_write(enum log_level level, const char *format, ...);

struct own_thread {
	void *(*run)(void *);
	void *argument;
};

static struct cursor input;
static jmp_buf over;	  /* the input is */
static jmp_buf *consumed; /* a thread has taken all that there is for it */
static struct own_thread started[THREADS_MAX];
static unsigned started_count;
static struct own_thread background, receiver[CLIENT_MAX_LANES], caller, fetcher, ender;

static uint8_t command_bytes[COMMAND_MAX];
static size_t command_size;
static uint64_t command_frames; /* of the process: there is one command connection */
static struct lane_data lane_header;
static size_t lane_left; /* of the bytes behind it */
static enum { LANE_HEADER, LANE_BYTES, LANE_EMPTY } lane_next;

static struct waiter waiter[WAITERS];
static struct call call[WAITERS];
static uint64_t copy[COPIES];
static uint8_t *copy_memory[COPIES];
static const struct copyout_target targets[COPIES] = {
	{.width = 1000, .height = 1, .depth = 1},
	{.width = 300000, .height = 1, .depth = 1},
	{.width = 10, .height = 20, .depth = 1, .pitch = 16},
	{.width = 8, .height = 4, .depth = 3, .pitch = 8, .slice = 64},
};
static uint64_t function[FUNCTIONS];
static uint8_t fetched[100];
static struct context *context;

void __wrap_log_write(enum log_level level, const char *format, ...)
{
}

int __wrap_thread_start(void *(*run)(void *), void *argument)
{
	assert(started_count < THREADS_MAX);
	started[started_count++] = (struct own_thread){run, argument};
	return 0;
}

/* A thread that sleeps has nothing to do any more. */
int __wrap_usleep(useconds_t us)
{
	longjmp(*consumed, 1);
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	pthread_mutex_unlock(lock);
	longjmp(*consumed, 1);
}

/* Futexes only: whoever sleeps on one waits for chunks, which do not come while it does. */
long __wrap_syscall(long number, ...)
{
	va_list args;
	int operation;

	assert(number == SYS_futex);
	va_start(args, number);
	va_arg(args, void *);
	operation = va_arg(args, int);
	va_end(args);
	if (operation == FUTEX_WAIT_PRIVATE)
		client_lost(CUDA_ERROR_UNKNOWN, "the input has no such chunks");
	return 0;
}

static void thread_run(const struct own_thread *t)
{
	jmp_buf here;

	consumed = &here;
	if (!setjmp(here))
		t->run(t->argument);
	if (client_usable() != CUDA_SUCCESS)
		longjmp(over, 1);
}

static ssize_t peek(struct connection *c, size_t want, int spin, int timeout, const void **out)
{
	*out = command_bytes;
	if (!command_size)
		return -EAGAIN;
	return command_size < want ? -EPIPE : (ssize_t)command_size;
}

static void consume(struct connection *c, size_t size)
{
	assert(size <= command_size);
	command_size -= size;
	memmove(command_bytes, command_bytes + size, command_size);
	command_frames++;
}

static int lane_recv(struct connection *c, void *buffer, size_t size)
{
	switch (lane_next) {
	case LANE_HEADER:
		assert(size == sizeof(lane_header));
		memcpy(buffer, &lane_header, size);
		lane_next = LANE_BYTES;
		lane_left = lane_header.size;
		return 0;
	case LANE_BYTES:
		/* The next header, where these bytes were none. */
		if (!lane_left && size)
			longjmp(*consumed, 1);
		assert(size <= lane_left);
		memset(buffer, 1, size);
		lane_left -= size;
		if (!lane_left)
			lane_next = LANE_EMPTY;
		return 0;
	default:
		longjmp(*consumed, 1);
	}
}

static void *reserve(struct connection *c, size_t size)
{
	static uint64_t room[FRAME_MAX / 8];

	return size <= sizeof(room) ? room : NULL;
}

static void commit(struct connection *c, size_t size)
{
}

static int sent(struct connection *c, const struct iovec *iov, int count)
{
	return 0;
}

static void interrupt(struct connection *c)
{
}

static const struct transport transport = {.peek = peek,
	.consume = consume,
	.recv = lane_recv,
	.reserve = reserve,
	.commit = commit,
	.send = sent,
	.interrupt = interrupt};
static struct connection connection = {&transport};

static void command_put(const void *bytes, size_t size)
{
	if (size > COMMAND_MAX - command_size)
		longjmp(over, 1);
	memcpy(command_bytes + command_size, bytes, size);
	command_size += size;
}

static const uint8_t *input_bytes(size_t size)
{
	const uint8_t *bytes = get_bytes(&input, size);

	if (!bytes)
		longjmp(over, 1);
	return bytes;
}

static uint16_t input_size(void)
{
	uint8_t low = get_u8(&input);

	return low | get_u8(&input) << 8;
}

static uint64_t id_of(unsigned place)
{
	if (place < COPIES)
		return copy[place];
	return place < PLACES - 1 ? function[place - COPIES] : context->object.handle;
}

/* With the id that the first bytes stand for. */
static void put_payload(const uint8_t *payload, size_t size)
{
	uint64_t id, place;

	if (size >= sizeof(id)) {
		memcpy(&id, payload, sizeof(id));
		place = id >> 56;
		if (id << 8 == UINT64_MAX << 8 && place < PLACES) {
			id = id_of(place);
			command_put(&id, sizeof(id));
			payload += sizeof(id);
			size -= sizeof(id);
		}
	}
	command_put(payload, size);
}

static void run_frame(void)
{
	static const uint8_t zeros[8];
	struct frame f = {.opcode = get_u8(&input), .seq = command_frames + 1};
	uint16_t size = input_size();
	const uint8_t *payload = input_bytes(size);

	f.size = wire_pad(sizeof(f) + size);
	command_put(&f, sizeof(f));
	put_payload(payload, size);
	command_put(zeros, f.size - sizeof(f) - size);
	thread_run(&background);
}

static void run_bytes(void)
{
	uint16_t size = input_size();

	command_put(input_bytes(size), size);
	thread_run(&background);
}

static void run_chunk(unsigned lane)
{
	uint8_t place = get_u8(&input);
	uint32_t offset = get_u32(&input), size = get_u32(&input);

	lane_header = (struct lane_data){copy[place % COPIES], offset, size, 0};
	lane_next = LANE_HEADER;
	thread_run(&receiver[lane]);
}

static void run_header(unsigned lane)
{
	get_value(&input, &lane_header, sizeof(lane_header));
	lane_next = LANE_HEADER;
	thread_run(&receiver[lane]);
}

static void run_record(void)
{
	uint8_t kind = get_u8(&input);
	unsigned lane = kind / RECORDS % client.lanes;

	if (input.bad)
		longjmp(over, 1);
	switch (kind % RECORDS) {
	case FRAME:
		run_frame();
		break;
	case BYTES:
		run_bytes();
		break;
	case CHUNK:
		run_chunk(lane);
		break;
	case HEADER:
		run_header(lane);
		break;
	}
}

static void process_begin(void)
{
	client.transport = &transport;
	client.command = client.side = &connection;
	client.lanes = CLIENT_MAX_LANES;
	client.state = CLIENT_READY;
	/* What kernels print. */
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	if (receive_start() || hostfunc_start() || lanes_start())
		abort();
	background = started[0];
	caller = started[1];
	fetcher = started[2];
	ender = started[3];
	for (unsigned i = 0; i < CLIENT_MAX_LANES; i++) {
		client.lane[i] = &connection;
		receiver[i] = started[4 + 2 * i + 1];
	}
	context = context_new(0, true);
	if (!context)
		abort();
	receive_unasked(1); /* so that the thread never sleeps */
}

static void called(void *unused)
{
}

/* The session is always over when this thread has its turn. */
static void ended(void *unused)
{
	abort();
}

static size_t extent(const struct copyout_target *t)
{
	return (t->depth - 1) * t->slice + (t->height - 1) * t->pitch + t->width;
}

static void session_begin(void)
{
	client.state = CLIENT_READY;
	context->sticky = CUDA_SUCCESS;
	command_size = 0;
	for (unsigned i = 0; i < WAITERS; i++) {
		call[i] = (struct call){0};
		waiter[i] = (struct waiter){.seq = i + 1, .call = i ? &call[i] : NULL};
		receive_expect(&waiter[i]);
	}
	for (unsigned i = 0; i < COPIES; i++) {
		struct copyout_target t = targets[i];

		t.host = copy_memory[i] = malloc(extent(&t));
		copy[i] = copyout_begin(&t, i % 2);
	}
	function[0] = hostfunc_add(called, NULL, false);
	function[1] = hostfunc_add(called, NULL, true);
	function[2] = hostfunc_add_fetch(fetched, 10, 5, 20);
	function[3] = hostfunc_add_end(ended, NULL);
}

/* What was asked for is done, although the session is over: none waits for chunks then. */
static void session_finish(void)
{
	assert(!context->sticky || result_is_sticky(context->sticky));
	client.state = CLIENT_LOST;
	client.lost = CUDA_ERROR_UNKNOWN;
	receive_fail(CUDA_ERROR_UNKNOWN);
	if (!setjmp(over))
		thread_run(&caller);
	if (!setjmp(over))
		thread_run(&fetcher);
	if (!setjmp(over))
		thread_run(&ender);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		hostfunc_remove(function[i]);
	for (unsigned i = 0; i < COPIES; i++) {
		copyout_cancel(copy[i]);
		free(copy_memory[i]);
	}
	for (unsigned i = 0; i < WAITERS; i++) {
		assert(waiter[i].state == WAITER_DONE);
		free(call[i].reply);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (!started_count)
		process_begin();
	input = (struct cursor){data + 1, data + size, false};
	client.lanes = data[0] % CLIENT_MAX_LANES + 1;
	session_begin();
	if (!setjmp(over)) {
		for (;;)
			run_record();
	}
	session_finish();
	return 0;
}
