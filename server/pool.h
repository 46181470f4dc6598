/* SPDX-License-Identifier: Apache-2.0 */
/* Stream-ordered memory: the driver's pools, and what it keeps for graphs, charged by what each has
 * reserved from the device. */
#ifndef POOL_H
#define POOL_H

#include "memory.h"

enum {
	POOLS_MAX = 1024,
	GRAPH_MEMORY_MAX = 1 << 16,
};

struct pool {
	CUmemoryPool real;
	CUdevice device;
	uint64_t charged;
	bool ended; /* for the client, which still has memory of it */
};

struct graph_memory {
	uint64_t address, size;
};

struct pools {
	_Atomic uint64_t graphs; /* devices that graphs may have memory of, a bit each */
	pthread_mutex_t lock;	 /* all below */
	uint64_t graphs_charged[SESSION_DEVICES_MAX];
	unsigned count;
	struct pool pool[POOLS_MAX];
	struct graph_memory *graph_memory; /* every one there ever was */
	unsigned graph_memory_count;
};

/* The pool's memory was used or freed; -ENOMEM when it has grown over the limit. */
int pool_account(struct session *s, CUmemoryPool real, CUdevice device);

/* Does this lie in memory that a graph has, though maybe not now? The driver knows of it only while
 * it is there. */
bool graph_memory_has(struct session *s, uint64_t address, uint64_t bytes);

#endif
