/* SPDX-License-Identifier: Apache-2.0 */
/* A launch's shape and parameters, checked and packed: for launches and graph nodes. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "cuda_types.h"
#include "image.h"
#include "module.h"

struct launch_shape {
	unsigned grid[3];
	unsigned block[3];
	unsigned shared; /* dynamic, bytes */
};

struct launch_params {
	size_t size;
	uint8_t bytes[PARAM_BYTES_MAX + 4];
};

/* The error that a launch of this shape gives natively. */
CUresult launch_check(struct function *f, const struct launch_shape *shape);

/* Both ways of passing parameters, into one buffer in the kernel's layout. */
CUresult launch_pack(const struct function *f, void **params, void **extra,
	struct launch_params *out);

#endif
