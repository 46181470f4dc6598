/* SPDX-License-Identifier: Apache-2.0 */
/* Filling device memory. Blocking forms block only for host memory, as natively. */
#include "soft.h"

static bool host(uint64_t addr)
{
	struct range *r = range_find(addr);

	return r && (r->kind == RANGE_HOST || r->kind == RANGE_REGISTERED);
}

/* Over how many bytes the rows reach; false: no set has such numbers. */
static bool extent(const struct set *set, size_t *all)
{
	size_t row;

	return !(__builtin_mul_overflow(set->width, set->element, &row) ||
		 set->dst % set->element ||
		 (set->height > 1 && (set->pitch < row || set->pitch % set->element)) ||
		 __builtin_mul_overflow(set->height - 1, set->pitch, all) ||
		 __builtin_add_overflow(*all, row, all));
}

CUresult set_check(const struct set *set)
{
	size_t all;

	return extent(set, &all) && range_covered(set->dst, all) ? CUDA_SUCCESS
								 : CUDA_ERROR_INVALID_VALUE;
}

/* A captured set may be of what is no memory: its graph cannot be instantiated. */
static CUresult set_capture(struct stream *s, struct op *op)
{
	size_t all;

	return extent(&op->set, &all) ? stream_submit(s, op, NULL) : CUDA_ERROR_INVALID_VALUE;
}

static CUresult submit(CUstream stream, struct set set, bool blocking)
{
	struct op op = {.kind = OP_SET, .set = set};
	struct ptx_range range;
	struct context *c;
	struct stream *s;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find(c, stream, &s);
	if (result || !set.width || !set.height)
		return leave(result);
	if (s->capture)
		return leave(set_capture(s, &op));
	result = set_check(&set);
	if (!result && !range_access(s->ctx->dev->index, s->ctx->peers, set.dst, 1, true, &range))
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		return leave(result);
	if (blocking && host(set.dst))
		return leave(stream_submit_sync(s, &op));
	return leave(stream_submit(s, &op, NULL));
}

static CUresult line(
	CUdeviceptr dst, uint32_t value, unsigned element, size_t n, CUstream stream, bool blocking)
{
	return submit(stream,
		(struct set){
			.dst = dst, .value = value, .element = element, .width = n, .height = 1},
		blocking);
}

static CUresult plane(CUdeviceptr dst, size_t pitch, uint32_t value, unsigned element, size_t width,
	size_t height, CUstream stream, bool blocking)
{
	return submit(stream,
		(struct set){.dst = dst,
			.pitch = pitch,
			.value = value,
			.element = element,
			.width = width,
			.height = height},
		blocking);
}

CUresult cuMemsetD8_v2(CUdeviceptr dst, unsigned char value, size_t n)
{
	return line(dst, value, 1, n, NULL, true);
}

CUresult cuMemsetD16_v2(CUdeviceptr dst, unsigned short value, size_t n)
{
	return line(dst, value, 2, n, NULL, true);
}

CUresult cuMemsetD32_v2(CUdeviceptr dst, unsigned int value, size_t n)
{
	return line(dst, value, 4, n, NULL, true);
}

CUresult cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t n, CUstream stream)
{
	return line(dst, value, 1, n, stream, false);
}

CUresult cuMemsetD16Async(CUdeviceptr dst, unsigned short value, size_t n, CUstream stream)
{
	return line(dst, value, 2, n, stream, false);
}

CUresult cuMemsetD32Async(CUdeviceptr dst, unsigned int value, size_t n, CUstream stream)
{
	return line(dst, value, 4, n, stream, false);
}

CUresult cuMemsetD2D8_v2(
	CUdeviceptr dst, size_t pitch, unsigned char value, size_t width, size_t height)
{
	return plane(dst, pitch, value, 1, width, height, NULL, true);
}

CUresult cuMemsetD2D16_v2(
	CUdeviceptr dst, size_t pitch, unsigned short value, size_t width, size_t height)
{
	return plane(dst, pitch, value, 2, width, height, NULL, true);
}

CUresult cuMemsetD2D32_v2(
	CUdeviceptr dst, size_t pitch, unsigned int value, size_t width, size_t height)
{
	return plane(dst, pitch, value, 4, width, height, NULL, true);
}

CUresult cuMemsetD2D8Async(CUdeviceptr dst, size_t pitch, unsigned char value, size_t width,
	size_t height, CUstream stream)
{
	return plane(dst, pitch, value, 1, width, height, stream, false);
}

CUresult cuMemsetD2D16Async(CUdeviceptr dst, size_t pitch, unsigned short value, size_t width,
	size_t height, CUstream stream)
{
	return plane(dst, pitch, value, 2, width, height, stream, false);
}

CUresult cuMemsetD2D32Async(CUdeviceptr dst, size_t pitch, unsigned int value, size_t width,
	size_t height, CUstream stream)
{
	return plane(dst, pitch, value, 4, width, height, stream, false);
}
