/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pinned host memory that kernels use. It lies at the same address on both
 * sides. From the moment that kernels may reach it, what the host changed is
 * sent before work that may read it, and what kernels changed comes back
 * before the completion that makes it visible.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cuda_types.h"

/* Mirrors, and rooms for lent memory, that there are. */
extern _Atomic unsigned mirrors_active;

enum { MIRROR_GRANULE = 4 }; /* so many bytes change together */

/* From now on the pinned allocation [base, base + size) is mirrored; again is fine. */
CUresult mirror_activate(uint64_t base, size_t size);

/* The allocation goes away. */
void mirror_end(uint64_t base);

/* Send what the host changed since the last time, before work that is posted next. */
CUresult mirror_send_slow(void);
/* The same before the next answer to a host function, without waiting for anything. */
void mirror_push(void);

static inline CUresult mirror_send(void)
{
	return atomic_load_explicit(&mirrors_active, memory_order_acquire) ? mirror_send_slow()
									    : CUDA_SUCCESS;
}

/* Send these bytes as what the host has at @address of the server's. */
void mirror_put(uint64_t address, const void *bytes, size_t size);

/* All of it lies in memory that is mirrored. */
bool mirror_covers(const void *host, size_t size);

/* Kernels changed these bytes. False: nothing is mirrored there. */
bool mirror_received(uint64_t address, const void *data, size_t size);

#endif
