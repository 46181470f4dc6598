/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of linear copies; copy_rows.c says how bytes get to the device and back. */
#include "copy.h"

#include <string.h>

#include "abroad.h"
#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "hostmem.h"
#include "memory.h"
#include "window.h"
#include "wire_calls.h"

static struct copy_span span_of(const void *host, size_t bytes)
{
	return (struct copy_span){(uintptr_t)host, bytes, 0};
}

static struct copy_rows row(CUdeviceptr device, const struct copy_span *host)
{
	size_t bytes = host->extent;

	return (struct copy_rows){device, bytes, (void *)host->address, bytes, bytes, 1};
}

static CUresult copy_in(
	CUdeviceptr dst, const void *src, size_t bytes, struct stream *s, bool async)
{
	struct copy_span host = span_of(src, bytes);
	struct memory_range range;
	struct abroad abroad;
	enum copy_way way;
	struct copy_rows c;
	CUresult r;

	if (!bytes)
		return CUDA_SUCCESS;
	r = memory_check_range(dst, bytes, &range);
	if (r)
		return r;
	r = abroad_enter(&abroad, &s, &range);
	if (!r)
		r = copy_source(s, &host, async, &way);
	if (!r && way == COPY_NOW)
		r = hostmem_scan_copy(src, bytes);
	c = row(dst, &host);
	if (!r)
		r = copy_rows_in(&c, way, s);
	return abroad_leave(&abroad, r);
}

static CUresult copy_out(void *dst, CUdeviceptr src, size_t bytes, struct stream *s, bool async)
{
	struct copy_span host = span_of(dst, bytes);
	struct memory_range range;
	struct abroad abroad;
	enum copy_way way;
	struct copy_rows c;
	CUresult r;

	if (!bytes)
		return CUDA_SUCCESS;
	r = memory_check_range(src, bytes, &range);
	if (r)
		return r;
	r = abroad_enter(&abroad, &s, &range);
	if (!r)
		r = copy_target(s, &host, async, &way);
	c = row(src, &host);
	if (!r)
		r = copy_rows_out(&c, way, s);
	if (!r)
		r = copy_out_end(s, way, async);
	return abroad_leave(&abroad, r);
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
	struct abroad abroad;
	uint64_t stream;
	CUresult r;

	if (!bytes)
		return CUDA_SUCCESS;
	r = memory_check_range(dst, bytes, &to);
	if (!r)
		r = memory_check_range(src, bytes, &from);
	if (r)
		return r;
	r = abroad_enter(&abroad, &s, &from);
	if (!r)
		r = window_take(s, 1);
	if (!r)
		r = stream_use(s, &stream);
	if (!r)
		r = to.device != from.device
			    ? peer_copy(&to, dst, &from, src, bytes, stream)
			    : wire_copy_device(dst, src, bytes, stream);
	return abroad_leave(&abroad, r);
}

/* The server has both sides. */
static CUresult host_copy_captured(void *dst, const void *src, size_t bytes, struct stream *s)
{
	struct copy_span to = span_of(dst, bytes), from = span_of(src, bytes);
	struct copy_rows c;
	CUresult r = copy_captured(s, &to, true);

	if (!r)
		r = copy_captured(s, &from, false);
	c = row(to.address, &from);
	return r ? r : copy_rows_in(&c, COPY_THERE, s);
}

/* Both sides are host memory: in stream order, by the processor. */
static CUresult host_copy(void *dst, const void *src, size_t bytes, struct stream *s)
{
	CUresult r = CUDA_SUCCESS;

	if (atomic_load(&s->capture))
		return host_copy_captured(dst, src, bytes, s);
	if (!stream_first(s))
		r = stream_settle(s);
	if (!r)
		memmove(dst, src, bytes);
	return r;
}

/* Sides that the call names a device's. Pinned memory will do. */
enum named { NAMED_NONE, NAMED_DST, NAMED_SRC, NAMED_BOTH };

/* The direction follows from the addresses (CUDA driver API, unified addressing), also where the
 * name of the call says another. Memory on the device is checked by what copies it. */
static CUresult unified(CUdeviceptr dst, CUdeviceptr src, size_t bytes, enum named named,
	struct stream *s, bool async)
{
	CUresult r = CUDA_SUCCESS;
	bool in, out;

	if (!bytes)
		return CUDA_SUCCESS;
	in = memory_classify(dst) == MEMORY_DEVICE;
	out = memory_classify(src) == MEMORY_DEVICE;
	if (!in && named & NAMED_DST)
		r = memory_check(dst, bytes);
	if (!r && !out && named & NAMED_SRC)
		r = memory_check(src, bytes);
	if (r)
		return r;
	if (in && out)
		return copy_device(dst, src, bytes, s);
	if (in)
		return copy_in(dst, (const void *)(uintptr_t)src, bytes, s, async);
	if (out)
		return copy_out((void *)(uintptr_t)dst, src, bytes, s, async);
	return host_copy((void *)(uintptr_t)dst, (const void *)(uintptr_t)src, bytes, s);
}

/* The start of every copy: state, arguments, stream. */
static CUresult begin(CUstream stream, const void *host, size_t bytes, struct stream **s)
{
	CUresult r = call_check(0);

	if (!r && bytes && !host)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : stream_find(stream, s);
}

static const void *const some = "";

CUresult client_cuMemcpyHtoD_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, srcHost, ByteCount, &s);

	return r ? r : unified(dstDevice, (uintptr_t)srcHost, ByteCount, NAMED_DST, s, false);
}

CUresult client_cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount,
	CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, srcHost, ByteCount, &s);

	return r ? r : unified(dstDevice, (uintptr_t)srcHost, ByteCount, NAMED_DST, s, true);
}

CUresult client_cuMemcpyDtoH_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, dstHost, ByteCount, &s);

	return r ? r : unified((uintptr_t)dstHost, srcDevice, ByteCount, NAMED_SRC, s, false);
}

CUresult client_cuMemcpyDtoHAsync_v2(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount,
	CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, dstHost, ByteCount, &s);

	return r ? r : unified((uintptr_t)dstHost, srcDevice, ByteCount, NAMED_SRC, s, true);
}

CUresult client_cuMemcpyDtoD_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, some, ByteCount, &s);

	return r ? r : unified(dstDevice, srcDevice, ByteCount, NAMED_BOTH, s, false);
}

CUresult client_cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount,
	CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, some, ByteCount, &s);

	return r ? r : unified(dstDevice, srcDevice, ByteCount, NAMED_BOTH, s, true);
}

CUresult client_cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount)
{
	struct stream *s;
	CUresult r = begin(NULL, some, ByteCount, &s);

	return r ? r : unified(dst, src, ByteCount, NAMED_NONE, s, false);
}

CUresult client_cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream)
{
	struct stream *s;
	CUresult r = begin(hStream, some, ByteCount, &s);

	return r ? r : unified(dst, src, ByteCount, NAMED_NONE, s, true);
}

static CUresult context_settle(struct context *c)
{
	CUresult r = context_push(c);

	if (r)
		return r;
	/* A context in which anything is captured cannot be waited for. */
	r = atomic_load(&captures_active) ? stream_wait(&c->legacy) : client_cuCtxSynchronize();
	client_cuCtxPopCurrent_v2(NULL);
	return r;
}

CUresult copy_contexts(CUcontext dst, CUcontext src)
{
	return (dst && !context_get(dst)) || (src && !context_get(src)) ? CUDA_ERROR_INVALID_CONTEXT
									: CUDA_SUCCESS;
}

CUresult copy_serialize(CUcontext dst, CUcontext src)
{
	struct context *to = dst ? context_get(dst) : context_self();
	struct context *from = src ? context_get(src) : context_self();
	CUresult r = copy_contexts(dst, src);

	if (r)
		return r;
	r = context_settle(to);
	return r || from == to ? r : context_settle(from);
}

/* Peer copies between devices of one server: unified addresses say where both sides are. */
CUresult client_cuMemcpyPeer(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount)
{
	struct stream *s;
	CUresult r = call_check(0);

	if (!r)
		r = copy_serialize(dstContext, srcContext);
	if (!r)
		r = client_cuMemcpyDtoD_v2(dstDevice, srcDevice, ByteCount);
	if (!r)
		r = stream_find(NULL, &s);
	return r ? r : stream_wait(s);
}

CUresult client_cuMemcpyPeerAsync(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount, CUstream hStream)
{
	CUresult r = copy_contexts(dstContext, srcContext);

	return r ? r : client_cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, ByteCount, hStream);
}
