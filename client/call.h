/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every driver call goes through on the client.
 *
 * The exported cu* functions are generated; a call that the spec marks
 * `local` or `custom` continues in a hand-written client_NAME() of the same
 * prototype. Both use wire_NAME() functions, generated too, which validate
 * nothing: they encode, post or wait, and decode.
 *
 *   r = call_begin(&c, OP_X, payload_size, flags);  takes the stream's lock
 *   if (r) return r;
 *   put_u64(&c.out, ...);                           exactly payload_size bytes
 *   return call_post(&c);                           or:
 *   r = call_wait(&c);                              releases the lock, sends, waits
 *   if (r == CUDA_SUCCESS) ... get_u64(&c.in) ...
 *   return call_end(&c, r);                         frees the reply
 */
#ifndef CALL_H
#define CALL_H

#include "cuda_types.h"
#include "wire.h"

struct thread;
struct waiter;

struct call {
	uint8_t *out;	 /* where the next value goes; between begin and post or wait */
	uint8_t *frame;	 /* the frame that is being written */
	struct cursor in; /* the reply's payload; between wait and end */
	struct thread *thread;
	uint64_t seq;
	size_t size;
	uint16_t opcode;
	void *reply;	 /* owned, freed by call_end; NULL when it fitted in small */
	uint8_t small[256];
};

enum {
	CALL_NO_CONTEXT = 1, /* is allowed without a current context */
	CALL_NO_WORK = 2,    /* makes no work that a synchronisation would wait for */
	CALL_NOTHING = -1001 /* as a CUresult of what goes before a call: it is good without sending */
};

/*
 * Start a frame with @payload bytes of values. Fails, holding no lock, with
 * NOT_INITIALIZED before cuInit and in a forked child, NOT_PERMITTED inside a
 * host function, INVALID_CONTEXT without a current context, the context's
 * sticky error, or the error of a lost connection.
 */
CUresult call_begin(struct call *c, uint16_t opcode, size_t payload, unsigned flags);

/* Send without waiting: CUDA_SUCCESS, or under RGPU_SYNC=1 the call's own result. */
CUresult call_post(struct call *c);

/* Send and wait for the reply; its result. */
CUresult call_wait(struct call *c);

/* After call_wait: free the reply. Gives CUDA_ERROR_UNKNOWN instead of success when the reply
 * was malformed (c->in.bad), else @r. */
CUresult call_end(struct call *c, CUresult r);

/*
 * Ask what the same question answered before, or else the server: @key are the payload bytes of the
 * request, @answer those of the reply, which has exactly @answer_size. Answers are kept per context
 * until call_flush(), which calls that change them make.
 */
CUresult call_cached(uint16_t opcode, const void *key, size_t key_size, void *answer,
	size_t answer_size, unsigned flags);
void call_flush(void);

/* The state checks of call_begin for functions that are answered locally. */
CUresult call_check(unsigned flags);
/* The same of a call in the current context, whose arguments are @good. */
CUresult call_argument(bool good);

/* Per-thread default streams: _ptds and _ptsz twins run between these two. What was in force
 * before is returned and given back. */
unsigned call_default_stream(unsigned handle);

/* Start the thread that sends posted frames; say goodbye, sending all that was posted. */
int call_start(void);
void call_goodbye(void);

/* RGPU_STATS: stubs bracket their work with these when call_stats is set. */
extern bool call_stats;
uint64_t call_stats_enter(void);
void call_stats_leave(unsigned index, uint64_t entered, CUresult result);

#endif
