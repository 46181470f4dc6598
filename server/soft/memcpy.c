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

/* Natively NULL is the current one. The lock is held after success. */
static CUresult enter_contexts(CUcontext a, CUcontext b, struct context *of[2])
{
	CUresult result = enter(&of[0]);

	if (result)
		return result;
	of[1] = of[0];
	if (a)
		result = context_find(a, &of[0]);
	if (!result && b)
		result = context_find(b, &of[1]);
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult copy_serialize(CUcontext a, CUcontext b)
{
	struct context *of[2];
	CUresult result = enter_contexts(a, b, of);

	if (result)
		return result;
	object_get(of[1]);
	result = context_wait(of[0]);
	if (!result)
		result = context_wait(of[1]);
	object_put(of[1]);
	return leave(result);
}

CUresult cuMemcpyPeer(
	CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx, size_t bytes)
{
	CUresult result = copy_serialize(dst_ctx, src_ctx);

	return result ? result
		      : copy_linear(dst, src, bytes, NULL,
				COPY_FROM_DEVICE | COPY_TO_DEVICE | COPY_BLOCKING | COPY_PEER);
}

CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext dst_ctx, CUdeviceptr src, CUcontext src_ctx,
	size_t bytes, CUstream stream)
{
	struct context *of[2];
	CUresult result = enter_contexts(dst_ctx, src_ctx, of);

	if (result)
		return result;
	leave(CUDA_SUCCESS);
	return copy_linear(dst, src, bytes, stream, COPY_FROM_DEVICE | COPY_TO_DEVICE | COPY_PEER);
}
