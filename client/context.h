/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadow contexts. A primary context has one handle for the life of the
 * process, whether active or not; `life` counts its resets, so that objects of
 * an earlier life are known to be gone.
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include "object.h"
#include "stream.h"

/* Flags that contexts may be made with. */
bool context_flags_good(unsigned flags);

struct context {
	struct object object;
	CUdevice device;
	bool primary;
	_Atomic bool active;
	_Atomic unsigned life;
	unsigned flags;
	unsigned refs;		  /* retains and usage counts; not a primary one: begins with 1 */
	uint64_t id;		  /* unique for ever in this process */
	_Atomic CUresult sticky;  /* fatal error of the context */
	_Atomic uint64_t posted;  /* frames that may have made work */
	_Atomic uint64_t legacy_mark; /* of these, up to the last that named the legacy stream */
	_Atomic uint64_t synced;  /* of those, known to have completed */
	_Atomic unsigned nonblocking; /* non-blocking streams of this life */
	_Atomic uint64_t left;	  /* of those posted, up to the last that one left behind */
	_Atomic uint64_t taint;	  /* the highest of its blocking streams; see stream_taint */
	struct stream legacy;	  /* its default stream */
};

static inline CUcontext context_handle(struct context *c)
{
	return c ? (CUcontext)(uintptr_t)atomic_load_explicit(&c->object.handle,
			   memory_order_relaxed)
		 : NULL;
}

/* The context behind a handle, active or not; NULL: none. */
struct context *context_get(CUcontext handle);

/* The context of the calling thread; NULL: none. */
struct context *context_self(void);
CUcontext context_current(void);

/* A primary context's handle, without retaining or activating it. */
CUresult context_primary_handle(CUdevice device, CUcontext *out);

/* For generated stubs: a context that lives. */
CUresult context_check(CUcontext handle, uint64_t *wire);

/* A number that no other context ever had; 0 for a handle that is none. NULL: the current one. */
uint64_t context_id(CUcontext handle);

/* @r came of a call in @c, or of its work: one that ends a context stays, the first of them. */
void context_fault(struct context *c, CUresult r);

/* Wait for all work of the calling thread's context, which captures there do not mind. */
CUresult context_drain(void);
/* And for that of all others, whose failures are told there. */
CUresult context_drain_all(void);
/* Of what was posted in @c, the first @mark frames are known to be complete. */
void context_completed(struct context *c, uint64_t mark);

/* cuCtxCreate's work for all its forms: makes a context and pushes it. */
CUresult context_create(CUcontext *out, unsigned flags, CUdevice device);

/* Make @c the calling thread's current context. */
CUresult context_push(struct context *c);

/* A shadow that has no life yet; NULL: out of memory. */
struct context *context_new(CUdevice device, bool is_primary);

/* A context begins a life, in which nothing of an earlier one is valid; the server is told by the
 * caller. */
void context_begin_life(struct context *c);

/* End it: values attached to it are destroyed, its memory is gone. The server is told; then the numbers
 * of what was in it are free again. */
CUresult context_release(struct context *c);

/* For calls that name a device: that the session can be used, and has it. */
CUresult context_device(CUdevice device);

#endif
