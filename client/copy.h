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

#endif
