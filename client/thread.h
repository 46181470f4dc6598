/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to one application thread: its context stack, its default streams, its capture mode. */
#ifndef THREAD_H
#define THREAD_H

#include <stdbool.h>
#include "cuda_types.h"

struct context;
struct stream;

enum { THREAD_STACK = 64 };

/* The stream that CU_STREAM_PER_THREAD means in one context. */
struct thread_stream {
	struct thread_stream *next;
	struct context *context;
	unsigned life;
	struct stream *stream;
};

struct thread {
	struct thread *next; /* of all */
	unsigned id;	     /* on the wire; another thread's after this one has ended */
	unsigned birth;	     /* no other thread's */
	unsigned depth; /* of the context stack */
	struct context *stack[THREAD_STACK];
	struct stream *uses;	      /* that the frame to come names; see stream_use */
	unsigned default_stream;      /* what handle 0 means: 1 legacy, 2 per thread */
	bool in_host_function;	      /* CUDA calls are not permitted */
	CUstreamCaptureMode capture_mode;
	/* What cuStreamGetCaptureInfo told last: valid until the stream's next call says the
	 * manual, until the thread's say we, which is longer. */
	CUgraphNode *told_nodes;
	CUgraphEdgeData *told_edges;
	size_t told_room;
	struct thread_stream *streams;
};

extern __thread struct thread *thread_pointer;
struct thread *thread_create(void);

/* This thread's state, made on first use; NULL only when memory is exhausted. */
static inline struct thread *thread_self(void)
{
	return thread_pointer ? thread_pointer : thread_create();
}

static inline struct context *thread_context(const struct thread *t)
{
	return t->depth ? t->stack[t->depth - 1] : NULL;
}

/* A thread of the library's own: detached, all signals blocked. 0 or -errno. */
int thread_start(void *(*run)(void *), void *argument);

#endif
