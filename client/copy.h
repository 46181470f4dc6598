/* SPDX-License-Identifier: Apache-2.0 */
/* Copies between host and device on a stream, for all calls that come down to them. */
#ifndef COPY_H
#define COPY_H

#include "stream.h"

/* @height rows of @width bytes, none of them 0. */
struct copy_rows {
	CUdeviceptr device;
	size_t pitch;
	void *host;
	size_t host_pitch;
	size_t width, height;
};

/* The host's memory of a whole copy: @extent bytes, in pieces that begin and end at multiples of
 * @unit. */
struct copy_span {
	uint64_t address;
	size_t extent, unit;
};

enum copy_way {
	COPY_NOW,   /* the host's memory is the caller's again on return */
	COPY_DUE,   /* it is read or written when the copy is due */
	COPY_THERE, /* by the server, which has that memory too, at the span's address */
};

/* How what is at @src can get to the device in @s. @async: pinned memory may be read after the
 * call; else what may still write to it has been waited for. */
CUresult copy_source(struct stream *s, struct copy_span *src, bool async, enum copy_way *way);
/* How memory at @dst can be filled. @async: after the call, if it is pinned. */
CUresult copy_target(struct stream *s, struct copy_span *dst, bool async, enum copy_way *way);
/* @s is captured, and its graph will use this memory: at @span's address then. */
CUresult copy_captured(struct stream *s, struct copy_span *span, bool written);

/* The device's memory was checked. */
CUresult copy_rows_in(const struct copy_rows *c, enum copy_way way, struct stream *s);
CUresult copy_rows_out(const struct copy_rows *c, enum copy_way way, struct stream *s);
/* After the last of them: what the server does itself is waited for, too, unless @async. */
CUresult copy_out_end(struct stream *s, enum copy_way way, bool async);

/* On the server, also between two devices. */
CUresult copy_device(CUdeviceptr dst, CUdeviceptr src, size_t bytes, struct stream *s);

/* INVALID_CONTEXT; natively NULL is the current one. */
CUresult copy_contexts(CUcontext dst, CUcontext src);
/* cuMemcpyPeer and cuMemcpy3DPeer come after all work of both contexts, and all that is given to them later
 * comes after the copy: wait before it; the caller waits for the copy. INVALID_CONTEXT. */
CUresult copy_serialize(CUcontext dst, CUcontext src);

#endif
