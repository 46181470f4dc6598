/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Older names of calls that did not change otherwise, and calls that have
 * nothing to do on this device but succeed.
 */
#include "soft.h"

CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
{
	return cuDevicePrimaryCtxRelease_v2(dev);
}

CUresult cuDevicePrimaryCtxReset(CUdevice dev)
{
	return cuDevicePrimaryCtxReset_v2(dev);
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice dev, unsigned int flags)
{
	return cuDevicePrimaryCtxSetFlags_v2(dev, flags);
}

CUresult cuMemHostRegister(void *p, size_t bytes, unsigned int flags)
{
	return cuMemHostRegister_v2(p, bytes, flags);
}

CUresult cuStreamBeginCapture(CUstream stream)
{
	return cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

CUresult cuStreamWaitValue32(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return cuStreamWaitValue32_v2(stream, addr, value, flags);
}

CUresult cuStreamWaitValue64(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return cuStreamWaitValue64_v2(stream, addr, value, flags);
}

CUresult cuStreamWriteValue32(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return cuStreamWriteValue32_v2(stream, addr, value, flags);
}

CUresult cuStreamWriteValue64(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return cuStreamWriteValue64_v2(stream, addr, value, flags);
}

CUresult cuStreamBatchMemOp(
	CUstream stream, unsigned int count, CUstreamBatchMemOpParams *ops, unsigned int flags)
{
	return cuStreamBatchMemOp_v2(stream, count, ops, flags);
}

CUresult cuLinkCreate(unsigned int n, CUjit_option *options, void **values, CUlinkState *out)
{
	return cuLinkCreate_v2(n, options, values, out);
}

CUresult cuLinkAddData(CUlinkState state, CUjitInputType type, void *data, size_t size,
	const char *name, unsigned int n, CUjit_option *options, void **values)
{
	return cuLinkAddData_v2(state, type, data, size, name, n, options, values);
}

CUresult cuLinkAddFile(CUlinkState state, CUjitInputType type, const char *path, unsigned int n,
	CUjit_option *options, void **values)
{
	return cuLinkAddFile_v2(state, type, path, n, options, values);
}

static CUresult in_context(void)
{
	struct context *c;
	CUresult result = enter(&c);

	return result ? result : leave(CUDA_SUCCESS);
}

/* Nobody can watch this device. */
CUresult cuProfilerStart(void)
{
	return in_context();
}

CUresult cuProfilerStop(void)
{
	return in_context();
}

CUresult cuDeviceGetExecAffinitySupport(int *out, CUexecAffinityType type, CUdevice dev)
{
	struct device *d;
	CUresult result = need(out, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		*out = 0;
	return leave(result);
}

/* Memory is the host's: its atomics are the devices'. */
static void all_capabilities(unsigned *out, unsigned count)
{
	while (count--)
		out[count] = CU_ATOMIC_CAPABILITY_SIGNED | CU_ATOMIC_CAPABILITY_UNSIGNED |
			     CU_ATOMIC_CAPABILITY_REDUCTION | CU_ATOMIC_CAPABILITY_SCALAR_32 |
			     CU_ATOMIC_CAPABILITY_SCALAR_64;
}

CUresult cuDeviceGetHostAtomicCapabilities(
	unsigned int *out, const CUatomicOperation *operations, unsigned int count, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !operations || !count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		all_capabilities(out, count);
	return leave(result);
}

CUresult cuDeviceGetP2PAtomicCapabilities(unsigned int *out, const CUatomicOperation *operations,
	unsigned int count, CUdevice src, CUdevice dst)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !operations || !count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(src, &d);
	if (!result)
		result = device_find(dst, &d);
	if (!result && src == dst)
		result = CUDA_ERROR_INVALID_DEVICE;
	if (!result)
		all_capabilities(out, count);
	return leave(result);
}
