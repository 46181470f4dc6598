/* SPDX-License-Identifier: Apache-2.0 */
/* Asking about captures, changing what the next captured node waits for, and a thread's own mode.
 */
#include <stdlib.h>

#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "stream.h"
#include "thread.h"
#include "wire_calls.h"

CUresult client_cuStreamIsCapturing(CUstream hStream, CUstreamCaptureStatus *captureStatus)
{
	CUstreamCaptureStatus status;
	struct stream *s;
	uint64_t id;
	CUresult r;

	if (!captureStatus)
		return CUDA_ERROR_INVALID_VALUE;
	r = capture_status(hStream, &s, &status, &id);
	if (!r)
		*captureStatus = status;
	return r;
}

CUresult client_cuStreamGetCaptureInfo(
	CUstream hStream, CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out)
{
	return client_cuStreamGetCaptureInfo_v3(
		hStream, captureStatus_out, id_out, NULL, NULL, NULL, NULL);
}

CUresult client_cuStreamGetCaptureInfo_v2(CUstream hStream,
	CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out, CUgraph *graph_out,
	const CUgraphNode **dependencies_out, size_t *numDependencies_out)
{
	return client_cuStreamGetCaptureInfo_v3(hStream, captureStatus_out, id_out, graph_out,
		dependencies_out, NULL, numDependencies_out);
}

static CUresult make_room(struct thread *t, size_t count)
{
	CUgraphNode *nodes;
	CUgraphEdgeData *edges;

	if (count <= t->told_room)
		return CUDA_SUCCESS;
	nodes = realloc(t->told_nodes, count * sizeof(*nodes));
	if (!nodes)
		return CUDA_ERROR_OUT_OF_MEMORY;
	t->told_nodes = nodes;
	edges = realloc(t->told_edges, count * sizeof(*edges));
	if (!edges)
		return CUDA_ERROR_OUT_OF_MEMORY;
	t->told_edges = edges;
	t->told_room = count;
	return CUDA_SUCCESS;
}

/* The graph and the dependencies, which are then told to this thread. */
static CUresult ask(struct stream *s, struct thread *t, CUgraph *graph, size_t *count)
{
	CUstreamCaptureStatus status;
	uint64_t id;
	CUresult r;

	*count = 16;
	do {
		r = make_room(t, *count);
		*count = t->told_room;
		if (!r)
			r = wire_stream_capture_info(s->object.handle, &status, &id, graph, count,
				t->told_nodes, t->told_edges);
	} while (!r && *count > t->told_room);
	return r;
}

CUresult client_cuStreamGetCaptureInfo_v3(CUstream hStream,
	CUstreamCaptureStatus *captureStatus_out, cuuint64_t *id_out, CUgraph *graph_out,
	const CUgraphNode **dependencies_out, const CUgraphEdgeData **edgeData_out,
	size_t *numDependencies_out)
{
	struct thread *t = thread_self();
	CUstreamCaptureStatus status;
	struct stream *s;
	CUgraph graph;
	size_t count;
	uint64_t id;
	CUresult r;

	if (!captureStatus_out)
		return CUDA_ERROR_INVALID_VALUE;
	r = capture_status(hStream, &s, &status, &id);
	if (r)
		return r;
	if (status == CU_STREAM_CAPTURE_STATUS_ACTIVE &&
		(graph_out || dependencies_out || edgeData_out || numDependencies_out)) {
		r = ask(s, t, &graph, &count);
		if (r)
			return r;
		if (graph_out)
			*graph_out = graph;
		if (dependencies_out)
			*dependencies_out = t->told_nodes;
		if (edgeData_out)
			*edgeData_out = t->told_edges;
		if (numDependencies_out)
			*numDependencies_out = count;
	}
	*captureStatus_out = status;
	if (id_out && status == CU_STREAM_CAPTURE_STATUS_ACTIVE)
		*id_out = id;
	return CUDA_SUCCESS;
}

CUresult client_cuStreamUpdateCaptureDependencies_v2(CUstream hStream, CUgraphNode *dependencies,
	const CUgraphEdgeData *dependencyData, size_t numDependencies, unsigned int flags)
{
	CUstreamCaptureStatus status;
	struct stream *s;
	uint64_t id;
	CUresult r = capture_status(hStream, &s, &status, &id);

	if (r)
		return r;
	if (status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return status == CU_STREAM_CAPTURE_STATUS_NONE
			       ? CUDA_ERROR_ILLEGAL_STATE
			       : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (numDependencies && !dependencies)
		return CUDA_ERROR_INVALID_VALUE;
	return wire_stream_update_capture(
		s->object.handle, dependencies, dependencyData, numDependencies, flags);
}

CUresult client_cuStreamUpdateCaptureDependencies(
	CUstream hStream, CUgraphNode *dependencies, size_t numDependencies, unsigned int flags)
{
	return client_cuStreamUpdateCaptureDependencies_v2(
		hStream, dependencies, NULL, numDependencies, flags);
}

CUresult client_cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	struct thread *t = thread_self();
	CUresult r = call_check(CALL_NO_CONTEXT);
	CUstreamCaptureMode before;

	if (r)
		return r;
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	before = t->capture_mode;
	t->capture_mode = *mode;
	*mode = before;
	return CUDA_SUCCESS;
}
