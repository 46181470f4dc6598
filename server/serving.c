/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request is executed with: its context current on this thread, memory
 * that ends with it, and its answer. Failures of calls that nobody waits for
 * are noted with their context and told once to each thread, by its next call
 * there that waits and returns nothing but its result: waits, copies out and
 * frees are among these. A call that returns something would lose it.
 */
#include <errno.h>
#include <stdlib.h>

#include "call_names.h"
#include "context.h"
#include "dispatch.h"
#include "fault.h"
#include "log.h"
#include "state.h"

enum {
	SCRATCH_SIZE = 64 << 10,
	REPLY_HEADER = 16, /* seq, result, pushes */
	HELD_MAX = 8,	   /* contexts of what a request names, beside its own */
};

struct block {
	struct block *next;
	size_t size;
	max_align_t bytes[];
};

/* The request that this thread executes; request_* get only its visible part. */
static struct serving *serving_of(struct request *q)
{
	return container_of(q, struct serving, q);
}

int serving_init(struct serving *v, struct session *s)
{
	memset(v, 0, sizeof(*v));
	v->q.session = s;
	v->scratch = calloc(1, SCRATCH_SIZE);
	v->scratch_size = SCRATCH_SIZE;
	return v->scratch ? 0 : -ENOMEM;
}

static void serving_clean(struct serving *v)
{
	memset(v->scratch, 0, v->scratch_used);
	v->scratch_used = 0;
	while (v->blocks) {
		struct block *b = v->blocks;

		v->blocks = b->next;
		atomic_fetch_sub(&v->q.session->request_bytes, b->size);
		free(b);
	}
	free(v->discard);
	v->discard = NULL;
}

void serving_fini(struct serving *v)
{
	if (v->scratch)
		serving_clean(v);
	free(v->scratch);
}

void request_copy(struct request *to, const struct request *from)
{
	*to = *from;
	to->in = (struct cursor){0};
	to->out = NULL;
}

void *request_alloc(struct request *q, size_t count, size_t size)
{
	struct serving *v = serving_of(q);
	struct session *s = q->session;
	struct block *b;
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SESSION_REQUEST_BYTES)
		return NULL;
	bytes = (bytes + 15) & ~(size_t)15;
	if (bytes <= v->scratch_size - v->scratch_used) {
		void *p = v->scratch + v->scratch_used;

		v->scratch_used += bytes;
		return p;
	}
	if (atomic_fetch_add(&s->request_bytes, bytes) + bytes > SESSION_REQUEST_BYTES ||
		!(b = calloc(1, sizeof(*b) + bytes))) {
		atomic_fetch_sub(&s->request_bytes, bytes);
		return NULL;
	}
	b->size = bytes;
	b->next = v->blocks;
	v->blocks = b;
	return b->bytes;
}

/* By name; how many there are is the client's to say, so most are left out. */
static void failure_log(struct request *q, CUresult r)
{
	uint64_t before = atomic_fetch_add(&q->session->failures, 1);

	if (before < SESSION_FAILURES_LOGGED)
		log_info("session %llu: %s failed: %d", (unsigned long long)q->session->id,
			call_name(q->opcode), (int)r);
	else if (before == SESSION_FAILURES_LOGGED)
		log_info("session %llu: more calls failed", (unsigned long long)q->session->id);
}

/* The first of them: what follows comes of these, as a rule. */
static void failure_show(struct request *q, CUresult r)
{
	uint8_t *out = NULL;

	if (atomic_load(&q->session->failures) <= SESSION_FAILURES_SHOWN)
		out = frame_begin(q->session, FRAME_FAILED, 8);
	if (!out)
		return;
	put_u32(&out, q->opcode);
	put_u32(&out, r);
	frame_end(q->session, FRAME_FAILED, 8, false);
}

/* A failure that nobody waits for is kept for the next waiting calls. */
static void failure_note(struct request *q, CUresult r)
{
	struct context *c;

	failure_log(q, r);
	failure_show(q, r);
	c = q->context_id ? context_find(q->session, q->context_id) : NULL;
	if (c)
		context_fail(c, r);
}

static int reply_begin(struct request *q, CUresult r, size_t payload)
{
	struct serving *v = serving_of(q);
	struct session *s = q->session;
	uint8_t *out = frame_begin(s, FRAME_REPLY, REPLY_HEADER + payload);

	if (!out)
		return -EPIPE;
	put_u64(&out, q->seq);
	put_u32(&out, r);
	put_u32(&out, atomic_load(&s->pushes));
	q->out = out;
	v->reply_size = REPLY_HEADER + payload;
	v->answered = true;
	return 0;
}

int request_reply(struct request *q, CUresult r, size_t payload)
{
	struct serving *v = serving_of(q);

	if (payload > FRAME_MAX - sizeof(struct frame) - REPLY_HEADER - 8)
		return -EPROTO;
	if (q->waits)
		return reply_begin(q, r, payload);
	if (r)
		failure_note(q, r);
	v->discard = malloc(payload + 1);
	q->out = v->discard;
	return v->discard ? 0 : -ENOMEM;
}

int request_send(struct request *q)
{
	struct serving *v = serving_of(q);

	if (!q->waits)
		return 0;
	return frame_end(q->session, FRAME_REPLY, v->reply_size, serving_helper);
}

/* What the thread was not told yet. */
static CUresult failure_tell(struct request *q)
{
	const struct dispatch_row *row = dispatch_find(q->opcode);
	struct context *c = q->context_id ? context_find(q->session, q->context_id) : NULL;

	if (!c || !row || (row->flags & DISPATCH_NO_CONTEXT))
		return CUDA_SUCCESS;
	return context_failure(c, q->thread);
}

int request_done(struct request *q, CUresult r)
{
	int err;

	if (!q->waits) {
		if (r)
			failure_note(q, r);
		return 0;
	}
	if (!r)
		r = failure_tell(q);
	if (r == CUDA_ERROR_ASSERT)
		fault_text(q->session);
	err = reply_begin(q, r, 0);
	return err ? err : request_send(q);
}

int request_answer(const struct request *q, CUresult r)
{
	struct serving v = {.q = *q};

	return request_done(&v.q, r);
}

__thread bool serving_helper;
__thread struct context *serving_context;
static __thread struct context *held[HELD_MAX];
static __thread unsigned held_count;

bool serving_hold(struct context *c)
{
	if (c == serving_context)
		return true;
	for (unsigned i = 0; i < held_count; i++) {
		if (held[i] == c)
			return true;
	}
	if (held_count == HELD_MAX || !context_hold(c))
		return false;
	held[held_count++] = c;
	return true;
}

struct context *serving_named(void)
{
	return held_count ? held[0] : serving_context;
}

void serving_let_go(void)
{
	if (serving_context)
		context_let_go(serving_context);
	serving_context = NULL;
	while (held_count)
		context_let_go(held[--held_count]);
}

int serving_execute(struct serving *v)
{
	struct request *q = &v->q;
	const struct dispatch_row *row = dispatch_find(q->opcode);
	struct context *c = q->context_id ? context_find(q->session, q->context_id) : NULL;
	CUresult r = CUDA_SUCCESS;
	int err;

	v->answered = false;
	/* A context that ended meanwhile, in a helper's queue, is none. */
	if (c && !context_hold(c))
		c = NULL;
	serving_context = c;
	held_count = 0;
	q->context = c ? c->real : NULL;
	if (!c && !(row->flags & DISPATCH_NO_CONTEXT))
		r = CUDA_ERROR_INVALID_CONTEXT;
	if (!r && c)
		r = context_use(c->real);
	err = r ? request_done(q, r) : row->handler(q);
	serving_clean(v);
	serving_let_go();
	return err;
}
