/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of two and three dimensions, slice by slice. Rules as cuMemcpy2D and
 * cuMemcpy3D in the CUDA driver API.
 */
#include <string.h>

#include "abroad.h"
#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "copy.h"
#include "memory.h"
#include "window.h"
#include "wire_calls.h"

/* One side of a copy: where its first byte is, and how far rows and slices are apart. */
struct side {
	bool device;
	bool named; /* a device's, which may be pinned memory of the host */
	bool array;
	uint64_t address;
	size_t pitch, slice;
};

struct box {
	struct side dst, src;
	size_t width, height, depth; /* width in bytes */
};

static CUresult read_side(struct side *s, CUmemorytype type, const void *host, CUdeviceptr device,
	size_t pitch, size_t rows, size_t x, size_t y, size_t z, size_t width)
{
	uint64_t base = type == CU_MEMORYTYPE_HOST ? (uintptr_t)host : device;

	if (type == CU_MEMORYTYPE_ARRAY) {
		s->array = true;
		return CUDA_SUCCESS;
	}
	if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_DEVICE &&
		type != CU_MEMORYTYPE_UNIFIED)
		return CUDA_ERROR_INVALID_VALUE;
	if (!pitch)
		pitch = width + x;
	if (!base || pitch < width + x)
		return CUDA_ERROR_INVALID_VALUE;
	s->pitch = pitch;
	s->slice = pitch * rows;
	s->address = base + z * s->slice + y * pitch + x;
	s->named = type == CU_MEMORYTYPE_DEVICE;
	s->device = memory_classify(s->address) == MEMORY_DEVICE;
	return CUDA_SUCCESS;
}

static CUresult box_2d(const CUDA_MEMCPY2D *c, struct box *b)
{
	CUresult r;

	*b = (struct box){.width = c->WidthInBytes, .height = c->Height, .depth = 1};
	r = read_side(&b->src, c->srcMemoryType, c->srcHost, c->srcDevice, c->srcPitch, c->Height,
		c->srcXInBytes, c->srcY, 0, c->WidthInBytes);
	return r ? r
		 : read_side(&b->dst, c->dstMemoryType, c->dstHost, c->dstDevice, c->dstPitch,
			   c->Height, c->dstXInBytes, c->dstY, 0, c->WidthInBytes);
}

static CUresult box_3d(const CUDA_MEMCPY3D *c, struct box *b)
{
	CUresult r;

	*b = (struct box){.width = c->WidthInBytes, .height = c->Height, .depth = c->Depth};
	if ((c->srcHeight && c->srcHeight < c->Height + c->srcY) ||
		(c->dstHeight && c->dstHeight < c->Height + c->dstY))
		return CUDA_ERROR_INVALID_VALUE;
	r = read_side(&b->src, c->srcMemoryType, c->srcHost, c->srcDevice, c->srcPitch,
		c->srcHeight ? c->srcHeight : c->Height, c->srcXInBytes, c->srcY, c->srcZ,
		c->WidthInBytes);
	return r ? r
		 : read_side(&b->dst, c->dstMemoryType, c->dstHost, c->dstDevice, c->dstPitch,
			   c->dstHeight ? c->dstHeight : c->Height, c->dstXInBytes, c->dstY, c->dstZ,
			   c->WidthInBytes);
}

/* From the first byte of a side to the last. */
static size_t extent(const struct box *b, const struct side *side)
{
	return (b->depth - 1) * side->slice + (b->height - 1) * side->pitch + b->width;
}

/* What is on the device, its copies check. */
static CUresult side_check(const struct box *b, const struct side *side)
{
	return side->named && !side->device ? memory_check(side->address, extent(b, side))
					    : CUDA_SUCCESS;
}

static struct copy_span span_of(const struct box *b, const struct side *side)
{
	size_t pitch = b->height > 1 ? side->pitch : 0, slice = b->depth > 1 ? side->slice : 0;

	return (struct copy_span){
		side->address, extent(b, side), pitch || slice ? b->width | pitch | slice : 0};
}

static struct copy_rows slice(const struct box *b, const struct side *device,
	const struct side *host, uint64_t address, size_t z)
{
	return (struct copy_rows){device->address + z * device->slice, device->pitch,
		(void *)(address + z * host->slice), host->pitch, b->width, b->height};
}

static CUresult box_in(const struct box *b, struct stream *s, bool async)
{
	struct copy_span host = span_of(b, &b->src);
	struct memory_range range;
	struct abroad abroad;
	enum copy_way way;
	CUresult r = memory_check_range(b->dst.address, extent(b, &b->dst), &range);

	if (r)
		return r;
	r = abroad_enter(&abroad, &s, &range);
	if (!r)
		r = copy_source(s, &host, async, &way);
	for (size_t z = 0; z < b->depth && !r; z++) {
		struct copy_rows c = slice(b, &b->dst, &b->src, host.address, z);

		r = copy_rows_in(&c, way, s);
	}
	return abroad_leave(&abroad, r);
}

static CUresult box_out(const struct box *b, struct stream *s, bool async)
{
	struct copy_span host = span_of(b, &b->dst);
	struct memory_range range;
	struct abroad abroad;
	enum copy_way way;
	CUresult r = memory_check_range(b->src.address, extent(b, &b->src), &range);

	if (r)
		return r;
	r = abroad_enter(&abroad, &s, &range);
	if (!r)
		r = copy_target(s, &host, async, &way);
	for (size_t z = 0; z < b->depth && !r; z++) {
		struct copy_rows c = slice(b, &b->src, &b->dst, host.address, z);

		r = copy_rows_out(&c, way, s);
	}
	if (!r)
		r = copy_out_end(s, way, async);
	return abroad_leave(&abroad, r);
}

static CUresult box_host(const struct box *b, struct stream *s)
{
	CUresult r = stream_first(s) ? CUDA_SUCCESS : stream_settle(s);

	for (size_t z = 0; z < b->depth && !r; z++) {
		for (size_t y = 0; y < b->height; y++)
			memmove((void *)(b->dst.address + z * b->dst.slice + y * b->dst.pitch),
				(void *)(b->src.address + z * b->src.slice + y * b->src.pitch),
				b->width);
	}
	return r;
}

/* Rows one by one: the driver copies boxes only between memory that one device can reach. */
static CUresult box_peer(const struct box *b, struct stream *s)
{
	CUresult r = CUDA_SUCCESS;

	for (size_t i = 0; i < b->height * b->depth && !r; i++) {
		size_t z = i / b->height, row = i % b->height;

		r = copy_device(b->dst.address + z * b->dst.slice + row * b->dst.pitch,
			b->src.address + z * b->src.slice + row * b->src.pitch, b->width, s);
	}
	return r;
}

/* Between what the server has. */
static CUresult box_there(const struct box *b, struct stream *s)
{
	struct memory_range to = {0}, from = {0};
	struct abroad abroad;
	CUresult r;

	if (memory_find(b->dst.address, &to) && memory_find(b->src.address, &from) &&
		to.kind == MEMORY_DEVICE && from.kind == MEMORY_DEVICE && to.device != from.device)
		return box_peer(b, s);
	r = abroad_enter(&abroad, &s, &from);
	for (size_t z = 0; z < b->depth && !r; z++) {
		CUDA_MEMCPY2D c = {
			.srcMemoryType = CU_MEMORYTYPE_UNIFIED,
			.srcDevice = b->src.address + z * b->src.slice,
			.srcPitch = b->src.pitch,
			.dstMemoryType = CU_MEMORYTYPE_UNIFIED,
			.dstDevice = b->dst.address + z * b->dst.slice,
			.dstPitch = b->dst.pitch,
			.WidthInBytes = b->width,
			.Height = b->height,
		};
		uint64_t wire;

		r = window_take(s, 1);
		if (!r)
			r = stream_use(s, &wire);
		if (!r)
			r = wire_copy_device_2d(&c, wire);
	}
	return abroad_leave(&abroad, r);
}

static CUresult box_device(const struct box *b, struct stream *s)
{
	CUresult r = memory_check(b->dst.address, extent(b, &b->dst));

	if (!r)
		r = memory_check(b->src.address, extent(b, &b->src));
	return r ? r : box_there(b, s);
}

/* Both sides are host memory, which the server has too. */
static CUresult box_host_captured(const struct box *b, struct stream *s)
{
	struct copy_span dst = span_of(b, &b->dst), src = span_of(b, &b->src);
	struct box there = *b;
	CUresult r = copy_captured(s, &dst, true);

	if (!r)
		r = copy_captured(s, &src, false);
	there.dst.address = dst.address;
	there.src.address = src.address;
	return r ? r : box_there(&there, s);
}

static CUresult box_copy(const struct box *b, struct stream *s, bool async)
{
	CUresult r;

	if (b->src.array || b->dst.array)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (!b->width || !b->height || !b->depth)
		return CUDA_SUCCESS;
	r = side_check(b, &b->dst);
	if (!r)
		r = side_check(b, &b->src);
	if (r)
		return r;
	if (b->src.device && b->dst.device)
		return box_device(b, s);
	if (b->dst.device)
		return box_in(b, s, async);
	if (b->src.device)
		return box_out(b, s, async);
	return atomic_load(&s->capture) ? box_host_captured(b, s) : box_host(b, s);
}

static CUresult copy_2d(const CUDA_MEMCPY2D *c, CUstream stream, bool async)
{
	struct stream *s;
	struct box b;
	CUresult r = call_check(0);

	if (!r)
		r = c ? box_2d(c, &b) : CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(stream, &s);
	return r ? r : box_copy(&b, s, async);
}

static CUresult copy_3d(const CUDA_MEMCPY3D *c, CUstream stream, bool async)
{
	struct stream *s;
	struct box b;
	CUresult r = call_check(0);

	if (!r)
		r = c ? box_3d(c, &b) : CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(stream, &s);
	return r ? r : box_copy(&b, s, async);
}

CUresult client_cuMemcpy2D_v2(const CUDA_MEMCPY2D *pCopy)
{
	return copy_2d(pCopy, NULL, false);
}

CUresult client_cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *pCopy)
{
	return copy_2d(pCopy, NULL, false);
}

CUresult client_cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *pCopy, CUstream hStream)
{
	return copy_2d(pCopy, hStream, true);
}

CUresult client_cuMemcpy3D_v2(const CUDA_MEMCPY3D *pCopy)
{
	return copy_3d(pCopy, NULL, false);
}

CUresult client_cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *pCopy, CUstream hStream)
{
	return copy_3d(pCopy, hStream, true);
}

/* Between devices of one server addresses say where both sides are: a copy like any other. */
static CUresult peer_3d(const CUDA_MEMCPY3D_PEER *p, CUstream stream, bool async)
{
	CUDA_MEMCPY3D c;
	CUresult r = p ? copy_contexts(p->dstContext, p->srcContext) : CUDA_ERROR_INVALID_VALUE;

	if (r)
		return r;
	c = (CUDA_MEMCPY3D){
		.srcXInBytes = p->srcXInBytes, .srcY = p->srcY, .srcZ = p->srcZ, .srcLOD = p->srcLOD,
		.srcMemoryType = p->srcMemoryType, .srcHost = p->srcHost, .srcDevice = p->srcDevice,
		.srcPitch = p->srcPitch, .srcHeight = p->srcHeight,
		.dstXInBytes = p->dstXInBytes, .dstY = p->dstY, .dstZ = p->dstZ, .dstLOD = p->dstLOD,
		.dstMemoryType = p->dstMemoryType, .dstHost = p->dstHost, .dstDevice = p->dstDevice,
		.dstPitch = p->dstPitch, .dstHeight = p->dstHeight,
		.WidthInBytes = p->WidthInBytes, .Height = p->Height, .Depth = p->Depth,
	};
	return copy_3d(&c, stream, async);
}

CUresult client_cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *pCopy)
{
	struct stream *s;
	CUresult r = call_check(0);

	if (!r)
		r = pCopy ? copy_serialize(pCopy->dstContext, pCopy->srcContext) : CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = peer_3d(pCopy, NULL, false);
	if (!r)
		r = stream_find(NULL, &s);
	return r ? r : stream_wait(s);
}

CUresult client_cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *pCopy, CUstream hStream)
{
	return peer_3d(pCopy, hStream, true);
}
