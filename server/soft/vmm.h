/* SPDX-License-Identifier: Apache-2.0 */
/* Physical memory that cuMemCreate made or an import brought. */
#ifndef SOFT_VMM_H
#define SOFT_VMM_H

#include "soft.h"

struct memory {
	struct object base; /* counted by handles and mappings */
	unsigned handles;
	struct device *dev;
	size_t size;
	int fd;
	bool own_fd;   /* else a stretch of the device's file */
	bool imported; /* its exporter pays for it */
	uint64_t offset;
	CUmemAllocationProp prop;
};

struct reservation {
	uintptr_t addr;
	size_t size;
	LIST_ENTRY(reservation) link;
};

struct reservation *reservation_find(uint64_t addr);

#endif
