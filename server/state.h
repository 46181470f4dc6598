/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's own picture of its session; session.h is what generated code
 * may see of it. A worker serves one session in its life.
 *
 * Threads: the dispatcher (worker_main's thread) executes frames and polls
 * what is under way; the watch polls while the driver holds the dispatcher, and
 * finds faults, of each of which a thread of its own tells the client; helpers
 * execute calls that block; the side thread and the lanes' threads never touch
 * the driver; the driver's own threads enter only in hostfunc.c, kept.c and
 * userobject.c.
 * Guards are named beside what they guard.
 */
#ifndef STATE_H
#define STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/queue.h>

#include "driver_calls.h"
#include "handles.h"
#include "session.h"
#include "transport.h"

enum {
	SESSION_LANES_MAX = 8,
	SESSION_HELPERS_MAX = 64,
	SESSION_REQUEST_BYTES = 256 << 20, /* request_alloc and helpers' queues, all together */
	SESSION_IMAGE_BYTES = 1 << 30,	   /* images on their way */
	SESSION_HEARTBEAT_S = 30,	   /* silence on the side connection that means death */
	SESSION_DEVICES_MAX = 64,
	SESSION_WAITS_MAX = 16384,	   /* calls that wait at once: of so many client threads */
	SESSION_FAILURES_LOGGED = 100,
	SESSION_FAILURES_SHOWN = 3, /* to the client */
};

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

struct bulk;
struct copies;
struct context;
struct helpers;
struct hostfuncs;
struct images;
struct kept;
struct memory;
struct mirror;
struct output;
struct pending;
struct staging;
struct user_objects;

TAILQ_HEAD(pendings, pending);
LIST_HEAD(contexts, context);
STAILQ_HEAD(ended_contexts, context);

struct session {
	struct connection *command;
	uint64_t id;
	CUcontext warm; /* device 0's primary context, until the client retains it */
	struct handles handles;

	/* Sending half of the command connection. */
	pthread_mutex_t sending;
	_Atomic uint64_t sent;	 /* frames */
	bool unflushed;		 /* guarded by sending */
	_Atomic uint32_t pushes; /* chunks handed to lanes, modulo 2^32 */

	/* Dispatcher only. */
	uint64_t received; /* seq of the last frame */
	uint64_t acked;	   /* seq of the last FRAME_EXECUTED */
	size_t acked_bytes;
	uint32_t thread;
	uint64_t context_id;
	uint64_t over; /* when the command connection was found to have ended, in us */

	/* Side thread reads what the dispatcher writes. */
	_Atomic uint64_t progress;
	_Atomic bool ending;

	/* Held by who asks what is under way and tells the client: the dispatcher, or the watch,
	 * which makes no driver call but queries. */
	pthread_mutex_t polling;
	bool watched; /* guarded by polling: the watch holds it */
	_Atomic uint64_t polls;		/* the dispatcher's */
	_Atomic uint32_t watch_asleep;

	pthread_mutex_t state; /* contexts, streams' list, memory, images */
	struct contexts contexts;
	struct ended_contexts ended; /* oldest first, to be used again */
	unsigned ended_count;
	unsigned contexts_made;

	pthread_mutex_t pending_lock;
	struct pendings pendings;
	_Atomic unsigned pending_count;

	struct bulk *bulk;
	struct copies *copies;
	struct helpers *helpers;
	struct hostfuncs *hostfuncs;
	struct images *images;
	struct kept *kept;
	struct memory *memory;
	struct mirror *mirror;
	struct output *output;
	struct staging *staging;
	struct user_objects *user_objects;
	_Atomic size_t request_bytes;
	_Atomic uint64_t failures; /* of calls that nobody waits for */
};

/* A request as the worker executes it: more than its handler may see. */
struct block;
struct serving {
	struct request q;
	uint8_t *scratch; /* zeroed room for small request_allocs */
	size_t scratch_used, scratch_size;
	struct block *blocks; /* larger ones */
	uint8_t *discard;     /* a reply that nobody waits for */
	size_t reply_size;
	bool answered;
};

/* Execute one call whose frame was checked; -EPROTO when it was malformed. */
int serving_execute(struct serving *v);
int serving_init(struct serving *v, struct session *s);
void serving_fini(struct serving *v);
/* The context of the request that this thread executes, and holds; NULL: none. */
extern __thread struct context *serving_context;
/* Hold @c, too, while the request is executed; false when its end has begun. */
bool serving_hold(struct context *c);
/* The context of what the request names, its own if that says none. */
struct context *serving_named(void);
/* The request uses no context any more. */
void serving_let_go(void);
/* True in a helper thread, whose answers are sent at once. */
extern __thread bool serving_helper;
/* request_done for a request that was copied. */
int request_answer(const struct request *q, CUresult r);
/* The identity of a request, for an answer after its handler returned. */
void request_copy(struct request *to, const struct request *from);

/* Frames to the client. frame_begin takes the sending lock and gives room for @payload bytes,
 * NULL (lock released) once the client is gone; frame_end releases it. */
uint8_t *frame_begin(struct session *s, uint16_t opcode, size_t payload);
int frame_end(struct session *s, uint16_t opcode, size_t payload, bool flush);
int session_flush(struct session *s);

/* The session is over: tell the client why, and end the process. */
_Noreturn void session_fatal(struct session *s, CUresult r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The client is gone; nothing is told. */
_Noreturn void session_gone(struct session *s, const char *why);

/* The dispatcher: returns only by session_fatal or session_gone. */
_Noreturn void session_run(struct session *s);
/* Executes all whole frames of @data; the bytes used, or -EPROTO with *why. For session_run and
 * the fuzzer. */
ssize_t session_feed(
	struct session *s, struct serving *v, const uint8_t *data, size_t size, const char **why);
/* There is something to poll. */
bool session_busy(struct session *s);
/* What a dispatcher that waits does meanwhile: completions, host functions, pushes. True when
 * something moved. Dispatcher only. */
bool session_poll(struct session *s);
/* The same for the watch, as far as no driver call but queries is needed. */
bool session_watch(struct session *s);
/* For who waits in a frame: lets other things go on. True when nothing moved for long; *@since is when
 * it last did, 0 at first. Ends the session when the client ended the command connection some time ago,
 * since what it announced will not come then. Dispatcher only. */
bool session_stalled(struct request *q, uint64_t *since);
/* Before a completion is told outside of a pending: send the data that it announces. */
void session_notice(struct session *s);

int session_init(struct session *s);

#endif
