/* SPDX-License-Identifier: Apache-2.0 */
/* A memory pool; counted by its handle and by each block that it has. */
#ifndef SOFT_POOL_H
#define SOFT_POOL_H

#include "soft.h"

struct pool {
	struct object base;
	struct device *dev;
	LIST_ENTRY(pool) link;
	struct ranges cached; /* free blocks, in no context and not to be found */
	size_t used, used_high, reserved, reserved_high;
	size_t limit;
	uint64_t threshold;
	int reuse[3];
	uint32_t access;
	bool is_default, closed;
};

struct pool *pool_current(struct device *d);

#endif
