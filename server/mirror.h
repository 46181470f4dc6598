/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory of the client that kernels use: mapped here at the same address,
 * inside the agreed band, and pinned. The client sends what it changed before
 * work that may read it; what kernels changed goes back before a completion
 * that makes it visible. What is not said otherwise is the dispatcher's only.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include "context.h"

int mirror_create(struct session *s, uint64_t base, uint64_t size);

/* The side thread: the client wrote this. */
void mirror_write(struct session *s, uint64_t address, const uint8_t *data, size_t n);
/* All of the @bytes at @address are mirrored. */
bool mirror_has(struct session *s, uint64_t address, uint64_t bytes);
/* Send what changed here since it was last the same. */
void mirror_forward(struct session *s);
/* Pinned memory ends with its context; it can be pinned again in another. */
void mirror_unpin(struct session *s, struct context *c);

#endif
