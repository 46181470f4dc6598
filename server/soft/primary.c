/* SPDX-License-Identifier: Apache-2.0 */
/* The devices' primary contexts: retained, released, reset. */
#include "soft.h"

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
	CUresult result = need(out, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		result = retain(d->primary);
	if (!result)
		*out = (CUcontext)d->primary->base.handle;
	return leave(result);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev)
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

CUresult cuDevicePrimaryCtxReset_v2(CUdevice dev)
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

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice dev, unsigned int flags)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result && !context_flags_valid(flags))
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		d->primary->flags = flags;
	return leave(result);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int *flags, int *active)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result && !flags && !active)
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		return leave(result);
	if (flags)
		*flags = d->primary->flags;
	if (active)
		*active = d->primary->active;
	return leave(CUDA_SUCCESS);
}
