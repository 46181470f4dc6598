/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory that data passes on its way to and from the GPU: one mapping,
 * pinned for the GPU while a context lives that can pin it, cut into slots of
 * a few sizes. Taking and giving is the dispatcher's and the lanes'.
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
};

struct slot {
	uint8_t *bytes;
	uint32_t size;
	uint32_t index;
	struct slot *next;
};

int staging_create(struct staging **out);
void staging_destroy(struct staging *st);

/* Pin it with what is current on this thread, unless it is pinned; 0 or -EIO (copies still work,
 * slowly). @context is whose end unpins it, NULL for the worker's own. */
int staging_pin(struct staging *st, struct context *context);
/* Before the context that pinned it ends. */
void staging_unpin(struct staging *st, struct context *context);

/* A slot with room for @size bytes, at most STAGING_LARGE; NULL: all in use. */
struct slot *staging_take(struct staging *st, size_t size);
/* A slot of BULK_CHUNK for data to the client; NULL: all in use. */
struct slot *staging_take_out(struct staging *st);
void staging_give(struct staging *st, struct slot *slot);
/* The fixed slots that the lanes receive into. */
struct slot *staging_in(struct staging *st, unsigned index);

#endif
