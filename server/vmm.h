/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver API's virtual memory calls: reservations are pieces of the arena,
 * memory is charged from its creation until it is neither held nor mapped.
 */
#ifndef VMM_H
#define VMM_H

#include "memory.h"

struct reservation {
	LIST_ENTRY(reservation) link;
	uint64_t address, size;
};

struct physical {
	LIST_ENTRY(physical) link;
	CUmemGenericAllocationHandle handle;
	uint64_t size;
	CUdevice device; /* -1: host memory, not charged */
	unsigned holds;	 /* creation and retains, not released */
	unsigned mapped;
};

struct mapping {
	LIST_ENTRY(mapping) link;
	uint64_t address, size;
	struct physical *memory;
};

struct vmm {
	LIST_HEAD(, reservation) reservations;
	LIST_HEAD(, physical) physicals;
	LIST_HEAD(, mapping) mappings;
	unsigned count;
};

#endif
