/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of copying calls share. */
#ifndef SOFT_COPY_H
#define SOFT_COPY_H

#include "soft.h"

enum copy_way {
	COPY_ANY = 0,
	COPY_FROM_DEVICE = 1, /* the caller says so: else the address tells */
	COPY_TO_DEVICE = 2,
	COPY_BLOCKING = 4,
	COPY_PEER = 8, /* asks nobody for access */
};

CUresult copy_submit(struct stream *s, struct copy copy, bool blocking);
CUresult copy_linear(uint64_t dst, uint64_t src, size_t bytes, CUstream stream, enum copy_way way);
CUresult copy_from_3d(const CUDA_MEMCPY3D *p, struct copy *out);
/* What copies between contexts that have no stream come after: all work of both. */
CUresult copy_serialize(CUcontext a, CUcontext b);

#endif
