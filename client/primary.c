/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts that are counted: each device's primary one, which lives while it is
 * retained, and cuCtxAttach's usage counts of all. A primary context has one
 * shadow, made when it is first asked for and never destroyed.
 */
#include <pthread.h>

#include "call.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "wire_calls.h"

/* Counts, flags, lives. Recursive: destructors of attached values may come back. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct context *primary[CLIENT_MAX_DEVICES];
/* What NVIDIA's driver tells of each, whatever was set. */
enum { ALWAYS = CU_CTX_MAP_HOST | CU_CTX_LMEM_RESIZE_TO_MAX };

static unsigned primary_flags[CLIENT_MAX_DEVICES];

static struct context *primary_of(CUdevice dev)
{
	if (!primary[dev])
		primary[dev] = context_new(dev, true);
	return primary[dev];
}

CUresult context_primary_handle(CUdevice dev, CUcontext *out)
{
	CUresult r = context_device(dev);
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
		r = context_device(dev);
	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	c = primary_of(dev);
	r = c ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	if (!r && !c->active) {
		r = wire_context_make(dev, primary_flags[dev], true, c->object.handle);
		if (!r) {
			c->flags = primary_flags[dev] | ALWAYS;
			c->refs = 0;
			context_begin_life(c);
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
	c->refs = 0;
	return context_release(c);
}

CUresult client_cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
	CUresult r = context_device(dev);
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
	CUresult r = context_device(dev);

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
	CUresult r = context_device(dev);

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
	CUresult r = context_device(dev);

	if (r)
		return r;
	if (!context_flags_good(flags))
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	primary_flags[dev] = flags;
	if (primary[dev])
		primary[dev]->flags = flags | ALWAYS;
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
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
