/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dispatcher: takes frames from the command connection in order, copies
 * each to private memory (the sender may share the transport's), checks it and
 * has it executed. Between frames it polls what is under way. It never blocks
 * in the driver: what waits is a pending (pending.h).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bulk.h"
#include "context.h"
#include "copy.h"
#include "dispatch.h"
#include "helpers.h"
#include "hostfunc.h"
#include "image.h"
#include "kept.h"
#include "log.h"
#include "mirror.h"
#include "opcodes.h"
#include "output.h"
#include "pending.h"
#include "state.h"
#include "userobject.h"

enum {
	/* Where there are cores to spare: polls without sleeping so long after the last progress, as
	 * NVIDIA's driver does, and looks for the next frame so long before sleeping. */
	SPARE_CORES = 4,
	POLL_FAST_US = 5000,
	POLL_FAST_FEW_US = 1000,
	POLL_SLEEP_US = 20,
	IDLE_SPIN_US = 200,
	ACK_FRAMES = 256,
	ACK_BYTES = 256 << 10,
	FRAMES_PER_POLL = 64, /* frames between two looks at what is under way */
	LEAVE_US = 2000000,   /* for what a client that left has posted */
	STALL_US = 50000,     /* nothing moves for so long: not the GPU's or the network's pace */
};

int session_init(struct session *s)
{
	int err = handles_init(&s->handles);

	pthread_mutex_init(&s->sending, NULL);
	pthread_mutex_init(&s->state, NULL);
	pthread_mutex_init(&s->pending_lock, NULL);
	pthread_mutex_init(&s->polling, NULL);
	TAILQ_INIT(&s->pendings);
	LIST_INIT(&s->contexts);
	STAILQ_INIT(&s->ended);
	if (!err)
		err = copies_create(s);
	if (!err)
		err = hostfuncs_create(s);
	if (!err)
		err = kept_create(s);
	if (!err)
		err = user_objects_create(s);
	if (!err)
		err = helpers_create(s);
	if (!err)
		err = images_create(s);
	return err;
}

uint8_t *frame_begin(struct session *s, uint16_t opcode, size_t payload)
{
	size_t size = wire_pad(sizeof(struct frame) + payload);
	uint8_t *room;

	if (size > FRAME_MAX)
		return NULL;
	pthread_mutex_lock(&s->sending);
	room = s->command->ops->reserve(s->command, size);
	if (!room) {
		pthread_mutex_unlock(&s->sending);
		return NULL;
	}
	memset(room + size - 8, 0, 8);
	memcpy(room, &(struct frame){.size = size, .opcode = opcode, .seq = s->sent + 1},
		sizeof(struct frame));
	return room + sizeof(struct frame);
}

int frame_end(struct session *s, uint16_t opcode, size_t payload, bool flush)
{
	int err = 0;

	s->sent++;
	s->command->ops->commit(s->command, wire_pad(sizeof(struct frame) + payload));
	s->unflushed = !flush;
	if (flush)
		err = s->command->ops->send(s->command, NULL, 0);
	pthread_mutex_unlock(&s->sending);
	return err;
}

int session_flush(struct session *s)
{
	int err = 0;

	pthread_mutex_lock(&s->sending);
	if (s->unflushed) {
		s->unflushed = false;
		err = s->command->ops->send(s->command, NULL, 0);
	}
	pthread_mutex_unlock(&s->sending);
	return err;
}

void session_gone(struct session *s, const char *why)
{
	log_info("session %llu: ended: %s", (unsigned long long)s->id, why);
	_exit(0);
}

void session_fatal(struct session *s, CUresult r, const char *format, ...)
{
	char text[512];
	size_t length;
	va_list list;
	uint8_t *out;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_warn("session %llu: %s", (unsigned long long)s->id, text);

	length = strlen(text);
	out = frame_begin(s, FRAME_FATAL, 8 + length);
	if (out) {
		put_u32(&out, r);
		put_u32(&out, 0);
		put_bytes(&out, text, length);
		frame_end(s, FRAME_FATAL, 8 + length, true);
	}
	_exit(0);
}

/* FRAME_THREAD: who issues the frames that follow. */
static int thread_frame(struct session *s, struct cursor *in)
{
	uint32_t thread = get_u32(in), birth = get_u32(in);
	struct context *c;
	uint64_t context;

	context = get_u64(in);
	if (in->bad)
		return -EPROTO;
	s->thread = thread;
	s->context_id = context;
	c = context ? context_find(s, context) : NULL;
	if (c)
		context_meet(c, thread, birth);
	return 0;
}

static int session_frame(struct session *s, const struct frame *f, struct cursor *in)
{
	switch (f->opcode) {
	case FRAME_THREAD:
		return thread_frame(s, in);
	case FRAME_GOODBYE:
		s->ending = true;
		return 0;
	default:
		return -EPROTO;
	}
}

static int call_frame(
	struct session *s, struct serving *v, const struct frame *f, struct cursor *in)
{
	const struct dispatch_row *row = dispatch_find(f->opcode);
	bool waits = f->flags & FRAME_WAITS;
	struct context *c;

	if (!row || ((row->flags & DISPATCH_WAITS) && !waits))
		return -EPROTO;
	v->q.seq = f->seq;
	v->q.opcode = f->opcode;
	v->q.waits = waits;
	v->q.thread = s->thread;
	v->q.context_id = s->context_id;
	c = s->context_id ? context_find(s, s->context_id) : NULL;
	v->q.context = c ? c->real : NULL;
	v->q.in = *in;
	if ((row->flags & DISPATCH_BLOCKS) && waits)
		return helpers_run(s, &v->q);
	return serving_execute(v);
}

static const char *frame_check(const struct session *s, const struct frame *f)
{
	if (f->size < sizeof(*f) || f->size > FRAME_MAX || f->size % 8)
		return "a frame has an impossible size";
	if (f->seq != s->received + 1)
		return "a frame is out of sequence";
	if (f->flags & ~FRAME_WAITS)
		return "a frame has unknown flags";
	return NULL;
}

static void acknowledge(struct session *s, size_t size)
{
	uint8_t *out;

	s->acked_bytes += size;
	if (s->received - s->acked < ACK_FRAMES && s->acked_bytes < ACK_BYTES)
		return;
	s->acked = s->received;
	s->acked_bytes = 0;
	out = frame_begin(s, FRAME_EXECUTED, 8);
	if (!out)
		return;
	put_u64(&out, s->received);
	frame_end(s, FRAME_EXECUTED, 8, false);
}

/* One frame, already in private memory. */
static int frame_execute(struct session *s, struct serving *v, const struct frame *f,
	const uint8_t *payload, const char **why)
{
	struct cursor in = {payload, payload + f->size - sizeof(*f), false};
	int err;

	s->received = f->seq;
	if (f->opcode != OP_copy_in)
		copy_close(s);
	if (f->opcode < FRAME_OP_CALL)
		err = session_frame(s, f, &in);
	else
		err = call_frame(s, v, f, &in);
	atomic_fetch_add_explicit(&s->progress, 1, memory_order_relaxed);
	if (err == -EPROTO)
		*why = "a frame is malformed";
	else if (err)
		*why = "the connection is lost";
	else
		acknowledge(s, f->size);
	return err;
}

ssize_t session_feed(
	struct session *s, struct serving *v, const uint8_t *data, size_t size, const char **why)
{
	static uint64_t private[FRAME_MAX / 8];
	size_t used = 0;

	for (unsigned n = 0; n < FRAMES_PER_POLL && !s->ending; n++) {
		struct frame f;
		int err;

		if (size - used < sizeof(f))
			break;
		memcpy(&f, data + used, sizeof(f));
		*why = frame_check(s, &f);
		if (*why)
			return -EPROTO;
		if (size - used < f.size)
			break;
		memcpy(private, data + used + sizeof(f), f.size - sizeof(f));
		pending_harden(s);
		err = frame_execute(s, v, &f, (const uint8_t *)private, why);
		if (err)
			return err;
		used += f.size;
	}
	return used;
}

static bool session_ask(struct session *s, struct pendings *acting)
{
	bool moved;

	/* Whoever has it does what is to be done. */
	if (pthread_mutex_trylock(&s->polling))
		return false;
	s->watched = !acting;
	moved = pending_query(s);
	/* Data before the notices that announce it: ask copies after what waits for them. */
	hostfunc_query(s);
	moved |= copy_poll(s);
	moved |= hostfunc_poll(s);
	moved |= pending_answer(s, acting);
	pthread_mutex_unlock(&s->polling);
	return moved;
}

bool session_poll(struct session *s)
{
	struct pendings acting = TAILQ_HEAD_INITIALIZER(acting);
	bool moved;

	atomic_fetch_add_explicit(&s->polls, 1, memory_order_relaxed);
	moved = session_ask(s, &acting);
	pending_act(&acting);
	return moved;
}

bool session_watch(struct session *s)
{
	return session_ask(s, NULL);
}

void session_notice(struct session *s)
{
	pthread_mutex_lock(&s->polling);
	s->watched = false;
	copy_poll(s);
	output_forward(s);
	mirror_forward(s);
	pthread_mutex_unlock(&s->polling);
}

bool session_busy(struct session *s)
{
	return atomic_load(&s->pending_count) || copy_busy(s) || hostfunc_busy(s);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* More is wanted than there can be: it is the end that is looked for. */
static void session_look(struct session *s)
{
	const void *data;

	if (s->command->ops->peek(s->command, TRANSPORT_BUFFER / 2, 0, 0, &data) != -EPIPE)
		return;
	if (!s->over)
		s->over = now_us();
	else if (now_us() - s->over > LEAVE_US)
		session_gone(s, "the client is gone");
}

bool session_stalled(struct request *q, uint64_t *since)
{
	uint64_t now = now_us();

	if (session_poll(q->session) || !*since)
		*since = now;
	session_flush(q->session);
	context_use(q->context);
	if (now - *since < STALL_US)
		return false;
	*since = now;
	session_look(q->session);
	return true;
}

/* The client said goodbye: what it posted ends first, but nobody waits for ever. */
_Noreturn static void session_end(struct session *s)
{
	uint64_t deadline = now_us() + LEAVE_US;

	while (session_busy(s) && now_us() < deadline) {
		if (!session_poll(s))
			usleep(POLL_SLEEP_US);
	}
	while (!context_idle_all(s) && now_us() < deadline)
		usleep(POLL_SLEEP_US);
	output_forward(s);
	session_flush(s);
	session_gone(s, "goodbye");
}

/* Want the whole of the frame that the ring begins with. */
static size_t frame_want(const void *data, size_t size)
{
	struct frame f;

	if (size < sizeof(f))
		return sizeof(f);
	memcpy(&f, data, sizeof(f));
	return f.size > FRAME_MAX || f.size < sizeof(f) ? sizeof(f) : f.size;
}

void session_run(struct session *s)
{
	const struct transport *t = s->command->ops;
	bool spare = sysconf(_SC_NPROCESSORS_ONLN) > SPARE_CORES;
	int idle_spin = spare ? IDLE_SPIN_US : 0;
	uint64_t poll_fast = spare ? POLL_FAST_US : POLL_FAST_FEW_US;
	uint64_t moved_at = 0;
	size_t want = sizeof(struct frame);
	bool more = false; /* a whole frame is at hand */
	struct serving v;

	prctl(PR_SET_TIMERSLACK, 1000UL); /* ns: a nap of 20 us is no longer than that */
	if (serving_init(&v, s))
		session_fatal(s, CUDA_ERROR_OUT_OF_MEMORY, "the server is out of memory");

	for (;;) {
		bool busy = session_busy(s);
		const char *why = NULL;
		const void *data;
		ssize_t n, used;
		int timeout;

		if (busy && session_poll(s))
			moved_at = now_us();
		timeout = !busy ? TRANSPORT_FOREVER : 0;
		/* Before the look for more, which takes a while. That the client is gone shows behind
		 * what it sent last. */
		if (!more)
			session_flush(s);
		n = t->peek(s->command, want, 0, 0, &data);
		if (n == -EAGAIN) {
			copy_close(s);
			if (busy && now_us() - moved_at > poll_fast)
				timeout = POLL_SLEEP_US;
			if (timeout)
				n = t->peek(s->command, want, busy ? 0 : idle_spin, timeout, &data);
		}
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			session_gone(s, "the client is gone");

		used = session_feed(s, &v, data, n, &why);
		if (used == -EPROTO)
			session_fatal(s, CUDA_ERROR_INVALID_VALUE, "%s", why);
		if (used < 0)
			session_gone(s, why);
		t->consume(s->command, used);
		want = frame_want((const uint8_t *)data + used, n - used);
		more = n - used >= (ssize_t)want;
		moved_at = used ? now_us() : moved_at;
		if (s->ending)
			session_end(s);
	}
}
