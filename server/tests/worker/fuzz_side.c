/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client sends on its side connection and its bulk lanes, into the code
 * of their threads, which run here one record at a time. An input is a byte
 * that chooses the number of lanes, and records, each a byte that is its kind
 * and, times RECORDS, its lane:
 *
 *   FRAME   opcode u8, size u16, payload; framed here, so that mutations get further
 *   BYTES   size u16, so many bytes on the side connection
 *   CHUNK   size u32: a chunk with the right number and some bytes
 *   HEADER  the 16 bytes before a chunk
 *   TAKE    size u32, how u8: the dispatcher looks for the next chunk
 *   JOB     id u8, size u16: it asks for that many bytes of a copy
 *
 * A job waits as the driver's thread would, for what the next records bring.
 * What would end the process ends the input.
 */
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bulk.h"
#include "copy.h"
#include "hostfunc.h"
#include "log.h"
#include "mirror.h"
#include "server_calls.h"
#include "side.h"

enum { FRAME, BYTES, CHUNK, HEADER, TAKE, JOB, RECORDS };
enum how {
	DONE_WITH = 1, /* the chunk is not needed any more */
	AS_SENT = 2,   /* it has the size that came */
};
enum {
	SIDE_MAX = 1 << 17,
	CHUNKS_MAX = 4096,
	GROWN_MAX = 4,
	MIRRORED = 8192, /* bytes */
	IDS = 256,
	THREADS_MAX = 2,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
_Noreturn void __wrap_session_fatal(struct session *s, CUresult r, const char *format, ...);
_Noreturn void __wrap_session_gone(struct session *s, const char *why);
int __wrap_thread_start(void *(*main)(void *), void *arg);
int __wrap_usleep(useconds_t us);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);

struct thread {
	void *(*main)(void *);
	void *arg;
};

static struct session session;
static struct cursor input;
static jmp_buf over;	  /* the input is */
static jmp_buf *consumed; /* a thread has taken all that there is for it */
static struct thread started[THREADS_MAX];
static unsigned started_count;

static struct thread side_thread;
static uint8_t side_bytes[SIDE_MAX];
static size_t side_size;
static uint64_t side_frames; /* of the process: there is one side connection */

static struct {
	struct thread receiver;
	bool ended;
	uint64_t sent;
} lane[SESSION_LANES_MAX];
static unsigned lanes, receiving; /* receiving: the lane whose thread runs, and 1 */
static struct lane_header lane_header;
static enum { LANE_HEADER, LANE_BYTES, LANE_EMPTY } lane_next;
static uint64_t mirrored; /* address of memory that is */
static unsigned grown;
static uint64_t taken; /* chunks */
static uint32_t chunk_size[CHUNKS_MAX];
static uint8_t *rooms[2 * IDS];
static unsigned room_count;

static void run_record(void);

void __wrap_session_fatal(struct session *s, CUresult r, const char *format, ...)
{
	longjmp(over, 1);
}

void __wrap_session_gone(struct session *s, const char *why)
{
	longjmp(over, 1);
}

int __wrap_usleep(useconds_t us)
{
	return 0;
}

int __wrap_thread_start(void *(*main)(void *), void *arg)
{
	assert(started_count < THREADS_MAX);
	started[started_count++] = (struct thread){main, arg};
	return 0;
}

/* Runs a thread until it wants more than there is; true when it returned. */
static bool thread_run(const struct thread *t)
{
	jmp_buf here, *before = consumed;
	volatile bool ended = false;

	consumed = &here;
	if (!setjmp(here)) {
		t->main(t->arg);
		ended = true;
	}
	consumed = before;
	return ended;
}

/* A lane's thread wants a slot: the dispatcher would make more. A job wants its answer. */
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	pthread_mutex_unlock(lock);
	if (receiving) {
		if (grown++ == GROWN_MAX)
			longjmp(over, 1);
		bulk_grow(&session, receiving - 1, NULL);
	} else {
		hostfunc_query(&session);
		hostfunc_poll(&session);
		run_record();
	}
	pthread_mutex_lock(lock);
	return 0;
}

static ssize_t side_peek(struct connection *c, size_t want, int spin, int timeout, const void **out)
{
	if (!side_size)
		longjmp(*consumed, 1);
	*out = side_bytes;
	return side_size < want ? -EPIPE : (ssize_t)side_size;
}

static void side_consume(struct connection *c, size_t size)
{
	assert(size <= side_size);
	side_size -= size;
	memmove(side_bytes, side_bytes + size, side_size);
	side_frames++;
}

static int lane_recv(struct connection *c, void *buffer, size_t size)
{
	switch (lane_next) {
	case LANE_HEADER:
		assert(size == sizeof(lane_header));
		memcpy(buffer, &lane_header, size);
		lane_next = LANE_BYTES;
		return 0;
	case LANE_BYTES:
		assert(size && size <= BULK_CHUNK);
		*(uint8_t *)buffer = 1;
		((uint8_t *)buffer)[size - 1] = 1;
		lane_next = LANE_EMPTY;
		return 0;
	default:
		longjmp(*consumed, 1);
	}
}

static void *reserve(struct connection *c, size_t size)
{
	static uint64_t room[8];

	return size <= sizeof(room) ? room : NULL;
}

static void commit(struct connection *c, size_t size)
{
}

static int sent(struct connection *c, const struct iovec *iov, int count)
{
	return 0;
}

static const struct transport transport = {.peek = side_peek,
	.consume = side_consume,
	.recv = lane_recv,
	.reserve = reserve,
	.commit = commit,
	.send = sent};
static struct connection connection = {&transport};

/* In place of every function of the driver. */
static CUresult answer(void)
{
	return CUDA_SUCCESS;
}

static CUhostFn job;
static void *job_argument;

static CUresult launch(CUstream stream, CUhostFn fn, void *argument)
{
	job = fn;
	job_argument = argument;
	return CUDA_SUCCESS;
}

static void driver_begin(void)
{
	void *function = (void *)answer;

	for (size_t i = 0; i < driver_names_count; i++)
		memcpy((char *)&driver + driver_names[i].offset, &function, sizeof(function));
	driver.cuLaunchHostFunc = launch;
	log_set_level(LOG_ERROR);
}

static void side_put(const void *bytes, size_t size)
{
	if (size > SIDE_MAX - side_size)
		longjmp(over, 1);
	memcpy(side_bytes + side_size, bytes, size);
	side_size += size;
}

/* Addresses in an input count from that of the mirrored memory. */
static void put_payload(uint16_t opcode, const uint8_t *payload, size_t size)
{
	uint64_t address;

	if (opcode == FRAME_MIRROR_WRITE && size >= sizeof(address)) {
		memcpy(&address, payload, sizeof(address));
		address += mirrored;
		side_put(&address, sizeof(address));
		payload += sizeof(address);
		size -= sizeof(address);
	}
	side_put(payload, size);
}

static void run_frame(void)
{
	static const uint8_t zeros[8];
	uint16_t opcode = get_u8(&input), size = get_u8(&input);
	struct frame f = {.opcode = opcode, .seq = side_frames + 1};
	const uint8_t *payload;

	size |= get_u8(&input) << 8;
	payload = get_bytes(&input, size);
	if (!payload)
		longjmp(over, 1);
	f.size = wire_pad(sizeof(f) + size);
	side_put(&f, sizeof(f));
	put_payload(opcode, payload, size);
	side_put(zeros, f.size - sizeof(f) - size);
	thread_run(&side_thread);
}

static void run_bytes(void)
{
	uint16_t size = get_u8(&input);
	const uint8_t *bytes;

	size |= get_u8(&input) << 8;
	bytes = get_bytes(&input, size);
	if (!bytes)
		longjmp(over, 1);
	side_put(bytes, size);
	thread_run(&side_thread);
}

static void run_lane(unsigned i)
{
	if (lane[i].ended)
		return;
	lane_next = LANE_HEADER;
	receiving = i + 1;
	lane[i].ended = thread_run(&lane[i].receiver);
	receiving = 0;
}

static void run_chunk(unsigned i)
{
	uint64_t number = lane[i].sent++ * lanes + i;
	uint32_t size = get_u32(&input);

	if (number >= CHUNKS_MAX)
		longjmp(over, 1);
	chunk_size[number] = size;
	lane_header = (struct lane_header){number, size, 0};
	run_lane(i);
}

static void run_header(unsigned i)
{
	get_value(&input, &lane_header, sizeof(lane_header));
	run_lane(i);
}

static void run_take(void)
{
	uint32_t bytes = get_u32(&input);
	uint8_t how = get_u8(&input);
	struct slot *slot;

	if (taken >= CHUNKS_MAX)
		longjmp(over, 1);
	slot = bulk_arrived(&session, taken, how & AS_SENT ? chunk_size[taken] : bytes);
	if (!slot)
		return;
	assert(slot->bytes[0]);
	if (how & DONE_WITH)
		bulk_release(&session, taken);
	taken++;
}

static void run_job(void)
{
	uint64_t id = get_u8(&input);
	size_t size = get_u8(&input);
	struct fetch_room *room = calloc(3, sizeof(*room));

	size |= get_u8(&input) << 8;
	if (room_count == 2 * IDS || !room)
		longjmp(over, 1);
	for (unsigned i = 0; i < 2; i++) {
		room[i].size = i ? size - size / 2 : size / 2;
		room[i].to = rooms[room_count++] = malloc(room[i].size);
	}
	if (!hostfunc_fetch(&session, NULL, id, room))
		job(job_argument);
}

static void run_record(void)
{
	uint8_t kind = get_u8(&input);
	unsigned i = kind / RECORDS % lanes;

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
		run_chunk(i);
		break;
	case HEADER:
		run_header(i);
		break;
	case TAKE:
		run_take();
		break;
	case JOB:
		run_job();
		break;
	}
}

static void lanes_begin(void)
{
	memset(lane, 0, sizeof(lane));
	for (unsigned i = 0; i < lanes; i++) {
		started_count = 0;
		if (bulk_attach(&session, i, &connection))
			abort();
		lane[i].receiver = started[0];
	}
}

/* The slots of the lanes are all free again; those that were added are not known. */
static void staging_begin(void)
{
	static struct slot *slots[STAGING_IN_CHUNKS];
	static struct staging *staging;

	if (grown) {
		staging_destroy(staging);
		staging = NULL;
	}
	grown = 0;
	if (!staging) {
		if (staging_create(&staging))
			abort();
		for (unsigned i = 0; i < STAGING_IN_CHUNKS; i++)
			slots[i] = staging_take_exactly(staging, STAGING_CLASS_IN);
	}
	for (unsigned i = 0; i < STAGING_IN_CHUNKS; i++)
		staging_give(staging, slots[i]);
	session.staging = staging;
}

/* Once: whoever may write there always finds it. */
static struct mirror *mirror_begin(void)
{
	struct request q = {.session = &session};
	void *p = mmap(NULL, MIRRORED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mirrored = (uintptr_t)p;
	if (p == MAP_FAILED || mirror_create(&session, mirrored, MIRRORED) ||
		server_mirror_map(&q, mirrored, MIRRORED))
		abort();
	return session.mirror;
}

static void session_begin(void)
{
	static bool begun;
	static struct mirror *mirror;
	struct session none = {0};

	memcpy(&session, &none, sizeof(session));
	session.mirror = mirror;
	pthread_mutex_init(&session.sending, NULL);
	session.command = &connection;
	side_size = 0;
	receiving = room_count = 0;
	taken = 0;
	staging_begin();
	if (bulk_create(&session, lanes) || copies_create(&session) || hostfuncs_create(&session))
		abort();
	lanes_begin();
	if (begun)
		return;
	begun = true;
	driver_begin();
	mirror = mirror_begin();
	started_count = 0;
	if (side_attach(&session, &connection))
		abort();
	side_thread = started[0];
}

static void session_finish(void)
{
	for (uint64_t id = 1; id < IDS; id++)
		hostfunc_drop(&session, id);
	for (unsigned i = 0; i < room_count; i++)
		free(rooms[i]);
	free(session.hostfuncs);
	copies_destroy(&session);
	free(session.bulk);
}

/* Tables of what was asked for are never given up: a session's process ends with it. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	input = (struct cursor){data + 1, data + size, false};
	lanes = data[0] % SESSION_LANES_MAX + 1;
	session_begin();
	if (!setjmp(over)) {
		for (;;)
			run_record();
	}
	session_finish();
	return 0;
}
