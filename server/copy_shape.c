/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of copies (copy.h): any run of packed bytes of one, as calls of the driver. */
#include "copy.h"

struct copy_shape copy_flat(CUdeviceptr base, uint64_t bytes)
{
	return (struct copy_shape){.flat = true, .base = base, .bytes = bytes};
}

CUresult copy_box(const CUDA_MEMCPY3D *box, struct copy_shape *out)
{
	uint64_t bytes;

	if (__builtin_mul_overflow((uint64_t)box->WidthInBytes, box->Height, &bytes) ||
		__builtin_mul_overflow(bytes, box->Depth, &bytes))
		return CUDA_ERROR_INVALID_VALUE;
	*out = (struct copy_shape){.bytes = bytes, .box = *box};
	return CUDA_SUCCESS;
}

/* One box of whole rows or a piece of a row: the packed bytes from @offset, as many as fit one
 * call. Gives how many. */
static uint64_t box_part(const struct copy_shape *c, bool in, void *host, uint64_t offset,
	uint64_t bytes, CUDA_MEMCPY3D *out)
{
	uint64_t width = c->box.WidthInBytes, height = c->box.Height;
	uint64_t x = offset % width, row = offset / width;
	uint64_t y = row % height, z = row / height;

	*out = c->box;
	out->WidthInBytes = x || bytes < width ? (bytes < width - x ? bytes : width - x) : width;
	out->Height = out->WidthInBytes == width ? bytes / width : 1;
	if (out->Height > height - y)
		out->Height = height - y;
	out->Depth = 1;
	if (in) {
		out->srcMemoryType = CU_MEMORYTYPE_HOST;
		out->srcHost = host;
		out->srcXInBytes = out->srcY = out->srcZ = 0;
		out->srcPitch = out->WidthInBytes;
		out->srcHeight = out->Height;
		out->dstXInBytes += x;
		out->dstY += y;
		out->dstZ += z;
	} else {
		out->dstMemoryType = CU_MEMORYTYPE_HOST;
		out->dstHost = host;
		out->dstXInBytes = out->dstY = out->dstZ = 0;
		out->dstPitch = out->WidthInBytes;
		out->dstHeight = out->Height;
		out->srcXInBytes += x;
		out->srcY += y;
		out->srcZ += z;
	}
	return out->WidthInBytes * out->Height;
}

CUresult shape_issue(const struct copy_shape *c, bool in, uint8_t *host, uint64_t offset,
	uint64_t bytes, CUstream stream)
{
	CUresult r = CUDA_SUCCESS;

	if (c->flat && in)
		return driver.cuMemcpyHtoDAsync_v2(c->base + offset, host, bytes, stream);
	if (c->flat)
		return driver.cuMemcpyDtoHAsync_v2(host, c->base + offset, bytes, stream);
	while (bytes && !r) {
		CUDA_MEMCPY3D part;
		uint64_t n = box_part(c, in, host, offset, bytes, &part);

		r = driver.cuMemcpy3DAsync_v2(&part, stream);
		host += n;
		offset += n;
		bytes -= n;
	}
	return r;
}
