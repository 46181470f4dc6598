/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See receive.h. Locks: `receiving` is held by the one thread that reads the
 * command connection; `waiters.lock` guards the list and is taken inside it.
 */
#include "receive.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "call_names.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "copyout.h"
#include "hostfunc.h"
#include "log.h"
#include "mirror.h"
#include "thread.h"
#include "transport.h"

/* Where there are cores to spare a waiting thread spins as long as NVIDIA's driver would, nearly. */
enum {
	SPARE_CORES = 4,
	SPIN_US = 2000,
	SPIN_FEW_US = 50,
	SLICE_US = 20000,
	LOOK_US = 50,
	IDLE_US = 50000,
};

static pthread_mutex_t receiving = PTHREAD_MUTEX_INITIALIZER;
static uint64_t received_seq; /* of the server's frames; under `receiving` */

static struct {
	pthread_mutex_t lock;
	struct waiter *first;
} waiters = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic uint32_t chunks_arrived; /* of all lanes: what waiters sleep on */
static _Atomic uint32_t lane_arrived[CLIENT_MAX_LANES];
static _Atomic uint32_t frames_taken; /* all up to this one have had their effect */
static _Atomic uint32_t unasked;
static int wait_spin_us = SPIN_FEW_US;

static void futex_wait(_Atomic uint32_t *word, uint32_t value, long timeout_us)
{
	struct timespec limit = {timeout_us / 1000000, timeout_us % 1000000 * 1000};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &limit, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void receive_expect(struct waiter *w)
{
	atomic_store_explicit(&w->state, WAITER_PENDING, memory_order_relaxed);
	pthread_mutex_lock(&waiters.lock);
	w->next = waiters.first;
	waiters.first = w;
	pthread_mutex_unlock(&waiters.lock);
}

static struct waiter *waiter_take(uint64_t seq)
{
	struct waiter *found = NULL;

	pthread_mutex_lock(&waiters.lock);
	for (struct waiter **p = &waiters.first; *p; p = &(*p)->next) {
		if ((*p)->seq == seq) {
			found = *p;
			*p = found->next;
			break;
		}
	}
	pthread_mutex_unlock(&waiters.lock);
	return found;
}

/* Pairs with the acquire in receive_wait: result and reply are written before. The waiter's memory
 * may be gone as soon as it sees DONE, so waking goes by address only. */
static void waiter_finish(struct waiter *w)
{
	atomic_store_explicit(&w->state, WAITER_DONE, memory_order_release);
	futex_wake(&w->state);
}

/* The receiver leaves: somebody else who still waits takes over. */
static void waiter_promote(void)
{
	uint32_t expected = WAITER_PENDING;

	pthread_mutex_lock(&waiters.lock);
	if (waiters.first && atomic_compare_exchange_strong(&waiters.first->state, &expected,
				     WAITER_RECEIVE))
		futex_wake(&waiters.first->state);
	pthread_mutex_unlock(&waiters.lock);
}

void receive_fail(CUresult result)
{
	pthread_mutex_lock(&waiters.lock);
	while (waiters.first) {
		struct waiter *w = waiters.first;

		waiters.first = w->next;
		w->result = result;
		w->pushes = atomic_load(&chunks_arrived);
		waiter_finish(w);
	}
	pthread_mutex_unlock(&waiters.lock);
	futex_wake(&chunks_arrived);
}

static bool take_reply(struct cursor *in)
{
	uint64_t seq = get_u64(in);
	CUresult result = (CUresult)get_u32(in);
	uint32_t pushes = get_u32(in);
	size_t size = in->end - in->pos;
	struct waiter *w;

	if (in->bad)
		return false;
	w = waiter_take(seq);
	if (!w)
		return false;
	w->result = result;
	w->pushes = pushes;
	if (w->call) {
		uint8_t *copy = w->call->small;

		if (size > sizeof(w->call->small))
			copy = w->call->reply = malloc(size);
		if (!copy) {
			w->result = CUDA_ERROR_OUT_OF_MEMORY;
			size = 0;
		}
		if (size)
			memcpy(copy, in->pos, size);
		w->call->in = (struct cursor){copy, copy ? copy + size : NULL, false};
	}
	waiter_finish(w);
	return true;
}

static bool take_output(struct cursor *in)
{
	size_t left = in->end - in->pos;
	uint32_t size = get_u32(in), fd = get_u32(in);
	const uint8_t *text = get_bytes(in, size);

	if (left < 8 || !text || (fd != STDOUT_FILENO && fd != STDERR_FILENO))
		return false;
	/* What kernels print is the application's output: after what it printed itself. */
	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n <= 0)
			break;
		text += n;
		size -= n;
	}
	return true;
}

/* The program is told by a later call's result, which it may not look at. */
static bool take_failed(struct cursor *in)
{
	uint32_t opcode = get_u32(in);
	CUresult r = (CUresult)get_u32(in);
	const char *name = NULL;

	if (in->bad)
		return false;
	client_cuGetErrorName(r, &name);
	log_write(LOG_WARN,
		"session %lu on %s: %s failed with %s (%d) after the call had returned; the next call "
		"that waits returns that. With RGPU_SYNC=1 each call returns its own.",
		(unsigned long)client.session, client.server, call_name(opcode),
		name ? name : "an unknown result", (int)r);
	return true;
}

/* A context that ended meanwhile is no error of the server's. */
static bool take_fault(struct cursor *in)
{
	uint64_t id = get_u64(in);
	CUresult r = (CUresult)get_u32(in);
	struct context *c;

	get_u32(in);
	if (in->bad)
		return false;
	c = context_get((CUcontext)(uintptr_t)id);
	if (c)
		context_fault(c, r);
	return true;
}

static bool take_fatal(struct cursor *in)
{
	CUresult result = (CUresult)get_u32(in);
	char text[512];
	size_t size;

	get_u32(in);
	size = in->end - in->pos;
	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, in->pos, size);
	text[size] = '\0';
	client_lost(result ? result : CUDA_ERROR_UNKNOWN, text);
	return true;
}

static bool take_frame(const struct frame *frame, struct cursor *in)
{
	switch (frame->opcode) {
	case FRAME_REPLY:
		return take_reply(in);
	case FRAME_HOST_CALL: {
		uint64_t id = get_u64(in);
		uint32_t pushes = get_u32(in);
		CUresult status = (CUresult)get_u32(in);

		return !in->bad && hostfunc_requested(id, pushes, status);
	}
	case FRAME_HOST_GONE: {
		uint64_t id = get_u64(in);

		if (!in->bad)
			hostfunc_gone(id);
		return !in->bad;
	}
	case FRAME_DATA: {
		uint64_t id = get_u64(in), offset = get_u64(in);
		uint32_t size = get_u32(in), pushes = get_u32(in);

		return copyout_data(id, offset, get_bytes(in, size), size, pushes) && !in->bad;
	}
	case FRAME_OUTPUT:
		return take_output(in);
	case FRAME_MIRROR: {
		uint64_t address = get_u64(in);
		uint32_t size = get_u32(in);

		get_u32(in);
		return mirror_received(address, get_bytes(in, size), size) && !in->bad;
	}
	case FRAME_EXECUTED:
		return true;
	case FRAME_FAILED:
		return take_failed(in);
	case FRAME_FAULT:
		return take_fault(in);
	case FRAME_FATAL:
		return take_fatal(in);
	default:
		return false;
	}
}

/* Take one frame if one is complete within @spin_us and @timeout_us. False: none came, or the session
 * ended. Called with `receiving` held. */
static bool receive_one(int spin_us, int timeout_us)
{
	const struct transport *t = client.transport;
	struct frame frame;
	struct cursor in;
	const void *p;
	ssize_t n;

	n = t->peek(client.command, sizeof(frame), spin_us, timeout_us, &p);
	if (n == -EAGAIN)
		return false;
	if (n < 0)
		goto lost;
	memcpy(&frame, p, sizeof(frame));
	if (frame.size < sizeof(frame) || frame.size > FRAME_MAX || frame.size % 8 ||
		frame.seq != received_seq + 1) {
		client_lost(CUDA_ERROR_UNKNOWN, "the server sent a malformed frame");
		return false;
	}
	n = t->peek(client.command, frame.size, SPIN_FEW_US, TRANSPORT_FOREVER, &p);
	if (n < 0)
		goto lost;
	received_seq++;
	in = (struct cursor){(const uint8_t *)p + sizeof(frame), (const uint8_t *)p + frame.size,
		false};
	if (!take_frame(&frame, &in))
		client_lost(CUDA_ERROR_UNKNOWN, "the server sent a frame that makes no sense");
	t->consume(client.command, frame.size);
	atomic_store_explicit(&frames_taken, received_seq, memory_order_release);
	return true;
lost:
	client_cut("command");
	return false;
}

static void receive_until(struct waiter *w)
{
	while (atomic_load_explicit(&w->state, memory_order_acquire) != WAITER_DONE &&
		client_usable() == CUDA_SUCCESS)
		receive_one(wait_spin_us, SLICE_US);
}

/* The server hands chunk n to lane n % lanes; lanes overtake one another, so each is looked at. */
static bool have_chunks(uint32_t wanted)
{
	for (unsigned i = 0; i < client.lanes; i++) {
		uint32_t have = atomic_load_explicit(&lane_arrived[i], memory_order_acquire);

		if ((int32_t)(have - (wanted + client.lanes - 1 - i) / client.lanes) < 0)
			return false;
	}
	return true;
}

void receive_chunks(uint32_t wanted)
{
	for (;;) {
		uint32_t seen = atomic_load_explicit(&chunks_arrived, memory_order_acquire);

		if (have_chunks(wanted) || client_usable() != CUDA_SUCCESS)
			return;
		futex_wait(&chunks_arrived, seen, SLICE_US);
	}
}

void receive_before(unsigned lane, uint32_t frames)
{
	receive_chunks(lane_arrived[lane] * client.lanes + lane);
	while ((int32_t)(atomic_load_explicit(&frames_taken, memory_order_acquire) - frames) < 0 &&
		client_usable() == CUDA_SUCCESS)
		usleep(LOOK_US);
}

void receive_wait(struct waiter *w)
{
	for (;;) {
		uint32_t state = atomic_load_explicit(&w->state, memory_order_acquire);

		if (state == WAITER_DONE)
			break;
		if (client_usable() != CUDA_SUCCESS) {
			receive_fail(client_usable());
			continue;
		}
		if (pthread_mutex_trylock(&receiving) == 0) {
			receive_until(w);
			pthread_mutex_unlock(&receiving);
			waiter_promote();
			continue;
		}
		if (state == WAITER_RECEIVE)
			atomic_compare_exchange_strong(&w->state, &state, WAITER_PENDING);
		futex_wait(&w->state, WAITER_PENDING, 1000);
	}
	receive_chunks(w->pushes);
}

void receive_chunk_arrived(unsigned lane)
{
	atomic_fetch_add_explicit(&lane_arrived[lane], 1, memory_order_release);
	atomic_fetch_add_explicit(&chunks_arrived, 1, memory_order_release);
	futex_wake(&chunks_arrived);
}

void receive_unasked(int change)
{
	if (atomic_fetch_add(&unasked, change) == 0 && change > 0)
		futex_wake(&unasked);
}

/* Looks for what arrives unasked, briefly and seldom, so that waiting threads find the receiving
 * role free. */
static void *background(void *unused)
{
	(void)unused;
	while (client_usable() == CUDA_SUCCESS) {
		/* Now and then in any case: a server that cannot send does not read either, and
		 * calls that do not wait are to know of a fault. */
		if (atomic_load(&unasked) == 0)
			futex_wait(&unasked, 0, IDLE_US);
		if (pthread_mutex_trylock(&receiving) == 0) {
			while (client_usable() == CUDA_SUCCESS && receive_one(0, 0))
				continue;
			pthread_mutex_unlock(&receiving);
			waiter_promote();
		}
		usleep(LOOK_US);
	}
	return NULL;
}

int receive_start(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) > SPARE_CORES)
		wait_spin_us = SPIN_US;
	return thread_start(background, NULL);
}
