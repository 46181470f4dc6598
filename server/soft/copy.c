/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear copies. Which side is a device's is said by the call or, with unified
 * addresses, found from the address. Blocking and asynchronous forms differ as
 * natively: bytes of pageable memory are taken at the call, a copy into
 * pageable memory has happened when the call returns, a blocking copy between
 * devices does not block the host.
 */
#include "copy.h"

#include <stdlib.h>
#include <string.h>

enum {
	STAGE_MAX = 1 << 20, /* longer pageable sources are read in stream order, and waited for */
};

/* Is the whole of it known to devices, or plain memory of the host? */
static bool end_good(uint64_t addr, size_t size, bool *device)
{
	struct range *r = range_find(addr);

	if (!addr)
		return false;
	if (r || address_is_device(addr)) {
		*device = true;
		return range_covered(addr, size);
	}
	*device = false;
	return true;
}

/* Widest extent of one side, or false if it does not fit an address. */
static bool span(const struct copy *c, size_t pitch, size_t slice, size_t *out)
{
	size_t rows, planes;

	if (__builtin_mul_overflow(c->height - 1, pitch, &rows) ||
		__builtin_mul_overflow(c->depth - 1, slice, &planes) ||
		__builtin_add_overflow(rows, planes, out) ||
		__builtin_add_overflow(*out, c->width, out))
		return false;
	return true;
}

CUresult copy_check(struct copy *copy)
{
	size_t size;

	if (!span(copy, copy->dst_pitch, copy->dst_slice, &size) ||
		!end_good(copy->dst, size, &copy->dst_device))
		return CUDA_ERROR_INVALID_VALUE;
	if (!span(copy, copy->src_pitch, copy->src_slice, &size) ||
		!end_good(copy->src, size, &copy->src_device))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* The source's bytes now, so that the caller may change them at once. */
static CUresult stage(struct copy *copy)
{
	char *to;
	size_t y, z;

	to = copy->staging = malloc(copy->width * copy->height * copy->depth);
	if (!to)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (z = 0; z < copy->depth; z++)
		for (y = 0; y < copy->height; y++, to += copy->width)
			memcpy(to,
				(const char *)(uintptr_t)copy->src + z * copy->src_slice +
					y * copy->src_pitch,
				copy->width);
	copy->src = (uintptr_t)copy->staging;
	copy->src_pitch = copy->width;
	copy->src_slice = copy->width * copy->height;
	return CUDA_SUCCESS;
}

static bool device_only(uint64_t addr)
{
	struct range *r = range_find(addr);

	return r && r->kind != RANGE_HOST && r->kind != RANGE_REGISTERED;
}

/* Takes over nothing of the caller's; the lock is held. */
CUresult copy_submit(struct stream *s, struct copy copy, bool blocking)
{
	struct op op = {.kind = OP_COPY};
	bool wait = blocking;
	CUresult result;

	if (!copy.width || !copy.height || !copy.depth)
		return CUDA_SUCCESS;
	result = copy_check(&copy);
	if (!result && !copy.peer &&
		(!range_reachable(copy.dst, s->ctx->dev->index) ||
			!range_reachable(copy.src, s->ctx->dev->index)))
		result = CUDA_ERROR_INVALID_VALUE;
	if (result)
		return result;
	if (blocking && !copy.peer && device_only(copy.src) && device_only(copy.dst))
		wait = false;
	if (!s->capture && !copy.dst_device)
		wait = true;
	if (!s->capture && !copy.src_device && !wait) {
		if (copy.width * copy.height * copy.depth <= STAGE_MAX)
			result = stage(&copy);
		else
			wait = true;
	}
	if (result)
		return result;
	op.copy = copy;
	return wait ? stream_submit_sync(s, &op) : stream_submit(s, &op, NULL);
}

CUresult copy_linear(uint64_t dst, uint64_t src, size_t bytes, CUstream stream, enum copy_way way)
{
	struct copy copy = {.dst = dst,
		.src = src,
		.dst_pitch = bytes,
		.src_pitch = bytes,
		.dst_slice = bytes,
		.src_slice = bytes,
		.width = bytes,
		.height = 1,
		.depth = 1,
		.peer = way & COPY_PEER};
	struct context *c;
	struct stream *s;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find(c, stream, &s);
	if (!result && bytes &&
		((way & COPY_FROM_DEVICE && !range_find(src)) ||
			(way & COPY_TO_DEVICE && !range_find(dst))))
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = copy_submit(s, copy, way & COPY_BLOCKING);
	return leave(result);
}
