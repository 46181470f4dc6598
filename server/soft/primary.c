/* SPDX-License-Identifier: Apache-2.0 */
/* Primary contexts, and what the current context says about itself. */
#include "soft.h"

#include <string.h>

static CUresult retain(struct context *p)
{
	CUresult result = CUDA_SUCCESS;

	while (p->dying)
		pthread_cond_wait(&gpu.progress, &gpu.lock);
	if (!p->active)
		result = context_open(p);
	if (!result)
		p->retains++;
	return result;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		result = retain(d->primary);
	if (!result)
		*out = (CUcontext)d->primary->base.handle;
	return leave(result);
}

static CUresult release(CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result && !d->primary->retains)
		result = CUDA_ERROR_INVALID_CONTEXT;
	if (!result && !--d->primary->retains)
		context_close(d->primary);
	return leave(result);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
	return release(dev);
}

static CUresult reset(CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result) {
		context_close(d->primary);
		d->primary->retains = 0;
		d->primary->flags = 0;
	}
	return leave(result);
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
	return reset(dev);
}

static bool bad_flags(unsigned flags)
{
	return flags & ~(unsigned)CU_CTX_FLAGS_MASK ||
	       (flags & CU_CTX_SCHED_MASK) > CU_CTX_SCHED_BLOCKING_SYNC;
}

static CUresult set_flags(CUdevice dev, unsigned flags)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result && bad_flags(flags))
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		d->primary->flags = flags;
	return leave(result);
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags)
{
	return set_flags(dev, flags);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int *flags, int *active)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (result)
		return leave(result);
	if (flags)
		*flags = d->primary->flags;
	if (active)
		*active = d->primary->active;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetDevice(CUdevice *out)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = c->dev->index;
	return leave(CUDA_SUCCESS);
}

/* @handle, or the current context for NULL; it must be alive and sound. */
static CUresult enter_given(CUcontext handle, struct context **out)
{
	CUresult result;

	if (!handle)
		return enter(out);
	result = enter_device();
	if (result)
		return result;
	result = context_find(handle, out);
	if (!result && !(*out)->active)
		result = CUDA_ERROR_CONTEXT_IS_DESTROYED;
	if (!result)
		result = (*out)->error;
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuCtxGetDevice_v2(CUdevice *out, CUcontext handle)
{
	struct context *c;
	CUresult result = enter_given(handle, &c);

	if (result)
		return result;
	if (!out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = c->dev->index;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetId(CUcontext handle, unsigned long long *out)
{
	struct context *c;
	CUresult result = enter_given(handle, &c);

	if (result)
		return result;
	if (!out)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = c->id;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetApiVersion(CUcontext handle, unsigned int *version)
{
	struct context *c;
	CUresult result = enter_given(handle, &c);

	if (result)
		return result;
	if (!version)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*version = c->api_version;
	return leave(CUDA_SUCCESS);
}

static CUresult synchronize(CUcontext handle)
{
	struct context *c;
	CUresult result = enter_given(handle, &c);

	if (result)
		return result;
	result = capture_unsafe();
	if (!result && c->captures)
		result = capture_forbid(c);
	return leave(result ? result : context_wait(c));
}

CUresult cuCtxSynchronize(void)
{
	return synchronize(NULL);
}

CUresult cuCtxSynchronize_v2(CUcontext handle)
{
	return synchronize(handle);
}

CUresult cuCtxGetFlags(unsigned int *flags)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!flags)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*flags = c->flags;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSetFlags(unsigned int flags)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (bad_flags(flags))
		return leave(CUDA_ERROR_INVALID_VALUE);
	c->flags = flags | CU_CTX_MAP_HOST;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!value || (unsigned)limit >= CU_LIMIT_MAX)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if ((unsigned)limit > CU_LIMIT_PERSISTING_L2_CACHE_SIZE)
		return leave(CUDA_ERROR_UNSUPPORTED_LIMIT);
	*value = c->limits[limit];
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if ((unsigned)limit >= CU_LIMIT_MAX)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if ((unsigned)limit > CU_LIMIT_PERSISTING_L2_CACHE_SIZE)
		return leave(CUDA_ERROR_UNSUPPORTED_LIMIT);
	if (limit == CU_LIMIT_STACK_SIZE && value > 512 << 10)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (limit == CU_LIMIT_MALLOC_HEAP_SIZE && value > c->dev->total)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	if (limit != CU_LIMIT_PERSISTING_L2_CACHE_SIZE)
		c->limits[limit] = value;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetCacheConfig(CUfunc_cache *config)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!config)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*config = c->cache;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if ((unsigned)config > CU_FUNC_CACHE_PREFER_EQUAL)
		return leave(CUDA_ERROR_INVALID_VALUE);
	c->cache = config;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetSharedMemConfig(CUsharedconfig *config)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!config)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*config = c->shared_config;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSetSharedMemConfig(CUsharedconfig config)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if ((unsigned)config > CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE)
		return leave(CUDA_ERROR_INVALID_VALUE);
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (least)
		*least = 0;
	if (greatest)
		*greatest = -5;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxResetPersistingL2Cache(void)
{
	struct context *c;
	CUresult result = enter(&c);

	return result ? result : leave(CUDA_SUCCESS);
}

CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned int flags)
{
	struct context *c, *p;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (flags)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = context_find(peer, &p);
	if (result)
		return leave(result);
	if (!p->active || p->dev == c->dev)
		return leave(CUDA_ERROR_INVALID_DEVICE);
	if (c->peers & 1u << p->dev->index)
		return leave(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
	c->peers |= 1u << p->dev->index;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
	struct context *c, *p;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = context_find(peer, &p);
	if (result)
		return leave(result);
	if (!(c->peers & 1u << p->dev->index))
		return leave(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
	c->peers &= ~(1u << p->dev->index);
	return leave(CUDA_SUCCESS);
}
