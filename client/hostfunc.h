/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host functions: enqueued on the server's stream, called here when it asks,
 * in a thread of ours, one after the other as the driver does.
 *
 * A copy to the device whose source such a function may still write is fetched
 * when it is due: the server asks for its bytes as it asks for a function, and
 * another thread of ours sends them, since functions may wait for one another.
 */
#ifndef HOSTFUNC_H
#define HOSTFUNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cuda_types.h"

/* Remember a function until the server calls it; @repeats for graphs, whose nodes run again and
 * again. 0: out of memory. */
uint64_t hostfunc_add(CUhostFn fn, void *user, bool repeats);
/* Remember what is to be fetched, @height rows of @width bytes at @source, which stay the caller's. */
uint64_t hostfunc_add_fetch(const void *source, size_t width, size_t height, size_t pitch);
/* An id that a graph keeps; @gone is called when none does any more, by the thread that receives.
 */
uint64_t hostfunc_add_kept(void (*gone)(void *user), void *user);
/* What ends an object of the application, called once, in a thread for ends only: nothing waits for
 * them. */
uint64_t hostfunc_add_end(CUhostFn fn, void *user);
void hostfunc_remove(uint64_t id);
/* No graph calls @id any more. */
void hostfunc_gone(uint64_t id);

/* What @id stands for; false: nothing any more. */
bool hostfunc_describe(uint64_t id, CUhostFn *fn, void **user);

/* The server wants @id run now, once @pushes lane chunks have arrived; a callback is told @status. False:
 * there is none. */
bool hostfunc_requested(uint64_t id, uint32_t pushes, CUresult status);

/* The lowest id of a function that has not finished, UINT64_MAX when all have; ids only rise. */
uint64_t hostfunc_oldest(void);
/* Graphs have host functions, which may run at any time that one of them does. */
bool hostfunc_in_graphs(void);

int hostfunc_start(void);

#endif
