/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadows of the driver's objects, named by handles that the client mints.
 *
 * A minted handle is a number that looks like a pointer to no memory of ours:
 * kind, generation and index. A stale, foreign or invented handle is found out
 * by looking it up, never by following it. Shadows live in tables that only
 * grow; destroying one bumps its generation and reuses its place, so a race
 * in the application can get a wrong answer but not a crash.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include <stdatomic.h>
#include "cuda_types.h"
#include "kinds.h" /* generated: enum kind { KIND_CUcontext, ... KIND_COUNT } */

struct object {
	_Atomic uint64_t handle; /* 0: free */
	uint32_t index;
};

/* The shadow behind a minted handle; NULL if there is none of that kind. */
struct object *object_get(enum kind kind, const void *handle);

/* A new shadow with a fresh handle, zeroed apart from struct object; NULL: out of memory. */
struct object *object_create(enum kind kind);
void object_destroy(enum kind kind, struct object *o);
/* Call @each for every shadow of @kind; it may destroy it. */
void object_each(enum kind kind, void (*each)(struct object *o, void *user), void *user);

/*
 * What generated stubs call for a handle argument; 0 on the wire stands for NULL.
 * Declared in the spec per kind (`check NAME`), so that a stream can resolve its
 * special values and a function accept a kernel: CUresult NAME(T handle, uint64_t *wire).
 */

#endif
