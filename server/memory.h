/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device memory of the session. All addresses come from its arena, which both
 * sides know; memory behind them is the driver's, by the calls for virtual
 * memory. Allocations belong to their context and end with it.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "arena.h"
#include "context.h"

enum {
	MEMORY_GRANULE = 512,	    /* of small allocations, as natively */
	MEMORY_SLAB = 2 << 20,	    /* the granularity of the driver's mappings */
	MEMORY_SMALL = 1 << 20,	    /* smaller ones share a slab */
	MEMORY_COUNT_MAX = 1 << 22, /* allocations of a session */
	MEMORY_FREES_MAX = 4096,    /* that wait for a stream */
};

struct allocation;
struct slab;
LIST_HEAD(allocations, allocation);
LIST_HEAD(slabs, slab);

struct share;
LIST_HEAD(shares, share);

struct memory {
	pthread_mutex_t lock;
	struct arena arena;
	struct allocation **bucket; /* by address */
	size_t buckets, count;
	_Atomic unsigned frees; /* in stream order, under way */
	struct slabs slabs;
	struct shares shares; /* devices that may use another's, see peer.c */
	struct vmm *vmm;
	struct pools *pools;
};

int memory_create(struct session *s, uint64_t base, uint64_t size);

CUresult memory_alloc(struct context *c, uint64_t bytes, CUdeviceptr *out);
/* @address is going to be freed: the context of the allocation there, held, or the current one for
 * memory that is none of @m, as *@ours says. NULL: it is being freed already. */
struct context *memory_leave(struct memory *m, CUdeviceptr address, bool *ours);
/* And nothing uses it any more. */
void memory_end(struct memory *m, CUdeviceptr address);
bool memory_ours(struct memory *m, CUdeviceptr address);
/* The end of @c, which has no work: everything that was allocated in it. */
void memory_free_all(struct session *s, struct context *c);

/* Let @user use all memory that contexts of @owner allocated, or no longer. The lock is held. */
CUresult memory_set_access(
	struct memory *m, CUdevice owner, CUdevice user, CUmemAccess_flags flags);
/* The devices that may use memory of @owner, it among them: descriptors for SESSION_DEVICES_MAX of them. The
 * lock is held. */
unsigned peer_users(const struct memory *m, CUdevice owner, CUmemAccessDesc *out);
/* @c ends: what it and others may use of each other. */
void peer_gone(struct session *s, const struct context *c);

/* Memory of @size bytes on a device, charged; what the driver said, or OUT_OF_MEMORY. */
CUresult memory_physical(CUdevice device, uint64_t size, CUmemGenericAllocationHandle *out);
void memory_physical_free(CUdevice device, uint64_t size, CUmemGenericAllocationHandle handle);

int vmm_create(struct memory *m);
int pools_create(struct memory *m);
/* Bring what pools hold to account: it shrinks behind our back when work completes. */
void pools_account(struct session *s);

#endif
