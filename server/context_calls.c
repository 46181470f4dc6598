/* SPDX-License-Identifier: Apache-2.0 */
/* The server's halves of context calls. */
#include <stdlib.h>

#include "pending.h"
#include "server_calls.h"
#include "staging.h"
#include "stream.h"

static bool primary_active(struct session *s, CUdevice device)
{
	struct context *c;
	bool active = false;

	pthread_mutex_lock(&s->state);
	LIST_FOREACH(c, &s->contexts, link)
		active |= c->primary && c->device == device;
	pthread_mutex_unlock(&s->state);
	return active;
}

/* Taken over from the worker's warm-up once, retained anew after that. */
static CUresult primary_retain(struct session *s, CUdevice device, CUcontext *out)
{
	if (primary_active(s, device))
		return CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE;
	if (!device && s->warm) {
		*out = s->warm;
		s->warm = NULL;
		return CUDA_SUCCESS;
	}
	return driver.cuDevicePrimaryCtxRetain(out, device);
}

static CUresult context_make(
	struct session *s, CUdevice device, unsigned flags, bool primary, uint64_t id)
{
	struct context *c;
	CUcontext real;
	CUresult r = primary ? primary_retain(s, device, &real)
			     : driver.cuCtxCreate_v2(&real, flags, device);

	if (r)
		return r;
	/* Making one made it current. */
	context_forget();
	r = context_use(real);
	if (!r)
		r = context_add(s, id, real, device, primary, &c);
	if (!r) {
		staging_pin(s->staging, c);
		return CUDA_SUCCESS;
	}
	if (primary)
		driver.cuDevicePrimaryCtxRelease_v2(device);
	else
		driver.cuCtxDestroy_v2(real);
	context_forget();
	return r;
}

/* On helper threads, and a device has one primary context. */
CUresult server_context_make(
	struct request *q, int device, unsigned int flags, unsigned int primary, uint64_t context)
{
	static pthread_mutex_t retaining = PTHREAD_MUTEX_INITIALIZER;
	CUresult r;

	if (primary)
		pthread_mutex_lock(&retaining);
	r = context_make(q->session, device, flags, primary, context);
	if (primary)
		pthread_mutex_unlock(&retaining);
	return r;
}

/* On a helper thread: what is under way in the context is polled by the dispatcher meanwhile. */
CUresult server_context_release(struct request *q, uint64_t context)
{
	struct context *c = context_find(q->session, context);
	CUresult r;

	if (!c)
		return CUDA_ERROR_INVALID_CONTEXT;
	serving_let_go();
	context_end(c);
	context_use(NULL);
	r = c->primary ? driver.cuDevicePrimaryCtxRelease_v2(c->device)
		       : driver.cuCtxDestroy_v2(c->real);
	context_forget();
	return r;
}

struct context_wait {
	struct pending pending;
	struct barrier barrier;
};

static CUresult wait_poll(struct pending *p)
{
	return barrier_poll(&container_of(p, struct context_wait, pending)->barrier);
}

static void wait_harden(struct pending *p)
{
	barrier_mark(&container_of(p, struct context_wait, pending)->barrier);
}

/* Nothing is under way in @c, nor is any stream of it captured. */
static bool context_idle(struct context *c)
{
	struct barrier now;
	bool idle;

	barrier_begin(&now, c);
	idle = barrier_poll(&now) != CUDA_ERROR_NOT_READY && !now.captured;
	barrier_end(&now);
	return idle;
}

/* Work that came later must not be waited for, so the driver is asked only when there is none: it
 * then prints what kernels printed. That would end a capture, so not beside one. */
static void wait_finish(struct pending *p)
{
	struct context_wait *w = container_of(p, struct context_wait, pending);
	bool idle = !p->result;

	barrier_end(&w->barrier);
	if (idle)
		idle = p->q.seq == p->q.session->received ? !w->barrier.captured
							  : context_idle(p->context);
	if (idle)
		p->result = driver.cuCtxSynchronize();
	pending_reply(p, p->result);
	free(w);
}

CUresult server_context_synchronize(struct request *q)
{
	struct context_wait *w = calloc(1, sizeof(*w));

	if (!w)
		return CUDA_ERROR_OUT_OF_MEMORY;
	w->pending.poll = wait_poll;
	w->pending.harden = wait_harden;
	w->pending.finish = wait_finish;
	w->pending.acts = true;
	w->pending.covers = COVERS_CONTEXT;
	barrier_watch(&w->barrier, serving_context);
	return pending_add(q->session, &w->pending, q);
}
