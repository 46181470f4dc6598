/* SPDX-License-Identifier: Apache-2.0 */
/* Linear copies on a stream, for all calls that come down to one. */
#ifndef COPY_H
#define COPY_H

#include "stream.h"

/* To the device. @async: pinned memory may be read after the return; else the bytes are the caller's
 * again. */
CUresult copy_in(CUdeviceptr dst, const void *src, size_t bytes, struct stream *s, bool async);

/* Wait for what @s may still have to write to pinned memory at @src. */
CUresult copy_settle(struct stream *s, const void *src, size_t bytes);

/* From the device. @async: pinned memory may be filled after the return. */
CUresult copy_out(void *dst, CUdeviceptr src, size_t bytes, struct stream *s, bool async);

/* On the server, also between two devices. */
CUresult copy_device(CUdeviceptr dst, CUdeviceptr src, size_t bytes, struct stream *s);

/* cuMemcpyPeer and cuMemcpy3DPeer come after all work of both contexts, and all that is given to them later
 * comes after the copy: wait before it; the caller waits for the copy. INVALID_CONTEXT. */
CUresult copy_serialize(CUcontext dst, CUcontext src);

#endif
