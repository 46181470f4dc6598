/* SPDX-License-Identifier: Apache-2.0 */
/* Linear copies on a stream, for all calls that come down to one. */
#ifndef COPY_H
#define COPY_H

#include "stream.h"

/* To the device; the bytes are the caller's again on return. */
CUresult copy_in(CUdeviceptr dst, const void *src, size_t bytes, struct stream *s);

/* From the device. @async: pinned memory may be filled after the return. */
CUresult copy_out(void *dst, CUdeviceptr src, size_t bytes, struct stream *s, bool async);

#endif
