/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launching graphs: posted, since a handle that is not one and a stream that
 * captures are found out here; what the server finds out too, where graphs
 * have memory of their own, is waited for.
 */
#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "lent.h"
#include "memory.h"
#include "mirror.h"
#include "real.h"
#include "stream.h"
#include "window.h"
#include "wire_calls.h"

/* Graphs are not for capturing streams, whose capture is invalid then. */
static CUresult begin(CUgraphExec graph, CUstream stream, struct stream **s)
{
	CUresult r = call_check(0);

	if (!r && !real_known(KIND_CUgraphExec, (uintptr_t)graph))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(stream, s);
	if (!r && atomic_load(&captures_active))
		r = capture_forbid(*s);
	return r;
}

CUresult client_cuGraphUpload(CUgraphExec hGraph, CUstream hStream)
{
	struct stream *s;
	uint64_t stream;
	CUresult r = begin(hGraph, hStream, &s);

	if (!r)
		r = stream_use(s, &stream);
	return r ? r : wire_cuGraphUpload((uintptr_t)hGraph, stream);
}

CUresult client_cuGraphLaunch(CUgraphExec hGraph, CUstream hStream)
{
	struct stream *s;
	uint64_t stream;
	CUresult r = begin(hGraph, hStream, &s);

	if (!r)
		r = window_take(s, 1);
	if (!r) {
		if (lent_entangled())
			r = stream_settle(s);
		lent_push();
		if (!r)
			r = mirror_send();
	}
	if (!r)
		r = stream_use(s, &stream);
	if (!r && memory_of_graphs())
		return wire_graph_launch_allocating((uintptr_t)hGraph, stream);
	return r ? r : wire_cuGraphLaunch((uintptr_t)hGraph, stream);
}
