/* SPDX-License-Identifier: Apache-2.0 */
/* JIT options as they travel, with the worker's own log buffers added. */
#ifndef MODULE_H
#define MODULE_H

#include "state.h"

enum {
	JIT_OPTIONS_MAX = 64,
	JIT_LOG_MAX = 1 << 20,
};

struct jit {
	CUjit_option option[JIT_OPTIONS_MAX + 4];
	void *value[JIT_OPTIONS_MAX + 4];
	unsigned count;
};

/* CUDA_ERROR_INVALID_VALUE for options whose values are addresses, or too many. */
CUresult jit_fill(struct jit *j, const CUjit_option *options, const uint64_t *values,
	unsigned count);
/* Logs of these sizes go to these buffers; a size of 0 leaves its log out. */
void jit_logs(struct jit *j, char *info, unsigned info_size, char *error, unsigned error_size);

#endif
