/* SPDX-License-Identifier: Apache-2.0 */
/* Functions and kernels, and JIT options as they travel with the worker's own log buffers added. */
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
CUresult jit_fill(
	struct jit *j, const CUjit_option *options, const uint64_t *values, unsigned count);
/* Logs of these sizes go to these buffers; a size of 0 leaves its log out. */
void jit_logs(struct jit *j, char *info, unsigned info_size, char *error, unsigned error_size);

/* A client's function may be a function or a kernel of the driver's. */
bool function_is_kernel(struct session *s, const void *function);
CUresult function_parameter(
	struct session *s, void *function, unsigned i, size_t *offset, size_t *size);

#endif
