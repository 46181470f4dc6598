/* SPDX-License-Identifier: Apache-2.0 */
/* What a context says about itself, what can be set in it, and waiting for it. */
#include "soft.h"

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

CUresult cuCtxGetDevice(CUdevice *out)
{
	return cuCtxGetDevice_v2(out, NULL);
}

CUresult cuCtxGetDevice_v2(CUdevice *out, CUcontext handle)
{
	struct context *c;
	CUresult result = need(out, enter_given(handle, &c));

	if (result)
		return result;
	*out = c->dev->index;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetId(CUcontext handle, unsigned long long *out)
{
	struct context *c;
	CUresult result = need(out, enter_given(handle, &c));

	if (result)
		return result;
	*out = c->id;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxGetApiVersion(CUcontext handle, unsigned int *version)
{
	struct context *c;
	CUresult result = need(version, enter_given(handle, &c));

	if (result)
		return result;
	*version = c->api_version;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSynchronize_v2(CUcontext handle)
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
	return cuCtxSynchronize_v2(NULL);
}

CUresult cuCtxGetFlags(unsigned int *flags)
{
	struct context *c;
	CUresult result = need(flags, enter(&c));

	if (result)
		return result;
	*flags = c->flags;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSetFlags(unsigned int flags)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!context_flags_valid(flags))
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
	result = capture_unsafe();
	if (result)
		return leave(result);
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
	CUresult result = need(config, enter(&c));

	if (result)
		return result;
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
	CUresult result = need(config, enter(&c));

	if (result)
		return result;
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
	if (!p->active)
		return leave(CUDA_ERROR_INVALID_DEVICE);
	if (p->dev == c->dev)
		return leave(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);
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
