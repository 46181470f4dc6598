/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory that data passes on its way to and from the GPU, pinned while a
 * context lives that can pin it, cut into slots of a few sizes. Taking and
 * giving is the dispatcher's and the lanes'. There is enough for copies that
 * move; behind streams that stand still more is made, up to a limit, since what
 * lets them go on may come behind such a copy.
 */
#ifndef STAGING_H
#define STAGING_H

#include "context.h"

enum {
	STAGING_SMALL = 4 << 10,
	STAGING_MEDIUM = 64 << 10,
	STAGING_LARGE = 256 << 10,
	STAGING_IN_CHUNKS = 32, /* for all lanes together */
	STAGING_OUT_CHUNKS = 16,
	STAGING_GROWN_MAX = 2000 << 20, /* bytes */
};

/* Slots for copies of up to that many bytes; whole chunks for what is issued, and for what the lanes
 * receive. */
enum staging_class {
	STAGING_CLASS_SMALL,
	STAGING_CLASS_MEDIUM,
	STAGING_CLASS_LARGE,
	STAGING_CLASS_CHUNK,
	STAGING_CLASS_IN,
	STAGING_CLASSES,
};

struct slot {
	uint8_t *bytes;
	uint32_t size;
	uint32_t class;
	struct slot *next;
};

int staging_create(struct staging **out);
void staging_destroy(struct staging *st);

/* Pin it with what is current on this thread, unless it is pinned; 0 or -EIO (copies still work,
 * slowly). @context is whose end unpins it, NULL for the worker's own. */
int staging_pin(struct staging *st, struct context *context);
/* Before the context that pinned it ends. */
void staging_unpin(struct staging *st, struct context *context);

/* The class for @size bytes, at most BULK_CHUNK. */
enum staging_class staging_class(size_t size);
/* A slot of @class, or of a larger one up to STAGING_CLASS_LARGE; NULL: all in use. */
struct slot *staging_take(struct staging *st, enum staging_class class);
/* Just of @class. */
struct slot *staging_take_exactly(struct staging *st, enum staging_class class);
void staging_give(struct staging *st, struct slot *slot);
/* More slots of @class, pinned with what is current on this thread. False at the limit. */
bool staging_grow(struct staging *st, enum staging_class class, struct context *context);

#endif
