/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's outgoing half: frames are written straight into the command
 * connection's sending ring under one lock, which also gives them their order.
 *
 * Posted frames are sent by a flusher thread, woken only when it sleeps, so
 * that a burst costs one system call for many frames and a lone frame leaves
 * within about 20 microseconds. It sends beside who writes, who would else wait
 * for a system call with each frame. A call that waits sends for itself.
 */
#include "call.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "context.h"
#include "receive.h"
#include "stats.h"
#include "stream.h"
#include "thread.h"
#include "transport.h"

enum { FLUSH_SPIN_NS = 50000, THREAD_FRAME = sizeof(struct frame) + 16 };

static struct {
	pthread_mutex_t lock;
	uint64_t seq;
	unsigned thread; /* its birth */
	uint64_t context;
	_Atomic uint64_t committed; /* frames in the ring */
	_Atomic uint64_t sent;	    /* frames known to be sent */
	_Atomic uint32_t awake;	    /* the flusher looks at committed by itself */
} stream = {.lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP};

/* Needs no lock: who writes frames does not wait for those that are sent meanwhile. A smaller number of
 * another thread may be the last that is stored, and then nothing is sent once more. */
static void flush(void)
{
	uint64_t committed = atomic_load_explicit(&stream.committed, memory_order_acquire);

	if (client.transport->send(client.command, NULL, 0) < 0)
		client_cut("command");
	atomic_store_explicit(&stream.sent, committed, memory_order_relaxed);
}

static void put_frame(uint8_t **out, size_t size, uint16_t opcode, uint16_t flags)
{
	struct frame f = {(uint32_t)size, opcode, flags, ++stream.seq};

	put_bytes(out, &f, sizeof(f));
}

/* Room for a frame of @payload bytes, preceded by a THREAD frame where the issuer changed. */
static CUresult reserve(struct call *c, size_t payload, uint64_t context)
{
	size_t size = sizeof(struct frame) + wire_pad(payload);
	bool changed = stream.thread != c->thread->birth || stream.context != context;
	uint8_t *room;

	if (size > FRAME_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	room = client.transport->reserve(client.command, size + (changed ? THREAD_FRAME : 0));
	if (!room) {
		client_cut("command");
		return client_usable();
	}
	if (changed) {
		put_frame(&room, THREAD_FRAME, FRAME_THREAD, 0);
		put_u32(&room, c->thread->id);
		put_u32(&room, c->thread->birth);
		put_u64(&room, context);
		stream.thread = c->thread->birth;
		stream.context = context;
		client.transport->commit(client.command, THREAD_FRAME);
	}
	c->size = size;
	c->frame = room;
	c->out = room + sizeof(struct frame);
	if (size > sizeof(struct frame))
		memset(room + size - 8, 0, 8); /* padding is part of the stream: never leak memory */
	return CUDA_SUCCESS;
}

CUresult call_check(unsigned flags)
{
	CUresult r = client_usable();
	struct thread *t;
	struct context *context;

	if (r)
		return r;
	t = thread_self();
	if (!t)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (t->in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	if (flags & CALL_NO_CONTEXT)
		return CUDA_SUCCESS;
	context = thread_context(t);
	if (!context)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (!context->active)
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	return context->sticky;
}

CUresult call_argument(bool good)
{
	CUresult r = call_check(0);

	return r || good ? r : CUDA_ERROR_INVALID_VALUE;
}

/* Counted under the lock: whoever sees the count and then posts a wait has this frame before it. */
static void count_work(struct thread *t, struct context *context, unsigned flags)
{
	struct stream *s = t->uses;

	if (flags & CALL_NO_WORK) /* may come between stream_use and the frame that it is for */
		return;
	if (context)
		atomic_fetch_add_explicit(&context->posted, 1, memory_order_relaxed);
	if (!s)
		return;
	t->uses = NULL;
	/* Copies may go into streams of other contexts. */
	if (s->context != context)
		atomic_fetch_add_explicit(&s->context->posted, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->posted, 1, memory_order_relaxed);
	if (!s->object.handle)
		s->context->legacy_mark = s->context->posted;
}

CUresult call_begin(struct call *c, uint16_t opcode, size_t payload, unsigned flags)
{
	struct context *context;
	CUresult r = call_check(flags);

	if (r)
		return r;
	c->thread = thread_self();
	c->opcode = opcode;
	c->reply = NULL;
	context = thread_context(c->thread);
	pthread_mutex_lock(&stream.lock);
	count_work(c->thread, context, flags);
	r = reserve(c, payload, context ? context->object.handle : 0);
	if (r) {
		pthread_mutex_unlock(&stream.lock);
		return r;
	}
	stats_sent(c->size);
	return CUDA_SUCCESS;
}

static void commit(struct call *c, uint16_t flags)
{
	uint8_t *frame = c->frame;

	put_frame(&frame, c->size, c->opcode, flags);
	c->seq = stream.seq;
	client.transport->commit(client.command, c->size);
	atomic_store_explicit(&stream.committed, stream.seq, memory_order_release);
}

/* Pairs with the flusher's store of 0 before its last look at `committed`. */
static bool flusher_sleeps(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	return !atomic_load_explicit(&stream.awake, memory_order_relaxed);
}

static void wake_flusher(void)
{
	atomic_store(&stream.awake, 1);
	syscall(SYS_futex, &stream.awake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

CUresult call_post(struct call *c)
{
	CUresult r;

	if (client.sync) {
		r = call_wait(c);
		return call_end(c, r);
	}
	commit(c, 0);
	pthread_mutex_unlock(&stream.lock);
	/* The first of a burst goes at once, since a thread takes long to wake; it sends the rest. */
	if (flusher_sleeps()) {
		flush();
		wake_flusher();
	}
	return CUDA_SUCCESS;
}

CUresult call_wait(struct call *c)
{
	struct waiter w = {.call = c};
	struct context *context = thread_context(c->thread);

	c->in = (struct cursor){NULL, NULL, false};
	/* What is committed may be sent, and answered, at once. */
	w.seq = stream.seq + 1;
	receive_expect(&w);
	commit(c, FRAME_WAITS);
	pthread_mutex_unlock(&stream.lock);
	flush();
	stats_waited();
	receive_wait(&w);
	if (context)
		context_fault(context, w.result);
	return w.result;
}

CUresult call_end(struct call *c, CUresult r)
{
	free(c->reply);
	c->reply = NULL;
	return r == CUDA_SUCCESS && c->in.bad ? CUDA_ERROR_UNKNOWN : r;
}

unsigned call_default_stream(unsigned handle)
{
	struct thread *t = thread_self();
	unsigned before = 1;

	if (t) {
		before = t->default_stream;
		t->default_stream = handle;
	}
	return before;
}

static void *flusher(void *unused)
{
	(void)unused;
	while (client_usable() == CUDA_SUCCESS) {
		int64_t until = clock_ns() + FLUSH_SPIN_NS;

		if (stream.sent != stream.committed)
			flush();
		while (stream.sent == stream.committed && clock_ns() < until)
			sched_yield();
		if (stream.sent != stream.committed)
			continue;
		atomic_store(&stream.awake, 0);
		atomic_thread_fence(memory_order_seq_cst);
		if (stream.sent == stream.committed)
			syscall(SYS_futex, &stream.awake, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		atomic_store(&stream.awake, 1);
	}
	return NULL;
}

int call_start(void)
{
	return thread_start(flusher, NULL);
}

void call_goodbye(void)
{
	struct frame f;
	uint8_t *room;

	pthread_mutex_lock(&stream.lock);
	room = client.transport->reserve(client.command, sizeof(f));
	if (room) {
		put_frame(&room, sizeof(f), FRAME_GOODBYE, 0);
		client.transport->commit(client.command, sizeof(f));
		flush();
	}
	pthread_mutex_unlock(&stream.lock);
}
