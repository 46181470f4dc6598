/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear copies between host and device, all forms.
 *
 * To the device: the bytes are taken at the call, so the call does not wait.
 * The driver reads pinned memory when the copy is due; where that can make a
 * difference, because a host function, a kernel or a copy out that comes before
 * may still write it, the server fetches the bytes then. From the device: pinned
 * memory is filled behind the call's back in stream order, other memory before
 * it returns, as natively.
 */
#include "copy.h"

#include <string.h>

#include "call.h"
#include "capture.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "copyout.h"
#include "hostfunc.h"
#include "lanes.h"
#include "memory.h"
#include "mirror.h"
#include "window.h"
#include "wire.h"
#include "wire_calls.h"

/* Pieces of work for the driver (window.h): the server marks each part of a copy by an event. */
static unsigned cost(size_t bytes)
{
	return bytes <= FRAME_INLINE_MAX ? 2 : 2 * (bytes / bulk_chunk(bytes, client.lanes) + 1);
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

static bool is_pinned(const void *host)
{
	struct memory_range range;

	return memory_find((uintptr_t)host, &range) && range.kind == MEMORY_HOST;
}

/* Copies that a capture records run again and again: host memory then has to be the server's too,
 * which is possible for pinned memory only. Other memory is refused, as natively. */
static CUresult captured(CUdeviceptr dst, CUdeviceptr src, const void *host, size_t bytes,
	uint64_t stream)
{
	struct memory_range range;
	CUresult r;

	if (!memory_find((uintptr_t)host, &range) || range.kind != MEMORY_HOST)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	r = mirror_activate(range.base, range.size);
	return r ? r : wire_copy_device(dst, src, bytes, stream);
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

CUresult copy_settle(struct stream *s, const void *src, size_t bytes)
{
	if (!is_late(s, src, bytes) && !is_late_there(s, src, bytes))
		return CUDA_SUCCESS;
	return stream_settle(s);
}

/* In pieces that are not too much at once. Each waits behind a host function of the server's. */
static CUresult fetched(CUdeviceptr dst, const uint8_t *src, size_t bytes, struct stream *s)
{
	uint64_t stream;
	CUresult r = CUDA_SUCCESS;

	for (size_t at = 0; at < bytes && !r; at += FETCH_MAX) {
		size_t n = bytes - at < FETCH_MAX ? bytes - at : FETCH_MAX;
		uint64_t id = hostfunc_add_fetch(src + at, n);

		if (!id)
			return CUDA_ERROR_OUT_OF_MEMORY;
		r = window_take(s, WINDOW_BEHIND_FUNCTION + cost(n));
		if (!r)
			r = stream_use(s, &stream);
		if (!r)
			r = wire_copy_in_fetched(dst + at, n, stream, id);
		if (r)
			hostfunc_remove(id);
	}
	return r;
}

CUresult copy_in(CUdeviceptr dst, const void *src, size_t bytes, struct stream *s, bool async)
{
	struct bulk bulk = {.dst = dst, .bytes = bytes};
	CUresult r;

	if (!bytes)
		return CUDA_SUCCESS;
	r = memory_check(dst, bytes);
	if (r)
		return r;
	if (async && !atomic_load(&s->capture) && is_late(s, src, bytes))
		return fetched(dst, src, bytes, s);
	r = window_take(s, cost(bytes));
	if (!r)
		r = stream_use(s, &bulk.stream);
	if (r)
		return r;
	if (atomic_load(&s->capture))
		return captured(dst, (uintptr_t)src, src, bytes, bulk.stream);
	if (async && is_late_there(s, src, bytes)) {
		r = mirror_send();
		return r ? r : wire_copy_device(dst, (uintptr_t)src, bytes, bulk.stream);
	}
	if (!async)
		r = copy_settle(s, src, bytes);
	if (r)
		return r;
	if (bytes <= FRAME_INLINE_MAX)
		return wire_copy_in(dst, bulk.stream, src, bytes);
	return lanes_send(src, bytes, announce, &bulk);
}

CUresult copy_out(void *dst, CUdeviceptr src, size_t bytes, struct stream *s, bool async)
{
	struct copyout_target target = {dst, bytes, 1, 1, bytes, bytes};
	uint64_t stream, id, mark;
	CUresult r;

	if (!bytes)
		return CUDA_SUCCESS;
	r = memory_check(src, bytes);
	if (!r)
		r = window_take(s, cost(bytes));
	if (!r)
		r = stream_use(s, &stream);
	if (r)
		return r;
	if (atomic_load(&s->capture))
		return captured((uintptr_t)dst, src, dst, bytes, stream);
	async = async && is_pinned(dst);
	id = copyout_begin(&target, !async);
	if (!id)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (async) {
		r = wire_copy_out_async(src, bytes, stream, id);
	} else {
		mark = stream_mark(s) + 1; /* with this frame */
		r = wire_copy_out(src, bytes, stream, id);
		if (!r)
			stream_completed(s, mark);
	}
	if (r)
		copyout_cancel(id);
	return r;
}

/* Between two devices: the server's memory is mapped on its own, and only this call does not mind. */
static CUresult peer_copy(const struct memory_range *to, CUdeviceptr dst,
	const struct memory_range *from, CUdeviceptr src, size_t bytes, uint64_t stream)
{
	uint64_t dst_context, src_context;
	CUresult r = context_check(context_handle(to->context), &dst_context);

	if (!r)
		r = context_check(context_handle(from->context), &src_context);
	return r ? r : wire_copy_peer(dst, dst_context, src, src_context, bytes, stream);
}

CUresult copy_device(CUdeviceptr dst, CUdeviceptr src, size_t bytes, struct stream *s)
{
	struct memory_range to, from;
	uint64_t stream;
	CUresult r;

	if (!bytes)
		return CUDA_SUCCESS;
	r = memory_check_range(dst, bytes, &to);
	if (!r)
		r = memory_check_range(src, bytes, &from);
	if (!r)
		r = window_take(s, 1);
	if (!r)
		r = stream_use(s, &stream);
	if (r)
		return r;
	if (to.device != from.device)
		return peer_copy(&to, dst, &from, src, bytes, stream);
	return wire_copy_device(dst, src, bytes, stream);
}

/* Both sides are host memory: in stream order, by the processor. */
static CUresult host_copy(void *dst, const void *src, size_t bytes, struct stream *s)
{
	CUresult r = CUDA_SUCCESS;

	if (!stream_first(s))
		r = stream_settle(s);
	if (!r)
		memmove(dst, src, bytes);
	return r;
}

/* The direction follows from the addresses (CUDA driver API, unified addressing). */
static CUresult unified(CUdeviceptr dst, CUdeviceptr src, size_t bytes, struct stream *s, bool async)
{
	bool to_device = memory_classify(dst) == MEMORY_DEVICE;
	bool from_device = memory_classify(src) == MEMORY_DEVICE;

	if (to_device && from_device)
		return copy_device(dst, src, bytes, s);
	if (to_device)
		return copy_in(dst, (const void *)(uintptr_t)src, bytes, s, async);
	if (from_device)
		return copy_out((void *)(uintptr_t)dst, src, bytes, s, async);
	return host_copy((void *)(uintptr_t)dst, (const void *)(uintptr_t)src, bytes, s);
}

/* The start of every copy: state, arguments, stream. Blocking forms use the default stream and are
 * not allowed while a capture forbids it. */
static CUresult begin(CUstream stream, bool async, const void *host, size_t bytes, struct stream **s)
{
	CUresult r = call_check(0);

	if (!r && !async)
		r = capture_unsafe();
	if (!r && bytes && !host)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : stream_find(stream, s);
}

static const void *const some = "";

CUresult client_cuMemcpyHtoD_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, false, srcHost, ByteCount, &s);

	return r ? r : copy_in(dstDevice, srcHost, ByteCount, s, false);
}

CUresult client_cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount,
	CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, true, srcHost, ByteCount, &s);

	return r ? r : copy_in(dstDevice, srcHost, ByteCount, s, true);
}

CUresult client_cuMemcpyDtoH_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, false, dstHost, ByteCount, &s);

	return r ? r : copy_out(dstHost, srcDevice, ByteCount, s, false);
}

CUresult client_cuMemcpyDtoHAsync_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount,
	CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, true, dstHost, ByteCount, &s);

	return r ? r : copy_out(dstHost, srcDevice, ByteCount, s, true);
}

CUresult client_cuMemcpyDtoD_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, false, some, ByteCount, &s);

	return r ? r : copy_device(dstDevice, srcDevice, ByteCount, s);
}

CUresult client_cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount,
	CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, true, some, ByteCount, &s);

	return r ? r : copy_device(dstDevice, srcDevice, ByteCount, s);
}

CUresult client_cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, false, some, ByteCount, &s);

	return r ? r : unified(dst, src, ByteCount, s, false);
}

CUresult client_cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, true, some, ByteCount, &s);

	return r ? r : unified(dst, src, ByteCount, s, true);
}

static CUresult context_settle(struct context *c)
{
	CUresult r = context_push(c);

	if (r)
		return r;
	r = client_cuCtxSynchronize();
	client_cuCtxPopCurrent_v2(NULL);
	return r;
}

CUresult copy_serialize(CUcontext dst, CUcontext src)
{
	struct context *to = context_get(dst), *from = context_get(src);
	CUresult r;

	if (!to || !from)
		return CUDA_ERROR_INVALID_CONTEXT;
	r = context_settle(to);
	return r || from == to ? r : context_settle(from);
}

/* Peer copies between devices of one server: unified addresses say where both sides are. */
CUresult client_cuMemcpyPeer(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount)
{
	CUresult r = call_check(0);

	if (!r)
		r = copy_serialize(dstContext, srcContext);
	if (!r)
		r = client_cuMemcpyDtoD_v2(dstDevice, srcDevice, ByteCount);
	return r ? r : client_cuStreamSynchronize(NULL);
}

CUresult client_cuMemcpyPeerAsync(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount, CUstream hStream)
{
	if (!context_get(dstContext) || !context_get(srcContext))
		return CUDA_ERROR_INVALID_CONTEXT;
	return client_cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, ByteCount, hStream);
}
