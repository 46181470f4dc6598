/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream capture as the application sees it. The worker captures in relaxed
 * mode whatever was asked for; the rules of the other modes are enforced here
 * (CUDA driver API, cuThreadExchangeStreamCaptureMode).
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include "cuda_types.h"

struct context;
struct event;
struct stream;

/* Captures that have begun and not ended; nothing else needs to be looked at while it is 0. */
extern _Atomic unsigned captures_active;

/* A call that is unsafe during capture is about to be made by this thread: CUDA_SUCCESS, or
 * STREAM_CAPTURE_UNSUPPORTED with the captures concerned invalidated. */
CUresult capture_unsafe_slow(void);

static inline CUresult capture_unsafe(void)
{
	return atomic_load_explicit(&captures_active, memory_order_acquire) ? capture_unsafe_slow()
									     : CUDA_SUCCESS;
}

/* The same, of calls that need nothing else before they are sent. */
CUresult capture_safe(void);

/* And of calls that a capturing @stream takes into its graph. */
CUresult capture_safe_in(CUstream stream);

/* The legacy default stream of the current context is about to be used: STREAM_CAPTURE_IMPLICIT if
 * that would depend on a capturing blocking stream, which is then invalidated. */
CUresult capture_legacy_used(void);

/* All work of the context is about to be waited for: STREAM_CAPTURE_UNSUPPORTED if anything
 * captures there, in whatever mode, which is then invalidated. */
CUresult capture_context_used(struct context *context);

/* STREAM_CAPTURE_INVALIDATED for a stream whose capture is. */
CUresult capture_check(struct stream *s);

/* The number of its capture; 0: it has none. */
uint64_t capture_id(struct stream *s);

/* A capturing stream is synchronised or queried: UNSUPPORTED, and the capture is invalid. */
CUresult capture_forbid(struct stream *s);

/* What is answered about an event that was recorded in a capture: CAPTURED_EVENT while that goes
 * on, which is then invalid. */
CUresult capture_forbid_event(struct event *e);

/* An event was recorded in a stream. */
void capture_record(struct event *e, struct stream *s);

/* A stream is about to wait for an event, which takes it into the capture that recorded the event.
 * What the driver gives for a wait that no capture, or only an invalid one, can hold. */
CUresult capture_join(struct stream *s, struct event *e, unsigned flags);

/* The stream that a handle means, and the state and number (0: none) of its capture. For the legacy
 * stream IMPLICIT while a blocking one captures, which stays valid. */
CUresult capture_status(
	CUstream hStream, struct stream **s, CUstreamCaptureStatus *status, uint64_t *id);

#endif
