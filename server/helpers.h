/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for calls that block: one per client thread that makes such calls,
 * made when first needed, at most SESSION_HELPERS_MAX; beyond that they share.
 */
#ifndef HELPERS_H
#define HELPERS_H

#include "state.h"

int helpers_create(struct session *s);
/* Execute a copy of @q in its helper; 0 or -errno. */
int helpers_run(struct session *s, const struct request *q);

#endif
