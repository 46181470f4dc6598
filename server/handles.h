/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handles of a session: minted ones in tables by index (looked up without
 * a lock), the driver's own values in hashed sets. Lookups may run in any
 * thread beside changes; a race in the application gives a wrong answer at
 * worst, never a wild pointer of ours.
 */
#ifndef HANDLES_H
#define HANDLES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "handle.h"
#include "kinds.h"

enum {
	HANDLE_CHUNK = 1024,
	HANDLE_CHUNKS = HANDLE_INDEX_MAX / HANDLE_CHUNK, /* of one kind */
	HANDLE_CHUNKS_MAX = 8192,			 /* of a session */
	REAL_MAX = 4 << 20,				 /* values of a session */
};

struct handle_entry {
	_Atomic uint64_t id; /* 0: free; written last and cleared first */
	void *_Atomic real;
	void *_Atomic state; /* what the worker keeps beside it */
	void *_Atomic owner; /* the driver's module or library that it ends with; a stream's context */
	_Atomic int error;
};

struct handle_chunk;

struct real_set {
	uint64_t *slot; /* open addressing */
	size_t room, used, live;
};

struct handles {
	pthread_mutex_t lock; /* changes, and everything of the sets */
	struct handle_chunk *_Atomic *chunk[KIND_COUNT];
	unsigned chunks;
	size_t reals;
	struct real_set set[KIND_COUNT];
};

int handles_init(struct handles *h);
void handles_fini(struct handles *h);

/* NULL: no such handle. The entry stays readable for ever, whatever becomes of the handle. */
struct handle_entry *handles_find(const struct handles *h, enum kind kind, uint64_t id);
/* -EINVAL: not a handle of that kind; -EEXIST: taken; -ENOMEM: over the limit. */
int handles_set(struct handles *h, enum kind kind, uint64_t id, void *real, int error);
/* Set what the worker keeps beside it, if it is still there. */
void handles_attach(struct handles *h, enum kind kind, uint64_t id, void *state);
/* Likewise, what it ends with. */
void handles_own(struct handles *h, enum kind kind, uint64_t id, void *owner);
void handles_drop(struct handles *h, enum kind kind, uint64_t id);
/* Call @each for every live handle of @kind, without the lock. */
void handles_each(struct handles *h, enum kind kind,
	void (*each)(void *user, uint64_t id, struct handle_entry *e), void *user);

bool handles_real_has(struct handles *h, enum kind kind, uint64_t value);
int handles_real_add(struct handles *h, enum kind kind, uint64_t value);
void handles_real_drop(struct handles *h, enum kind kind, uint64_t value);

#endif
