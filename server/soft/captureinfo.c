/* SPDX-License-Identifier: Apache-2.0 */
/* Asking about captures, and changing what the next captured node waits for. */
#include "capture.h"

#include <stdlib.h>

static CUstreamCaptureStatus status_of(const struct stream *s)
{
	if (!s->capture)
		return CU_STREAM_CAPTURE_STATUS_NONE;
	return s->capture->broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
				  : CU_STREAM_CAPTURE_STATUS_ACTIVE;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *out)
{
	struct stream *s;
	CUresult result = need(out, enter_stream_anywhere(stream, &s));

	if (result)
		return result;
	result = capture_asked(s);
	if (!result)
		*out = status_of(s);
	return leave(result);
}

static CUresult lend_deps(struct nodes *n, const CUgraphNode **out)
{
	size_t i;

	free(n->handles);
	n->handles = calloc(n->count + 1, sizeof(*n->handles));
	if (!n->handles)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (i = 0; i < n->count; i++)
		n->handles[i] = (CUgraphNode)n->at[i]->base.handle;
	*out = n->handles;
	return CUDA_SUCCESS;
}

static CUresult info(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id, CUgraph *graph,
	const CUgraphNode **deps, const CUgraphEdgeData **edges, size_t *count)
{
	struct stream *s;
	CUresult result = need(status, enter_stream_anywhere(stream, &s));

	if (result)
		return result;
	result = capture_asked(s);
	if (result)
		return leave(result);
	*status = status_of(s);
	if (*status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return leave(CUDA_SUCCESS);
	if (deps)
		result = lend_deps(s->capture_deps, deps);
	if (id)
		*id = s->capture->id;
	if (graph)
		*graph = (CUgraph)s->capture->graph->base.handle;
	if (edges)
		*edges = NULL;
	if (count)
		*count = s->capture_deps->count;
	return leave(result);
}

CUresult cuStreamGetCaptureInfo(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id)
{
	return info(stream, status, id, NULL, NULL, NULL, NULL);
}

CUresult cuStreamGetCaptureInfo_v2(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
	CUgraph *graph, const CUgraphNode **deps, size_t *count)
{
	return info(stream, status, id, graph, deps, NULL, count);
}

CUresult cuStreamGetCaptureInfo_v3(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
	CUgraph *graph, const CUgraphNode **deps, const CUgraphEdgeData **edges, size_t *count)
{
	return info(stream, status, id, graph, deps, edges, count);
}

static CUresult update_deps(CUstream stream, CUgraphNode *deps, size_t count, unsigned flags)
{
	struct nodes wanted = {0};
	struct context *ctx;
	struct stream *s;
	CUresult result = enter(&ctx);

	if (result)
		return result;
	result = stream_find(ctx, stream, &s);
	if (!result && !s->capture)
		result = CUDA_ERROR_ILLEGAL_STATE;
	if (!result && s->capture->broken)
		result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!result && flags > CU_STREAM_SET_CAPTURE_DEPENDENCIES)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = nodes_gather(s->capture->graph, deps, count, &wanted);
	if (!result) {
		if (flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES)
			nodes_fini(s->capture_deps);
		if (nodes_merge(s->capture_deps, &wanted) < 0)
			result = CUDA_ERROR_OUT_OF_MEMORY;
	}
	nodes_fini(&wanted);
	return leave(result);
}

CUresult cuStreamUpdateCaptureDependencies(
	CUstream stream, CUgraphNode *deps, size_t count, unsigned int flags)
{
	return update_deps(stream, deps, count, flags);
}

CUresult cuStreamUpdateCaptureDependencies_v2(CUstream stream, CUgraphNode *deps,
	const CUgraphEdgeData *data, size_t count, unsigned int flags)
{
	return update_deps(stream, deps, count, flags);
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	struct thread *t = thread_self();
	CUstreamCaptureMode old;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!mode)
		return leave(CUDA_ERROR_INVALID_VALUE);
	old = t->capture_mode;
	t->capture_mode = *mode;
	*mode = old;
	return leave(CUDA_SUCCESS);
}
