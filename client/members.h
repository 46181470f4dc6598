/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a module or a library holds: its functions (a library's are kernels) and
 * its global variables, by name. A NULL module gives INVALID_HANDLE, so that
 * callers pass on what they looked up.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <stddef.h>
#include "cuda_types.h"

struct function;
struct module;

/* The lock of all lists of modules and functions; the calls below take it unless they say
 * otherwise. */
void members_lock(void);
void members_unlock(void);

/* The handle of the function, or kernel, called @name. */
CUresult members_function(struct module *m, const char *name, void **out);

/* The function that stands for @kernel in @m, a module of its library. Called with the lock held.
 */
CUresult members_of_kernel(struct module *m, struct function *kernel, struct function **out);

/* All of them: how many; the first @room handles; each in turn, called without the lock. */
CUresult members_count(struct module *m, unsigned *count);
CUresult members_list(struct module *m, void **to, unsigned room);
CUresult members_each(struct module *m, void (*each)(void *user, CUfunction), void *user);

/* @m is unloaded: handles of its functions are stale from now on. Called with the lock held. */
void members_forget(struct module *m);

/* A variable's address in the current context and its size; either output may be NULL. */
CUresult members_global(struct module *m, const char *name, CUdeviceptr *dptr, size_t *bytes);

#endif
