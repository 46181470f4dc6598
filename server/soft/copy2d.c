/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of rectangles and boxes between host and device memory. Arrays are not
 * supported and say so.
 */
#include "copy.h"

struct side {
	CUmemorytype type;
	const void *host;
	CUdeviceptr device;
	size_t x, y, z, pitch, height;
};

/* Where the side's first byte is, and its strides. */
static CUresult place(
	const struct side *s, const struct copy *box, uint64_t *addr, size_t *pitch, size_t *slice)
{
	size_t at, planes;

	if (s->type == CU_MEMORYTYPE_ARRAY)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (s->type != CU_MEMORYTYPE_HOST && s->type != CU_MEMORYTYPE_DEVICE &&
		s->type != CU_MEMORYTYPE_UNIFIED)
		return CUDA_ERROR_INVALID_VALUE;
	*addr = s->type == CU_MEMORYTYPE_HOST ? (uintptr_t)s->host : s->device;
	*pitch = s->pitch ? s->pitch : box->width + s->x;
	if (box->width + s->x < box->width || *pitch < box->width + s->x)
		return CUDA_ERROR_INVALID_VALUE;
	if (s->height && s->height < s->y + box->height)
		return CUDA_ERROR_INVALID_VALUE;
	*slice = *pitch * (s->height ? s->height : box->height + s->y);
	if (__builtin_mul_overflow(s->z, *slice, &planes) ||
		__builtin_mul_overflow(s->y, *pitch, &at) ||
		__builtin_add_overflow(at, planes, &at) || __builtin_add_overflow(at, s->x, &at) ||
		__builtin_add_overflow(*addr, at, addr))
		return CUDA_ERROR_INVALID_VALUE;
	return s->type != CU_MEMORYTYPE_HOST && s->type == CU_MEMORYTYPE_DEVICE && *addr &&
			       box->width && !range_find(*addr)
		       ? CUDA_ERROR_INVALID_VALUE
		       : CUDA_SUCCESS;
}

static CUresult fill(struct copy *copy, const struct side *src, const struct side *dst)
{
	CUresult result = place(src, copy, &copy->src, &copy->src_pitch, &copy->src_slice);

	if (!result)
		result = place(dst, copy, &copy->dst, &copy->dst_pitch, &copy->dst_slice);
	return result;
}

static CUresult copy_from_2d(const CUDA_MEMCPY2D *p, struct copy *out)
{
	struct side src = {p->srcMemoryType, p->srcHost, p->srcDevice, p->srcXInBytes, p->srcY, 0,
		p->srcPitch, 0};
	struct side dst = {p->dstMemoryType, p->dstHost, p->dstDevice, p->dstXInBytes, p->dstY, 0,
		p->dstPitch, 0};

	*out = (struct copy){.width = p->WidthInBytes, .height = p->Height, .depth = 1};
	return fill(out, &src, &dst);
}

CUresult copy_from_3d(const CUDA_MEMCPY3D *p, struct copy *out)
{
	struct side src = {p->srcMemoryType, p->srcHost, p->srcDevice, p->srcXInBytes, p->srcY,
		p->srcZ, p->srcPitch, p->srcHeight};
	struct side dst = {p->dstMemoryType, p->dstHost, p->dstDevice, p->dstXInBytes, p->dstY,
		p->dstZ, p->dstPitch, p->dstHeight};

	*out = (struct copy){.width = p->WidthInBytes, .height = p->Height, .depth = p->Depth};
	return fill(out, &src, &dst);
}

static CUresult submit(CUresult (*convert)(const void *, struct copy *), const void *params,
	CUstream stream, bool blocking)
{
	struct copy copy;
	struct context *c;
	struct stream *s;
	CUresult result = need(params, enter(&c));

	if (result)
		return result;
	result = stream_find(c, stream, &s);
	if (!result)
		result = convert(params, &copy);
	if (!result)
		result = copy_submit(s, copy, blocking);
	return leave(result);
}

static CUresult convert_2d(const void *params, struct copy *out)
{
	return copy_from_2d(params, out);
}

static CUresult convert_3d(const void *params, struct copy *out)
{
	return copy_from_3d(params, out);
}

static CUresult convert_peer(const void *params, struct copy *out)
{
	const CUDA_MEMCPY3D_PEER *p = params;
	struct context *c;
	CUDA_MEMCPY3D plain = {.srcXInBytes = p->srcXInBytes,
		.srcY = p->srcY,
		.srcZ = p->srcZ,
		.srcLOD = p->srcLOD,
		.srcMemoryType = p->srcMemoryType,
		.srcHost = p->srcHost,
		.srcDevice = p->srcDevice,
		.srcPitch = p->srcPitch,
		.srcHeight = p->srcHeight,
		.dstXInBytes = p->dstXInBytes,
		.dstY = p->dstY,
		.dstZ = p->dstZ,
		.dstLOD = p->dstLOD,
		.dstMemoryType = p->dstMemoryType,
		.dstHost = p->dstHost,
		.dstDevice = p->dstDevice,
		.dstPitch = p->dstPitch,
		.dstHeight = p->dstHeight,
		.WidthInBytes = p->WidthInBytes,
		.Height = p->Height,
		.Depth = p->Depth};

	if ((p->srcContext && context_find(p->srcContext, &c)) ||
		(p->dstContext && context_find(p->dstContext, &c)))
		return CUDA_ERROR_INVALID_CONTEXT;
	return copy_from_3d(&plain, out);
}

CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *params)
{
	return submit(convert_2d, params, NULL, true);
}

CUresult cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *params)
{
	return submit(convert_2d, params, NULL, true);
}

CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *params, CUstream stream)
{
	return submit(convert_2d, params, stream, false);
}

CUresult cuMemcpy3D_v2(const CUDA_MEMCPY3D *params)
{
	return submit(convert_3d, params, NULL, true);
}

CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *params, CUstream stream)
{
	return submit(convert_3d, params, stream, false);
}

CUresult cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *params)
{
	CUresult result =
		params ? copy_serialize(params->dstContext, params->srcContext) : CUDA_SUCCESS;

	return result ? result : submit(convert_peer, params, NULL, true);
}

CUresult cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *params, CUstream stream)
{
	return submit(convert_peer, params, stream, false);
}
