/* SPDX-License-Identifier: Apache-2.0 */
/* The linear copy calls, in all their names. */
#include "copy.h"

CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
	return copy_linear(dst, src, bytes, NULL, COPY_BLOCKING);
}

CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream)
{
	return copy_linear(dst, src, bytes, stream, COPY_ANY);
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t bytes)
{
	return copy_linear(dst, (uintptr_t)src, bytes, NULL, COPY_TO_DEVICE | COPY_BLOCKING);
}

CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t bytes)
{
	return copy_linear((uintptr_t)dst, src, bytes, NULL, COPY_FROM_DEVICE | COPY_BLOCKING);
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
	return copy_linear(
		dst, src, bytes, NULL, COPY_FROM_DEVICE | COPY_TO_DEVICE | COPY_BLOCKING);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t bytes, CUstream stream)
{
	return copy_linear(dst, (uintptr_t)src, bytes, stream, COPY_TO_DEVICE);
}

CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t bytes, CUstream stream)
{
	return copy_linear((uintptr_t)dst, src, bytes, stream, COPY_FROM_DEVICE);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUstream stream)
{
	return copy_linear(dst, src, bytes, stream, COPY_FROM_DEVICE | COPY_TO_DEVICE);
}

/* Natively NULL is the current one. */
static CUresult contexts_good(CUcontext a, CUcontext b)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = a ? context_find(a, &c) : CUDA_SUCCESS;
	if (!result && b)
		result = context_find(b, &c);
	return leave(result);
}

CUresult copy_serialize(CUcontext a, CUcontext b)
{
	CUresult result = contexts_good(a, b);

	if (!result)
		result = cuCtxSynchronize_v2(a);
	return result ? result : cuCtxSynchronize_v2(b);
}

CUresult cuMemcpyPeer(
	CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t bytes)
{
	CUresult result = copy_serialize(dst_ctx, src_ctx);

	if (!result)
		result = copy_linear(dst, src, bytes, NULL,
			COPY_FROM_DEVICE | COPY_TO_DEVICE | COPY_BLOCKING | COPY_PEER);
	return result ? result : cuStreamSynchronize(NULL);
}

CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx,
	size_t bytes, CUstream stream)
{
	CUresult result = contexts_good(dst_ctx, src_ctx);

	return result ? result
		      : copy_linear(dst, src, bytes, stream,
				COPY_FROM_DEVICE | COPY_TO_DEVICE | COPY_PEER);
}
