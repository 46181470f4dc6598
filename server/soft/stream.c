/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams as queues. Each has a thread of its own from its first work on, so
 * that what is asynchronous natively is so here. All order is expressed when
 * work is submitted: in a stream by its queue, across streams by fences that
 * the work waits for (events, and the legacy stream's rule: it waits for all
 * blocking streams of its context and they wait for it). A closed stream
 * finishes what was submitted; its thread then ends by itself.
 */
#include "soft.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "clock.h"

static void stream_release(struct object *o)
{
	struct stream *s = (struct stream *)o;

	fence_put(s->last);
	pthread_cond_destroy(&s->wake);
	object_put(s->ctx);
	free(s);
}

CUresult stream_new(struct context *c, unsigned flags, int priority, struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&s->base, KIND_STREAM, stream_release);
	if (object_publish(&s->base) < 0) {
		free(s);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	s->ctx = object_get(c);
	s->flags = flags;
	s->priority = priority > 0 ? 0 : priority < -5 ? -5 : priority;
	s->id = ++gpu.next_id;
	STAILQ_INIT(&s->queue);
	pthread_cond_init(&s->wake, NULL);
	LIST_INSERT_HEAD(&c->streams, s, link);
	s->listed = true;
	*out = s;
	return CUDA_SUCCESS;
}

bool stream_busy(struct stream *s)
{
	return s->last && !s->last->done;
}

static void unlist(struct stream *s)
{
	if (s->listed)
		LIST_REMOVE(s, link);
	s->listed = false;
}

/* While it has work its context still waits for it. */
void stream_close(struct stream *s)
{
	if (s->closing)
		return;
	capture_leave(s);
	object_withdraw(&s->base);
	s->closing = true;
	s->thread_id = 0;
	if (!stream_busy(s))
		unlist(s);
	pthread_cond_signal(&s->wake);
	object_put(s);
}

/* All of a context that ends, whose work is done. */
void streams_close(struct context *c)
{
	struct stream *s;

	while ((s = LIST_FIRST(&c->streams))) {
		object_get(s);
		stream_close(s);
		unlist(s);
		object_put(s);
	}
}

static void work_free(struct work *w)
{
	size_t i;

	for (i = 0; i < w->deps_count; i++)
		fence_put(w->deps[i]);
	free(w->deps);
	fence_put(w->fence);
	op_fini(&w->op);
	free(w);
}

/* After a fatal error nothing of the context runs any more, but its order still completes. */
static void execute(struct context *c, struct work *w)
{
	bool memory = w->op.kind != OP_HOST && w->op.kind != OP_CALLBACK;
	CUresult result = CUDA_SUCCESS;

	if (c->error && w->op.kind != OP_CALLBACK && w->op.kind != OP_FREE)
		return;
	if (!op_valid(&w->op)) {
		context_fail(c, CUDA_ERROR_ILLEGAL_ADDRESS);
		return;
	}
	gpu.running += memory;
	pthread_mutex_unlock(&gpu.lock);
	result = op_run(&w->op, c);
	pthread_mutex_lock(&gpu.lock);
	gpu.running -= memory;
	if (!gpu.running)
		zombie_reap();
	if (!result)
		return;
	/* Who asks is told of the failure at once, and no later call prints. */
	printed_flush(c);
	context_fail(c, result);
}

static void finish(struct work *w)
{
	w->fence->done = true;
	w->fence->time = clock_ns();
	work_free(w);
	pthread_cond_broadcast(&gpu.progress);
}

static void *serve(void *arg)
{
	struct stream *s = arg;
	struct work *w;
	size_t i;

	pthread_mutex_lock(&gpu.lock);
	for (;;) {
		while (STAILQ_EMPTY(&s->queue) && !s->closing)
			pthread_cond_wait(&s->wake, &gpu.lock);
		w = STAILQ_FIRST(&s->queue);
		if (!w)
			break;
		for (i = 0; i < w->deps_count; i++)
			fence_wait(w->deps[i]);
		execute(s->ctx, w);
		STAILQ_REMOVE_HEAD(&s->queue, link);
		s->launches -= w->op.kind == OP_KERNEL;
		finish(w);
	}
	unlist(s);
	object_put(s);
	pthread_mutex_unlock(&gpu.lock);
	return NULL;
}

static int start_worker(struct stream *s)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, serve, object_get(s));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err) {
		object_put(s);
		return -err;
	}
	s->worker = true;
	return 0;
}

static void add_dep(struct work *w, struct fence *f)
{
	if (f && !f->done)
		w->deps[w->deps_count++] = fence_get(f);
}

/* What the stream's kind makes it wait for, and @extra if not NULL. */
static int find_deps(struct stream *s, struct work *w, struct fence *extra)
{
	struct stream *other;
	size_t n = 2;

	if (s == s->ctx->legacy)
		LIST_FOREACH(other, &s->ctx->streams, link)
			n++;
	w->deps = calloc(n, sizeof(*w->deps));
	if (!w->deps)
		return -ENOMEM;
	add_dep(w, extra);
	if (s == s->ctx->legacy) {
		LIST_FOREACH(other, &s->ctx->streams, link)
			if (other != s && !(other->flags & CU_STREAM_NON_BLOCKING))
				add_dep(w, other->last);
	} else if (!(s->flags & CU_STREAM_NON_BLOCKING) && s->ctx->legacy) {
		add_dep(w, s->ctx->legacy->last);
	}
	return 0;
}

static CUresult enqueue(struct stream *s, struct op *op, struct fence *dep, struct fence **out)
{
	struct work *w = calloc(1, sizeof(*w));

	if (!w) {
		op_fini(op);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	w->op = *op;
	w->fence = calloc(1, sizeof(*w->fence));
	if (!w->fence || find_deps(s, w, dep) < 0)
		goto free_work;
	w->fence->refs = 1;
	if (!s->worker && start_worker(s) < 0)
		goto free_work;
	fence_put(s->last);
	s->last = fence_get(w->fence);
	if (out)
		*out = fence_get(w->fence);
	STAILQ_INSERT_TAIL(&s->queue, w, link);
	s->launches += w->op.kind == OP_KERNEL;
	pthread_cond_signal(&s->wake);
	return CUDA_SUCCESS;

free_work:
	free(w->fence);
	w->fence = NULL;
	work_free(w);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

/* As the driver does, a launch waits while too many are queued before it, and all work but writing
 * values while another thread frees what work may use. */
static bool has_room(const struct stream *s, const struct op *op)
{
	if (op->kind == OP_KERNEL && s->launches >= LAUNCHES_MAX)
		return false;
	return op->kind == OP_VALUES || !s->ctx->dev->alone;
}

static CUresult wait_for_room(struct stream *s, const struct op *op)
{
	bool gone;

	object_get(s);
	while (!has_room(s, op) && !s->closing && !s->ctx->error)
		pthread_cond_wait(&gpu.progress, &gpu.lock);
	gone = s->closing;
	object_put(s);
	return gone ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

CUresult stream_submit_after(struct stream *s, struct op *op, struct fence *dep, struct fence **out)
{
	CUresult result;

	if (out)
		*out = NULL;
	if (s->capture)
		return capture_add(s, op);
	result = capture_implicit(s);
	if (!result)
		result = wait_for_room(s, op);
	if (!result)
		result = s->ctx->error;
	if (result) {
		op_fini(op);
		return result;
	}
	return enqueue(s, op, dep, out);
}

CUresult stream_submit(struct stream *s, struct op *op, struct fence **out)
{
	return stream_submit_after(s, op, NULL, out);
}

/* For calls that block: runs in the stream and waits. */
CUresult stream_submit_sync(struct stream *s, struct op *op)
{
	struct context *c = s->ctx;
	struct fence *fence;
	CUresult result;

	if (s->capture) {
		op_fini(op);
		capture_break(s->capture);
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	result = stream_submit(s, op, &fence);
	if (result)
		return result;
	object_get(c);
	fence_wait(fence);
	fence_put(fence);
	result = c->error;
	printed_flush(c);
	object_put(c);
	return result;
}

static CUresult per_thread(struct context *c, struct stream **out)
{
	uint64_t id = thread_self()->id;
	struct stream *s;
	CUresult result;

	LIST_FOREACH(s, &c->streams, link)
		if (s->thread_id == id)
			break;
	if (!s) {
		result = stream_new(c, 0, 0, &s);
		if (result)
			return result;
		s->thread_id = id;
	}
	*out = s;
	return CUDA_SUCCESS;
}

void stream_forget_thread(uint64_t id)
{
	struct context *c;
	struct stream *s, *next;

	LIST_FOREACH(c, &gpu.contexts, link)
		for (s = LIST_FIRST(&c->streams); s; s = next) {
			next = LIST_NEXT(s, link);
			if (s->thread_id == id)
				stream_close(s);
		}
}

CUresult stream_find(struct context *c, CUstream handle, struct stream **out)
{
	struct stream *s;

	if (handle == CU_STREAM_PER_THREAD || (!handle && thread_self()->per_thread))
		return per_thread(c, out);
	if (!handle || handle == CU_STREAM_LEGACY) {
		*out = c->legacy;
		return CUDA_SUCCESS;
	}
	s = object_find(KIND_STREAM, handle);
	if (!s)
		return CUDA_ERROR_INVALID_HANDLE;
	*out = s;
	return CUDA_SUCCESS;
}

CUresult enter_stream_anywhere(CUstream handle, struct stream **out)
{
	struct context *c = NULL;
	CUresult result = enter(&c);

	if (result == CUDA_ERROR_INVALID_CONTEXT && handle && handle != CU_STREAM_LEGACY &&
		handle != CU_STREAM_PER_THREAD)
		result = enter_device();
	if (result)
		return result;
	result = stream_find(c, handle, out);
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult stream_find_own(struct context *c, CUstream handle, struct stream **out)
{
	struct stream *s;
	CUresult result = stream_find(c, handle, &s);

	if (!result && s->ctx != c)
		result = CUDA_ERROR_INVALID_HANDLE;
	if (!result)
		*out = s;
	return result;
}
