/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launching graphs: posted, since a handle that is not one is found out here.
 */
#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "lent.h"
#include "mirror.h"
#include "real.h"
#include "stream.h"
#include "window.h"
#include "wire_calls.h"

CUresult client_cuGraphLaunch(CUgraphExec hGraph, CUstream hStream)
{
	struct stream *s;
	uint64_t stream;
	CUresult r = call_check(0);

	if (!r && !real_known(KIND_CUgraphExec, (uintptr_t)hGraph))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(hStream, &s);
	/* Natively just this call says so of a capture that is invalid already. */
	if (!r && atomic_load(&captures_active) && capture_check(s))
		r = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (!r)
		r = window_take(s, 1);
	if (!r) {
		if (lent_entangled() && !atomic_load(&s->capture))
			r = stream_settle(s);
		lent_push();
		if (!r)
			r = mirror_send();
	}
	if (!r)
		r = stream_use(s, &stream);
	return r ? r : wire_cuGraphLaunch((uintptr_t)hGraph, stream);
}
