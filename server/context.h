/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's contexts: the driver's context behind each minted id, what
 * failed in it unseen, its streams and the worker's spare events. A primary
 * context keeps its id over resets; context_release ends one life of it.
 */
#ifndef SERVER_CONTEXT_H
#define SERVER_CONTEXT_H

#include "state.h"

struct stream;
LIST_HEAD(streams, stream);

struct context_seen {
	uint32_t thread;
	uint32_t birth; /* which of those with that number */
	uint32_t count; /* failures that this client thread was told */
};

struct context {
	LIST_ENTRY(context) link;
	STAILQ_ENTRY(context) ended;
	struct session *session;
	uint64_t id;
	CUcontext real;
	CUdevice device;
	bool primary;
	_Atomic bool ending;	/* see context_hold */
	_Atomic unsigned users; /* requests, pendings and copies under way */
	CUevent probe;		/* complete; see fault.h. NULL: none */
	CUresult fault;		/* the watch found that, and tells the client */

	pthread_mutex_t lock; /* all below */
	_Atomic uint32_t failures;
	CUresult failure; /* the last */
	struct context_seen *seen;
	size_t seen_count, seen_room;
	struct streams streams;
	/* Comes after the work that streams had when they were destroyed or captured; NULL: none had. */
	CUstream left;
	CUevent *spare;
	size_t spare_count, spare_room;
};

/* NULL: no such context. Contexts stay readable to the process's end, and one that has ended is
 * itself until many others have. */
struct context *context_find(struct session *s, uint64_t id);
CUresult context_add(struct session *s, uint64_t id, CUcontext real, CUdevice device, bool primary,
	struct context **out);
/* Keep it from ending until it is let go; false when its end has begun. Who holds one does not wait
 * for the end of any. */
bool context_hold(struct context *c);
void context_let_go(struct context *c);
/* The next after @c that does not end; it is held, and @c is let go. NULL: the first, or none. */
struct context *context_next(struct session *s, struct context *c);
/* It is no longer found; its work is waited for, then all of it but the driver's context is ended.
 * Not in the dispatcher. */
void context_end(struct context *c);

/* Make it current on this thread, if it is not. */
CUresult context_use(CUcontext real);
/* A context was destroyed: it is current nowhere. */
void context_forget(void);

/* @thread issues calls here: it is not told what failed before. A number comes again with another
 * thread, of another @birth. */
void context_meet(struct context *c, uint32_t thread, uint32_t birth);
void context_fail(struct context *c, CUresult r);
/* A failure that @thread was not told yet, or CUDA_SUCCESS; told now. */
CUresult context_failure(struct context *c, uint32_t thread);

/* Events without timing, for the worker's own use in this context, which is current. */
CUresult context_event(struct context *c, CUevent *out);
void context_event_done(struct context *c, CUevent e);
/* One that is not ready yet: it is the last to be used again. */
void context_event_later(struct context *c, CUevent e);

/* No context of the session has work. */
bool context_idle_all(struct session *s);

/*
 * All work that a context had when the barrier began, or was marked. Streams
 * that are being captured, and the legacy stream while that would end a
 * capture, are left alone: what they had before is with those that left.
 */
struct barrier {
	struct context *context;
	CUstream *stream;
	size_t streams, idle; /* the first @idle of them are, or have an event */
	CUevent *event;
	size_t count, room;
	bool captured; /* some are */
	CUresult error;
};

void barrier_begin(struct barrier *b, struct context *c);
/* Without driver calls: ask the streams as they are, until a mark before there may be more work, or
 * other streams. */
void barrier_watch(struct barrier *b, struct context *c);
void barrier_mark(struct barrier *b);
/* CUDA_ERROR_NOT_READY until all of it is done. */
CUresult barrier_poll(struct barrier *b);
void barrier_end(struct barrier *b);

#endif
