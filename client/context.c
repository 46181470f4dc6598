/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts: their lives, those that the application makes, what a context tells
 * about itself and waiting for it. primary.c has the devices' own, current.c
 * each thread's stack. All but making and ending one, and waiting, is local.
 */
#include "context.h"

#include "call.h"
#include "capture.h"
#include "client.h"
#include "client_calls.h"
#include "event.h"
#include "memory.h"
#include "module.h"
#include "mirror.h"
#include "sticky.h"
#include "storage.h"
#include "thread.h"
#include "wire_calls.h"

static _Atomic uint64_t last_id, last_stream_id;

struct context *context_get(CUcontext handle)
{
	return (struct context *)object_get(KIND_CUcontext, handle);
}

uint64_t context_id(CUcontext handle)
{
	struct context *c = handle ? context_get(handle) : context_self();

	return c ? c->id : 0;
}

struct context *context_new(CUdevice device, bool is_primary)
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

void context_begin_life(struct context *c)
{
	atomic_fetch_add(&c->life, 1);
	c->legacy.life = c->life;
	c->sticky = CUDA_SUCCESS;
	c->posted = c->synced = c->legacy_mark = c->left = 0;
	c->nonblocking = 0;
	c->legacy.synced = 0;
	atomic_store(&c->active, true);
}

void context_fault(struct context *c, CUresult r)
{
	CUresult none = CUDA_SUCCESS;

	if (result_is_sticky(r))
		atomic_compare_exchange_strong(&c->sticky, &none, r);
}

static void end_life(struct context *c)
{
	atomic_store(&c->active, false);
	storage_context_gone(context_handle(c));
	memory_context_gone(c);
	atomic_fetch_add(&c->life, 1);
}

CUresult context_release(struct context *c)
{
	unsigned life = c->life;
	CUresult r;

	end_life(c);
	r = wire_context_release(c->object.handle);
	stream_context_gone(c, life);
	event_context_gone(c, life);
	module_context_gone(c, life);
	return r;
}

CUresult context_device(CUdevice dev)
{
	CUresult r = client_usable();

	if (r)
		return r;
	return dev < 0 || dev >= client.device_count ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

bool context_flags_good(unsigned flags)
{
	unsigned scheduling = flags & CU_CTX_SCHED_MASK;

	return !(flags & ~CU_CTX_FLAGS_MASK) && scheduling <= CU_CTX_SCHED_BLOCKING_SYNC &&
	       scheduling != (CU_CTX_SCHED_SPIN | CU_CTX_SCHED_YIELD);
}

CUresult context_create(CUcontext *out, unsigned flags, CUdevice dev)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c;

	if (!r)
		r = context_device(dev);
	if (r)
		return r;
	if (!out || !context_flags_good(flags))
		return CUDA_ERROR_INVALID_VALUE;
	c = context_new(dev, false);
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	c->flags = flags | CU_CTX_MAP_HOST;
	c->refs = 1;
	r = wire_context_make(dev, flags, false, c->object.handle);
	if (!r)
		r = context_push(c);
	if (r) {
		object_destroy(KIND_CUcontext, &c->object);
		return r;
	}
	context_begin_life(c);
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

CUresult client_cuCtxDestroy_v2(CUcontext ctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct thread *t = thread_self();
	struct context *c = context_get(ctx);

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!c || c->primary)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (thread_context(t) == c)
		t->depth--;
	r = context_release(c);
	object_destroy(KIND_CUcontext, &c->object);
	return r;
}

/* For calls that tell *@out about @ctx or, when that is NULL, the current context. */
static CUresult look_up(CUcontext ctx, const void *out, struct context **c)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	*c = ctx ? context_get(ctx) : context_self();
	if (!*c)
		return CUDA_ERROR_INVALID_CONTEXT;
	return out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuCtxGetDevice(CUdevice *device)
{
	return client_cuCtxGetDevice_v2(device, NULL);
}

CUresult client_cuCtxGetDevice_v2(CUdevice *device, CUcontext ctx)
{
	struct context *c;
	CUresult r = look_up(ctx, device, &c);

	if (!r)
		*device = c->device;
	return r;
}

CUresult client_cuCtxGetApiVersion(CUcontext ctx, unsigned int *version)
{
	struct context *c;
	CUresult r = look_up(ctx, version, &c);

	if (!r)
		*version = 3020;
	return r;
}

CUresult client_cuCtxGetFlags(unsigned int *flags)
{
	struct context *c;
	CUresult r = look_up(NULL, flags, &c);

	if (!r)
		*flags = c->flags;
	return r;
}

/* How threads wait is the client's own affair: the flags are only told. */
CUresult client_cuCtxSetFlags(unsigned int flags)
{
	CUresult r = call_check(0);

	if (r)
		return r;
	if (!context_flags_good(flags))
		return CUDA_ERROR_INVALID_VALUE;
	if (flags & CU_CTX_SYNC_MEMOPS)
		return CUDA_ERROR_NOT_SUPPORTED;
	context_self()->flags = flags | CU_CTX_MAP_HOST;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxGetId(CUcontext ctx, unsigned long long *ctxId)
{
	struct context *c;
	CUresult r = look_up(ctx, ctxId, &c);

	if (!r)
		*ctxId = c->id;
	return r;
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

CUresult context_drain(void)
{
	CUresult r = mirror_send(); /* a kernel may wait for what the host just wrote */

	return r ? r : synchronize(context_self());
}

static void drain_other(struct object *o, void *current)
{
	struct context *c = (struct context *)o;

	if (c == current || !c->active || c->synced >= c->posted || context_push(c))
		return;
	context_drain();
	client_cuCtxPopCurrent_v2(NULL);
}

CUresult context_drain_all(void)
{
	struct context *current = context_self();

	object_each(KIND_CUcontext, drain_other, current);
	return current ? context_drain() : CUDA_SUCCESS;
}

CUresult client_cuCtxSynchronize(void)
{
	CUresult r = call_check(0);

	if (!r && atomic_load(&captures_active))
		r = capture_context_used(context_self());
	if (!r)
		r = capture_unsafe();
	return r ? r : context_drain();
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
