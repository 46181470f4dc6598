/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows between host and device; bytes in line are one row.
 *
 * To the device: the bytes are taken at the call, so the call does not wait.
 * The driver reads pinned memory when the copy is due; where that can make a
 * difference, because a host function, a kernel or a copy out that comes before
 * may still write it, or the program while a value is waited for, the server
 * fetches the bytes then. From the device: pinned
 * memory is filled behind the call's back in stream order, other memory before
 * it returns, as natively.
 */
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "client.h"
#include "copy.h"
#include "copyout.h"
#include "hostfunc.h"
#include "lanes.h"
#include "lent.h"
#include "memory.h"
#include "mirror.h"
#include "window.h"
#include "wire.h"
#include "wire_calls.h"

static bool is_flat(const struct copy_rows *c)
{
	return c->height == 1 || (c->pitch == c->width && c->host_pitch == c->width);
}

static size_t bytes_of(const struct copy_rows *c)
{
	return c->width * c->height;
}

/* A flat copy as one row. */
static struct copy_rows in_line(const struct copy_rows *c)
{
	size_t bytes = bytes_of(c);

	return (struct copy_rows){c->device, bytes, c->host, bytes, bytes, 1};
}

/* @height of the rows from @row on. */
static struct copy_rows some(const struct copy_rows *c, size_t row, size_t height)
{
	struct copy_rows part = *c;

	part.device += row * c->pitch;
	part.host = (uint8_t *)c->host + row * c->host_pitch;
	part.height = height;
	return part;
}

/* Pieces of work for the driver (window.h): the server marks each part of a copy by an event, and a part
 * may begin and end inside of rows. */
static unsigned cost(const struct copy_rows *c)
{
	size_t bytes = bytes_of(c);

	if (bytes <= FRAME_INLINE_MAX)
		return 2;
	return (is_flat(c) ? 2 : 4) * (bytes / bulk_chunk(bytes, client.lanes) + 1);
}

static bool is_pinned(const void *host)
{
	struct memory_range range;

	return memory_find((uintptr_t)host, &range) && range.kind == MEMORY_HOST;
}

/* Copies that a capture records run again and again: host memory then has to be the server's too.
 * Of other memory than pinned no byte beside those that are copied may change. */
CUresult copy_captured(struct stream *s, struct copy_span *span, bool written)
{
	struct memory_range range;
	struct lending what;
	uint64_t id;
	CUresult r = capture_check(s);

	if (r)
		return r;
	if (memory_find(span->address, &range) && range.kind == MEMORY_HOST)
		return mirror_activate(range.base, range.size);
	if (span->unit % MIRROR_GRANULE)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	what = (struct lending){(void *)span->address, span->extent, written, capture_id(s), true};
	r = lent_memory(&what, &span->address, &id);
	if (r == CUDA_ERROR_NOT_SUPPORTED)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	return r ? r : wire_graph_keep(0, s->object.handle, id);
}

/* Work that comes before in the stream may still write to @src: a host function or a copy out on this
 * side; or a kernel, on the server's. */
static bool is_late(struct stream *s, const void *src, size_t bytes)
{
	return (stream_tainted(s) || copyout_pending(src, bytes)) && is_pinned(src);
}

static bool is_late_there(struct stream *s, const void *src, size_t bytes)
{
	return mirror_covers(src, bytes) && !stream_first(s);
}

CUresult copy_source(struct stream *s, struct copy_span *span, bool async, enum copy_way *way)
{
	const void *src = (void *)span->address;

	*way = COPY_THERE;
	if (atomic_load(&s->capture))
		return copy_captured(s, span, false);
	*way = is_late(s, src, span->extent)	     ? COPY_DUE
	       : is_late_there(s, src, span->extent) ? COPY_THERE
						     : COPY_NOW;
	if (*way != COPY_NOW && !async) {
		*way = COPY_NOW;
		return stream_settle(s);
	}
	return *way == COPY_THERE ? mirror_send() : CUDA_SUCCESS;
}

CUresult copy_target(struct stream *s, struct copy_span *span, bool async, enum copy_way *way)
{
	const void *dst = (void *)span->address;

	*way = COPY_THERE;
	if (atomic_load(&s->capture))
		return copy_captured(s, span, true);
	/* Work on the server may have written it before and may read it after: in order, there. */
	if (mirror_covers(dst, span->extent))
		return mirror_send();
	*way = async && is_pinned(dst) ? COPY_DUE : COPY_NOW;
	return CUDA_SUCCESS;
}

/* Between the device and what the server has at the host's address. */
static CUresult there(const struct copy_rows *c, bool in, struct stream *s)
{
	CUDA_MEMCPY2D copy = {.srcMemoryType = CU_MEMORYTYPE_UNIFIED,
		.dstMemoryType = CU_MEMORYTYPE_UNIFIED,
		.srcDevice = in ? (uintptr_t)c->host : c->device,
		.srcPitch = in ? c->host_pitch : c->pitch,
		.dstDevice = in ? c->device : (uintptr_t)c->host,
		.dstPitch = in ? c->pitch : c->host_pitch,
		.WidthInBytes = c->width,
		.Height = c->height};
	uint64_t stream;
	CUresult r = window_take(s, 1);

	if (!r)
		r = stream_use(s, &stream);
	if (r)
		return r;
	return is_flat(c) ? wire_copy_device(copy.dstDevice, copy.srcDevice, bytes_of(c), stream)
			  : wire_copy_device_2d(&copy, stream);
}

struct bulk {
	CUdeviceptr dst;
	uint64_t stream;
	size_t bytes;
};

static CUresult announce(void *argument, uint64_t first_chunk)
{
	const struct bulk *b = argument;

	return wire_copy_in_bulk(b->dst, b->stream, b->bytes, first_chunk);
}

/* Packed in a frame, all of them. */
static CUresult in_frame(const struct copy_rows *c, uint64_t stream)
{
	size_t bytes = bytes_of(c);
	uint8_t *packed;
	CUresult r;

	if (is_flat(c))
		return wire_copy_in(c->device, bytes, bytes, 1, stream, c->host, bytes);
	packed = malloc(bytes);
	if (!packed)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (size_t i = 0; i < c->height; i++)
		memcpy(packed + i * c->width, (uint8_t *)c->host + i * c->host_pitch, c->width);
	r = wire_copy_in(c->device, c->pitch, c->width, c->height, stream, packed, bytes);
	free(packed);
	return r;
}

/* Each waits behind a host function of the server's. */
static CUresult fetched(const struct copy_rows *c, uint64_t stream)
{
	uint64_t id = hostfunc_add_fetch(c->host, c->width, c->height, c->host_pitch);
	CUresult r;

	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_copy_in_fetched(c->device, c->pitch, c->width, c->height, stream, id);
	if (r)
		hostfunc_remove(id);
	return r;
}

/* What one request can carry; in line as much as one likes where the bytes go by the lanes. */
static CUresult in_part(const struct copy_rows *c, enum copy_way way, struct stream *s)
{
	struct bulk bulk = {.dst = c->device, .bytes = bytes_of(c)};
	unsigned behind = way == COPY_DUE ? WINDOW_BEHIND_FUNCTION : 0;
	CUresult r = window_take(s, behind + cost(c));

	if (!r)
		r = stream_use(s, &bulk.stream);
	if (r)
		return r;
	if (way == COPY_DUE)
		return fetched(c, bulk.stream);
	if (bulk.bytes <= FRAME_INLINE_MAX)
		return in_frame(c, bulk.stream);
	return lanes_send(c->host, bulk.bytes, announce, &bulk);
}

static CUresult in_flat(const struct copy_rows *c, enum copy_way way, struct stream *s)
{
	size_t most = way == COPY_DUE ? FETCH_MAX : c->width;
	CUresult r = CUDA_SUCCESS;

	for (size_t at = 0; at < c->width && !r; at += most) {
		struct copy_rows part = *c;

		part.device += at;
		part.host = (uint8_t *)c->host + at;
		part.width = c->width - at < most ? c->width - at : most;
		r = in_part(&part, way, s);
	}
	return r;
}

CUresult copy_rows_in(const struct copy_rows *c, enum copy_way way, struct stream *s)
{
	size_t fit = (way == COPY_DUE ? FETCH_MAX : FRAME_INLINE_MAX) / c->width;
	struct copy_rows line = in_line(c), part;
	CUresult r = CUDA_SUCCESS;

	if (way == COPY_THERE)
		return there(c, true, s);
	if (is_flat(c))
		return in_flat(&line, way, s);
	for (size_t y = 0; y < c->height && !r; y += part.height) {
		part = some(c, y, !fit ? 1 : c->height - y < fit ? c->height - y : fit);
		r = fit ? in_part(&part, way, s) : in_flat(&part, way, s);
	}
	return r;
}

CUresult copy_rows_out(const struct copy_rows *c, enum copy_way way, struct stream *s)
{
	struct copy_rows line = is_flat(c) ? in_line(c) : *c;
	struct copyout_target target = {
		line.host, line.width, line.height, 1, line.host_pitch, line.host_pitch * line.height};
	uint64_t stream, id, mark;
	CUresult r;

	if (way == COPY_THERE)
		return there(c, false, s);
	r = window_take(s, cost(c));
	if (!r)
		r = stream_use(s, &stream);
	if (r)
		return r;
	id = copyout_begin(&target, way == COPY_NOW);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (way == COPY_DUE) {
		r = wire_copy_out_async(
			line.device, line.pitch, line.width, line.height, stream, id);
	} else {
		mark = stream_mark(s) + 1; /* with this frame */
		r = wire_copy_out(line.device, line.pitch, line.width, line.height, stream, id);
		if (!r)
			stream_completed(s, mark);
	}
	if (r)
		copyout_cancel(id);
	return r;
}

CUresult copy_out_end(struct stream *s, enum copy_way way, bool async)
{
	return way != COPY_THERE || async || atomic_load(&s->capture) ? CUDA_SUCCESS
								      : stream_settle(s);
}
