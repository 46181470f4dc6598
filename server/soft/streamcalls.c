/* SPDX-License-Identifier: Apache-2.0 */
/* The calls on streams but for capture: making, asking, waiting, and calling the host. */
#include "soft.h"

#include <string.h>

static CUresult create(CUstream *out, unsigned flags, int priority)
{
	struct context *c;
	struct stream *s;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || flags & ~(unsigned)CU_STREAM_NON_BLOCKING)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = stream_new(c, flags, priority, &s);
	if (!result)
		*out = (CUstream)s->base.handle;
	return leave(result);
}

CUresult cuStreamCreate(CUstream *out, unsigned int flags)
{
	return create(out, flags, 0);
}

CUresult cuStreamCreateWithPriority(CUstream *out, unsigned int flags, int priority)
{
	return create(out, flags, priority);
}

/* Returns at once: what was submitted still runs. */
CUresult cuStreamDestroy_v2(CUstream handle)
{
	struct stream *s;
	struct context *c;
	CUresult result = enter(&c);

	if (result && result != CUDA_ERROR_INVALID_CONTEXT)
		return result;
	if (result)
		result = enter_device();
	if (result)
		return result;
	s = object_find(KIND_STREAM, handle);
	if (!s)
		return leave(CUDA_ERROR_INVALID_HANDLE);
	stream_close(s);
	return leave(CUDA_SUCCESS);
}

static CUresult enter_stream(CUstream handle, struct stream **out)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find(c, handle, out);
	if (!result)
		result = (*out)->ctx->error;
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuStreamGetPriority(CUstream handle, int *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream(handle, &s));

	if (result)
		return result;
	*out = s->priority;
	return leave(CUDA_SUCCESS);
}

CUresult cuStreamGetFlags(CUstream handle, unsigned int *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream(handle, &s));

	if (result)
		return result;
	*out = s->flags;
	return leave(CUDA_SUCCESS);
}

CUresult cuStreamGetId(CUstream handle, unsigned long long *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream(handle, &s));

	if (result)
		return result;
	*out = s->id;
	return leave(CUDA_SUCCESS);
}

CUresult cuStreamGetDevice(CUstream handle, CUdevice *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream(handle, &s));

	if (result)
		return result;
	*out = s->ctx->dev->index;
	return leave(CUDA_SUCCESS);
}

CUresult cuStreamGetCtx(CUstream handle, CUcontext *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream(handle, &s));

	if (result)
		return result;
	*out = (CUcontext)s->ctx->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuStreamGetCtx_v2(CUstream handle, CUcontext *out, CUgreenCtx *green)
{
	CUresult result = cuStreamGetCtx(handle, out);

	if (!result && green)
		*green = NULL;
	return result;
}

/* Not allowed on a stream that captures, and a reason to end captures elsewhere. */
static CUresult touch(struct stream *s)
{
	if (s->capture) {
		capture_break(s->capture);
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	if (s == s->ctx->legacy && s->ctx->captures) {
		CUresult result = capture_implicit(s);

		if (result)
			return result;
	}
	return capture_unsafe();
}

CUresult cuStreamQuery(CUstream handle)
{
	struct stream *s, *other;
	bool busy;
	CUresult result = enter_stream(handle, &s);

	if (result)
		return result;
	result = touch(s);
	if (result)
		return leave(result);
	busy = stream_busy(s);
	if (s == s->ctx->legacy)
		LIST_FOREACH(other, &s->ctx->streams, link)
			if (!(other->flags & CU_STREAM_NON_BLOCKING))
				busy |= stream_busy(other);
	return leave(busy ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS);
}

CUresult cuStreamSynchronize(CUstream handle)
{
	struct op op = {.kind = OP_NONE};
	struct context *c;
	struct stream *s;
	CUresult result = enter_stream(handle, &s);

	if (result)
		return result;
	result = touch(s);
	if (result)
		return leave(result);
	if (s == s->ctx->legacy)
		return leave(stream_submit_sync(s, &op));
	c = object_get(s->ctx);
	fence_wait(s->last);
	printed_flush(c);
	pools_trim(c->dev);
	result = c->error;
	object_put(c);
	return leave(result);
}

static CUresult submit_host(CUstream stream, struct op op)
{
	struct context *c;
	struct stream *s;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!(op.kind == OP_HOST ? (void *)op.host.fn : (void *)op.host.callback))
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = stream_find(c, stream, &s);
	if (!result && op.kind == OP_CALLBACK && s->capture) {
		capture_break(s->capture);
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	if (!result)
		result = stream_submit(s, &op, NULL);
	return leave(result);
}

CUresult cuLaunchHostFunc(CUstream stream, CUhostFn fn, void *data)
{
	return submit_host(stream, (struct op){.kind = OP_HOST, .host = {.fn = fn, .data = data}});
}

CUresult cuStreamAddCallback(
	CUstream stream, CUstreamCallback callback, void *data, unsigned int flags)
{
	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	return submit_host(
		stream, (struct op){.kind = OP_CALLBACK,
				.host = {.callback = callback, .stream = stream, .data = data}});
}

CUresult cuStreamAttachMemAsync(CUstream stream, CUdeviceptr ptr, size_t length, unsigned int flags)
{
	struct op op = {.kind = OP_NONE};
	struct context *c;
	struct stream *s;
	struct range *r;
	CUresult result = enter(&c);

	if (result)
		return result;
	r = range_find(ptr);
	if (!r || r->kind != RANGE_MANAGED || (length && length != r->bytes) || flags > 4)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = stream_find(c, stream, &s);
	return leave(result ? result : stream_submit(s, &op, NULL));
}

CUresult cuStreamGetAttribute(CUstream handle, CUstreamAttrID id, CUstreamAttrValue *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream(handle, &s));

	if (result)
		return result;
	if (id == CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW)
		out->accessPolicyWindow = s->window;
	else if (id == CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY)
		out->syncPolicy = s->sync_policy ? s->sync_policy : CU_SYNC_POLICY_AUTO;
	else if (id == CU_LAUNCH_ATTRIBUTE_PRIORITY)
		out->priority = s->priority;
	else
		return leave(CUDA_ERROR_INVALID_VALUE);
	return leave(CUDA_SUCCESS);
}

static CUresult set_attribute(struct stream *s, CUstreamAttrID id, const CUstreamAttrValue *value)
{
	if (id == CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW)
		s->window = value->accessPolicyWindow;
	else if (id == CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY)
		s->sync_policy = value->syncPolicy;
	else if (id == CU_LAUNCH_ATTRIBUTE_PRIORITY)
		s->priority = value->priority > 0 ? 0 : value->priority < -5 ? -5 : value->priority;
	else
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

CUresult cuStreamSetAttribute(CUstream handle, CUstreamAttrID id, const CUstreamAttrValue *value)
{
	struct stream *s;
	CUresult result = enter_stream(handle, &s);

	if (result)
		return result;
	return leave(value ? set_attribute(s, id, value) : CUDA_ERROR_INVALID_VALUE);
}

CUresult cuStreamCopyAttributes(CUstream dst, CUstream src)
{
	struct stream *to, *from;
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find(c, dst, &to);
	if (!result)
		result = stream_find(c, src, &from);
	if (result)
		return leave(result);
	to->window = from->window;
	to->sync_policy = from->sync_policy;
	return leave(CUDA_SUCCESS);
}
