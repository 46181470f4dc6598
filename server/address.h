/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses the driver is given. With unified addresses it copies from and
 * to any memory of this process, so a client's number goes to it only when what
 * lies there is the session's: its arena, mirrored host memory, or memory that
 * the driver itself made for it (pools, graphs, variables of modules). A captured
 * set may name what is no memory that the driver knows: it makes no graph of it executable.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "state.h"

/* Where the driver places pools and graphs' memory, and nothing of the process lies. */
#define ADDRESS_POOLS UINT64_C(0x300000000)
#define ADDRESS_POOLS_SIZE (UINT64_C(1) << 40)

/* CUDA_ERROR_INVALID_VALUE when not all of the @bytes at @address are the session's. Memory of the
 * arena costs a comparison. */
CUresult address_check(struct session *s, uint64_t address, uint64_t bytes);
/* The same of @height rows of @width bytes, at a distance of @pitch. */
CUresult address_check_rows(
	struct session *s, uint64_t address, uint64_t pitch, uint64_t width, uint64_t height);

#endif
