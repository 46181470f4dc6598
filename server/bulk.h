/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bulk lanes. Both directions carry chunks of at most BULK_CHUNK bytes
 * behind a 16-byte header. From the client, chunk n of the session comes on
 * lane n % lanes, so that a frame that announces bytes says all there is to
 * say; to the client chunk n takes lane n % lanes too, and names its copy and
 * offset.
 */
#ifndef BULK_H
#define BULK_H

#include "staging.h"

int bulk_create(struct session *s, unsigned lanes);
/* A lane's connection has come; -EEXIST or -EINVAL when it is not wanted. */
int bulk_attach(struct session *s, unsigned lane, struct connection *c);

/* Bytes of the chunks of a transfer of @bytes, the last one apart. */
uint32_t bulk_size(struct session *s, uint64_t bytes);
/* Count @bytes more that the client has announced: the number of the first of its chunks. */
uint64_t bulk_announce(struct session *s, uint64_t bytes);
/* The slot that chunk @number of @bytes bytes arrived in; NULL: not yet. A chunk that is not as
 * announced, or a lost lane, ends the session. */
struct slot *bulk_arrived(struct session *s, uint64_t number, uint32_t bytes);
/* Its bytes are not needed any more. */
void bulk_release(struct session *s, uint64_t number);
/* Chunk @number has not come for long: if that is for want of room in its lane, make more. */
void bulk_grow(struct session *s, uint64_t number, struct context *context);
/* Wait a little for an arrival. */
void bulk_wait(struct session *s, uint64_t number);

/* Hand a slot of data to the lanes, which give it back when it is sent. */
void bulk_push(
	struct session *s, struct slot *slot, uint64_t copy, uint64_t offset, uint32_t bytes);

#endif
