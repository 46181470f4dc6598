/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that libraries attach to contexts: (context, key) -> value.
 *
 * CUDA runtimes look theirs up before nearly every call that they make, so a
 * repeated lookup costs a few nanoseconds and takes no lock. Values die with
 * their context: see storage_context_gone. In all calls a NULL context means
 * the calling thread's current one.
 */
#ifndef STORAGE_H
#define STORAGE_H

#include "cuda_types.h"

typedef void storage_destructor(CUcontext context, void *key, void *value);

/* INVALID_HANDLE when the key has a value already, as the driver says. @destructor may be NULL. */
CUresult storage_put(CUcontext context, void *key, void *value, storage_destructor *destructor);

/* Detach without calling the destructor. INVALID_HANDLE when there is nothing. */
CUresult storage_remove(CUcontext context, void *key);

/* INVALID_CONTEXT without a current context, INVALID_HANDLE when there is nothing. */
CUresult storage_get(void **value, CUcontext context, void *key);

/*
 * The context was destroyed, or reset: forget its values and call their
 * destructors, in the calling thread and with no lock held. They may use storage.
 */
void storage_context_gone(CUcontext context);

#endif
