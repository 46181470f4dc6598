/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned host memory: giving it back, and noticing that kernels are about to use it. */
#ifndef HOSTMEM_H
#define HOSTMEM_H

#include "memory.h"

/* Unmap an allocation that was taken out of the table of ranges. */
void hostmem_release(const struct memory_range *range);

/* Addresses that both sides have for host memory; 0: no more. And back. */
uint64_t hostmem_take(size_t size);
void hostmem_give(uint64_t base, size_t size);

/* Work that is about to be posted uses this address: pinned memory there is mirrored from now on. */
CUresult hostmem_use(uint64_t address);

/* A launch passes these parameters: pinned memory that they point into is mirrored from now on. */
CUresult hostmem_scan(const void *params, size_t size);

/* The same of bytes that are copied to the device now, and may be a structure whose pointers kernels will
 * follow; many are taken for none. */
CUresult hostmem_scan_copy(const void *bytes, size_t size);

#endif
