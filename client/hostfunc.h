/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host functions: enqueued on the server's stream, called here when it asks,
 * in a thread of ours, one after the other as the driver does.
 */
#ifndef HOSTFUNC_H
#define HOSTFUNC_H

#include <stdbool.h>
#include <stdint.h>
#include "cuda_types.h"

/* Remember a function until the server calls it; @repeats for graphs, whose nodes run again and
 * again. 0: out of memory. */
uint64_t hostfunc_add(CUhostFn fn, void *user, bool repeats);
void hostfunc_remove(uint64_t id);

/* What @id stands for; false: nothing any more. */
bool hostfunc_describe(uint64_t id, CUhostFn *fn, void **user);

/* The server wants function @id run now. False: there is none. */
bool hostfunc_requested(uint64_t id);

/* Host functions that have not finished: what they will write is not known yet. */
bool hostfunc_outstanding(void);

int hostfunc_start(void);

#endif
