/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits that are polled instead of blocking in the driver. A server_NAME() that
 * must wait adds one and returns REQUEST_PENDING. Who polls holds the session's
 * polling lock (state.h); hardening is the dispatcher's.
 */
#ifndef PENDING_H
#define PENDING_H

#include "context.h"

struct pending {
	TAILQ_ENTRY(pending) link;
	struct request q;	 /* whose answer it is */
	struct context *context; /* current when the functions below are called; NULL: serving_named */
	/* CUDA_ERROR_NOT_READY while it goes on. NULL: others set done. */
	CUresult (*poll)(struct pending *p);
	/* More frames follow: wait only for what was there before. May be NULL; called once. */
	void (*harden)(struct pending *p);
	/* It is done with p->result, all data that came before is sent: act, answer and free it. */
	void (*finish)(struct pending *p);
	/* What its end says of copies: all of that stream, or of the context, are complete. */
	enum { COVERS_NOTHING, COVERS_STREAM, COVERS_CONTEXT } covers;
	CUstream stream;
	uint64_t issued;   /* copies, when it was added */
	bool acts;	   /* finish makes driver calls that may block */
	bool hardening;	   /* guarded by pending_lock: leave it alone */
	_Atomic bool done; /* result is written before */
	CUresult result;
};

/* Takes over @p and gives REQUEST_PENDING. */
CUresult pending_add(struct session *s, struct pending *p, const struct request *q);

/* For finish functions: forward what kernels printed and wrote to host memory, and answer. */
void pending_reply(struct pending *p, CUresult result);

/* Ask all; true when one is done. */
bool pending_query(struct session *s);
/* Finish those that are done. Those whose finish acts are moved to @acting, for pending_act once the
 * polling lock is given up; without @acting they stay. */
bool pending_answer(struct session *s, struct pendings *acting);
void pending_act(struct pendings *acting);
/* Before a frame is executed. */
void pending_harden(struct session *s);

/* Until @each says false. The caller holds the polling lock. */
void pending_each(
	struct session *s, bool (*each)(struct pending *p, const void *user), const void *user);

#endif
