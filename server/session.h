/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's session: what generated handlers and hand-written server_NAME()
 * halves see of it. One dispatcher thread decodes frames in order; calls that
 * the spec marks `blocks` run on a helper thread of the client thread that
 * waits for them.
 */
#ifndef SESSION_H
#define SESSION_H

#include "cuda_types.h"
#include "kinds.h"
#include "wire.h"

struct session;

/* One frame being served. */
struct request {
	struct session *session;
	uint64_t seq;
	uint16_t opcode;
	bool waits;	     /* the client waits for a reply */
	uint32_t thread;     /* client thread */
	uint64_t context_id; /* minted; 0: none */
	CUcontext context;   /* the driver's; current on this thread */
	struct cursor in;    /* payload left to decode */
	uint8_t *out;	     /* room for the reply's payload, after request_reply */
};

/*
 * What a handler returns: 0 when the request was dealt with (whatever the
 * driver said), -EPROTO for a malformed frame, which ends the session.
 * REQUEST_PENDING from a server_NAME() means that it answers later itself.
 */
typedef int request_handler(struct request *q);

enum {
	REQUEST_PENDING = -1000 /* as a CUresult of server_NAME */
};

/* Minted handles. get: the kind's native error for an unknown, stale or poisoned one; 0 gives NULL.
 * set: @real NULL with @error poisons the handle. */
CUresult handle_get(struct session *s, enum kind kind, uint64_t id, void **real);
CUresult handle_set(struct session *s, enum kind kind, uint64_t id, void *real, CUresult error);
void handle_drop(struct session *s, enum kind kind, uint64_t id);
/* The number under which the driver's handle @real was minted; NOT_FOUND: it has none any more. */
CUresult handle_name(struct session *s, enum kind kind, const void *real, uint64_t *id);

/* Real handles: values of the driver's own, known to belong to this session. 0 is valid and NULL. */
CUresult real_get(struct session *s, enum kind kind, uint64_t value, void **real);
CUresult real_add(struct session *s, enum kind kind, const void *real);
void real_drop(struct session *s, enum kind kind, const void *real);

/* Finish a request that has no results but its CUresult: replies if the client waits, else notes a
 * failure to be told at the thread's next waiting call in that context. */
int request_done(struct request *q, CUresult r);

/* Start the reply of a request with @payload bytes of results at q->out; request_send ends it.
 * When @r is an error, payload must be 0. Takes the sending lock until request_send. */
int request_reply(struct request *q, CUresult r, size_t payload);
int request_send(struct request *q);

/* Zeroed memory that lives until the request is done; NULL (and the request answers
 * OUT_OF_MEMORY) when it is over the session's limit. Buffers sized by the client come from here. */
void *request_alloc(struct request *q, size_t count, size_t size);

#endif
