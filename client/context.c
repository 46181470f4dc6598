/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts: primary ones and those that the application makes, and each
 * thread's stack of them. All but making and ending one is local.
 */
#include "context.h"

#include <pthread.h>

#include "call.h"
#include "capture.h"
#include "client.h"
#include "client_calls.h"
#include "log.h"
#include "memory.h"
#include "mirror.h"
#include "storage.h"
#include "thread.h"
#include "wire_calls.h"

enum {
	FLAGS_SCHED = 0x07,
	FLAGS_KNOWN = 0xff,
};

/* Retains, flags, life. Recursive: destructors of attached values may come back. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct context *primary[CLIENT_MAX_DEVICES];
static unsigned primary_flags[CLIENT_MAX_DEVICES];
static _Atomic uint64_t last_id, last_stream_id;

int device_count(void)
{
	return client.device_count;
}

struct context *context_get(CUcontext handle)
{
	return (struct context *)object_get(KIND_CUcontext, handle);
}

struct context *context_self(void)
{
	struct thread *t = thread_self();

	return t ? thread_context(t) : NULL;
}

CUcontext context_current(void)
{
	return context_handle(context_self());
}

uint64_t context_id(CUcontext handle)
{
	struct context *c = handle ? context_get(handle) : context_self();

	return c ? c->id : 0;
}

static struct context *context_new(CUdevice device, bool is_primary)
{
	struct context *c = (struct context *)object_create(KIND_CUcontext);

	if (!c)
		return NULL;
	c->device = device;
	c->primary = is_primary;
	c->id = atomic_fetch_add(&last_id, 1) + 1;
	c->legacy.context = c;
	c->legacy.id = stream_new_id();
	return c;
}

/* A context begins a life: nothing of an earlier one is valid. */
static void begin_life(struct context *c)
{
	atomic_fetch_add(&c->life, 1);
	c->legacy.life = c->life;
	c->sticky = CUDA_SUCCESS;
	c->posted = c->synced = 0;
	c->nonblocking = 0;
	c->legacy.synced = 0;
	atomic_store(&c->active, true);
}

/* And ends it: values attached to it are destroyed, its memory is gone. */
static void end_life(struct context *c)
{
	atomic_store(&c->active, false);
	storage_context_gone(context_handle(c));
	memory_context_gone(c);
	atomic_fetch_add(&c->life, 1);
}

static CUresult device_valid(CUdevice dev)
{
	CUresult r = client_usable();

	if (r)
		return r;
	return dev < 0 || dev >= client.device_count ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

static struct context *primary_of(CUdevice dev)
{
	if (!primary[dev])
		primary[dev] = context_new(dev, true);
	return primary[dev];
}

CUresult context_primary_handle(CUdevice dev, CUcontext *out)
{
	CUresult r = device_valid(dev);
	struct context *c;

	if (r)
		return r;
	pthread_mutex_lock(&lock);
	c = primary_of(dev);
	pthread_mutex_unlock(&lock);
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*out = context_handle(c);
	return CUDA_SUCCESS;
}

CUresult client_cuDevicePrimaryCtxRetain(CUcontext *pctx, CUdevice dev)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c;

	if (!r)
		r = device_valid(dev);
	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	c = primary_of(dev);
	r = c ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	if (!r && !c->active) {
		r = wire_context_retain(dev, primary_flags[dev], c->object.handle);
		if (!r) {
			c->flags = primary_flags[dev];
			c->refs = 0;
			begin_life(c);
		}
	}
	if (!r) {
		c->refs++;
		*pctx = context_handle(c);
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static CUresult primary_end(struct context *c)
{
	CUresult r;

	c->refs = 0;
	end_life(c);
	r = wire_context_release(c->object.handle);
	return r;
}

CUresult client_cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
	CUresult r = device_valid(dev);
	struct context *c;

	if (r)
		return r;
	pthread_mutex_lock(&lock);
	c = primary[dev];
	if (!c || !c->active || !c->refs)
		r = CUDA_ERROR_INVALID_CONTEXT;
	else if (--c->refs == 0)
		r = primary_end(c);
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult client_cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
	CUresult r = device_valid(dev);

	if (r)
		return r;
	pthread_mutex_lock(&lock);
	if (primary[dev] && primary[dev]->active)
		r = primary_end(primary[dev]);
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult client_cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int *flags, int *active)
{
	CUresult r = device_valid(dev);

	if (r)
		return r;
	if (!flags || !active)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = primary_flags[dev];
	*active = primary[dev] && primary[dev]->active;
	return CUDA_SUCCESS;
}

CUresult client_cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags)
{
	CUresult r = device_valid(dev);

	if (r)
		return r;
	if (flags & ~FLAGS_KNOWN)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	primary_flags[dev] = flags;
	if (primary[dev])
		primary[dev]->flags = flags;
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

static CUresult push(struct context *c)
{
	struct thread *t = thread_self();

	if (!t || t->depth == THREAD_STACK)
		return CUDA_ERROR_OUT_OF_MEMORY;
	t->stack[t->depth++] = c;
	return CUDA_SUCCESS;
}

CUresult context_create(CUcontext *out, unsigned flags, CUdevice dev)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c;

	if (!r)
		r = device_valid(dev);
	if (r)
		return r;
	if (!out || flags & ~FLAGS_KNOWN || (flags & FLAGS_SCHED) == 3 || (flags & FLAGS_SCHED) > 4)
		return CUDA_ERROR_INVALID_VALUE;
	c = context_new(dev, false);
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	c->flags = flags;
	c->refs = 1;
	r = wire_context_create(dev, flags, c->object.handle);
	if (!r)
		r = push(c);
	if (r) {
		object_destroy(KIND_CUcontext, &c->object);
		return r;
	}
	begin_life(c);
	*out = context_handle(c);
	return CUDA_SUCCESS;
}

CUresult client_cuCtxCreate_v2(CUcontext *pctx, unsigned int flags, CUdevice dev)
{
	return context_create(pctx, flags, dev);
}

/* Limiting a context to some multiprocessors needs MPS on the server. */
CUresult client_cuCtxCreate_v3(CUcontext *pctx, CUexecAffinityParam *paramsArray, int numParams,
	unsigned int flags, CUdevice dev)
{
	(void)paramsArray;
	return numParams ? CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY : context_create(pctx, flags, dev);
}

CUresult client_cuCtxCreate_v4(CUcontext *pctx, CUctxCreateParams *ctxCreateParams,
	unsigned int flags, CUdevice dev)
{
	if (ctxCreateParams && ctxCreateParams->cigParams)
		return CUDA_ERROR_NOT_SUPPORTED;
	return client_cuCtxCreate_v3(pctx, ctxCreateParams ? ctxCreateParams->execAffinityParams : NULL,
		ctxCreateParams ? ctxCreateParams->numExecAffinityParams : 0, flags, dev);
}

/* Usage counts of contexts: deprecated, kept for programs that still use them. */
CUresult client_cuCtxAttach(CUcontext *pctx, unsigned int flags)
{
	struct context *c = context_self();
	CUresult r = call_check(0);

	if (r)
		return r;
	if (!pctx || flags)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	c->refs++;
	pthread_mutex_unlock(&lock);
	*pctx = context_handle(c);
	return CUDA_SUCCESS;
}

CUresult client_cuCtxDetach(CUcontext ctx)
{
	struct context *c = context_get(ctx);
	CUresult r = call_check(0);
	unsigned left;

	if (r)
		return r;
	if (!c || c != context_self())
		return CUDA_ERROR_INVALID_CONTEXT;
	pthread_mutex_lock(&lock);
	left = --c->refs;
	pthread_mutex_unlock(&lock);
	return left || c->primary ? CUDA_SUCCESS : client_cuCtxDestroy_v2(ctx);
}

CUresult client_cuCtxDestroy_v2(CUcontext ctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct thread *t = thread_self();
	struct context *c = context_get(ctx);
	uint64_t handle;

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!c || c->primary)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (thread_context(t) == c)
		t->depth--;
	end_life(c);
	handle = c->object.handle;
	r = wire_context_release(handle);
	object_destroy(KIND_CUcontext, &c->object);
	return r;
}

CUresult client_cuCtxGetCurrent(CUcontext *pctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	*pctx = context_current();
	return CUDA_SUCCESS;
}

CUresult client_cuCtxSetCurrent(CUcontext ctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c = context_get(ctx);
	struct thread *t = thread_self();

	if (r)
		return r;
	if (!ctx) {
		if (t->depth)
			t->depth--;
		return CUDA_SUCCESS;
	}
	if (!c)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (!t->depth)
		return push(c);
	t->stack[t->depth - 1] = c;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxPushCurrent_v2(CUcontext ctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c = context_get(ctx);

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	return c ? push(c) : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult client_cuCtxPopCurrent_v2(CUcontext *pctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct thread *t = thread_self();

	if (r)
		return r;
	if (!t->depth)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (pctx)
		*pctx = context_handle(thread_context(t));
	t->depth--;
	return CUDA_SUCCESS;
}

/* @ctx or, when NULL, the current one. */
static CUresult context_of(CUcontext ctx, struct context **out)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	*out = ctx ? context_get(ctx) : context_self();
	return *out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult client_cuCtxGetDevice(CUdevice *device)
{
	return client_cuCtxGetDevice_v2(device, NULL);
}

CUresult client_cuCtxGetDevice_v2(CUdevice *device, CUcontext ctx)
{
	struct context *c;
	CUresult r = context_of(ctx, &c);

	if (r)
		return r;
	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	*device = c->device;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxGetApiVersion(CUcontext ctx, unsigned int *version)
{
	struct context *c;
	CUresult r = context_of(ctx, &c);

	if (r)
		return r;
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = 3020;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxGetFlags(unsigned int *flags)
{
	struct context *c;
	CUresult r = context_of(NULL, &c);

	if (r)
		return r;
	if (!flags)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = c->flags;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxGetId(CUcontext ctx, unsigned long long *ctxId)
{
	struct context *c;
	CUresult r = context_of(ctx, &c);

	if (r)
		return r;
	if (!ctxId)
		return CUDA_ERROR_INVALID_VALUE;
	*ctxId = c->id;
	return CUDA_SUCCESS;
}

uint64_t stream_new_id(void)
{
	return atomic_fetch_add(&last_stream_id, 1) + 7;
}

static CUresult synchronize(struct context *c)
{
	uint64_t mark = c->posted;
	CUresult r;

	if (c->synced >= mark && c->sticky == CUDA_SUCCESS)
		return CUDA_SUCCESS;
	r = wire_context_synchronize();
	if (r == CUDA_SUCCESS)
		context_completed(c, mark);
	return r;
}

void context_completed(struct context *c, uint64_t mark)
{
	uint64_t before = atomic_load(&c->synced);

	while (before < mark && !atomic_compare_exchange_weak(&c->synced, &before, mark))
		continue;
}

CUresult client_cuCtxSynchronize(void)
{
	CUresult r = call_check(0);

	if (!r)
		r = capture_unsafe();
	if (!r)
		r = mirror_send(); /* a kernel may wait for what the host just wrote */
	return r ? r : synchronize(context_self());
}

CUresult client_cuCtxSynchronize_v2(CUcontext ctx)
{
	struct context *c = ctx ? context_get(ctx) : context_self();
	CUresult r = c ? client_cuCtxPushCurrent_v2(context_handle(c)) : CUDA_ERROR_INVALID_CONTEXT;

	if (r)
		return r;
	r = client_cuCtxSynchronize();
	client_cuCtxPopCurrent_v2(NULL);
	return r;
}

CUresult context_check(CUcontext handle, uint64_t *wire)
{
	struct context *c = context_get(handle);

	if (!c || !c->active)
		return CUDA_ERROR_INVALID_CONTEXT;
	*wire = c->object.handle;
	return CUDA_SUCCESS;
}
