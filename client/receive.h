/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's incoming half: replies find the thread that waits for them,
 * everything else is acted on by whichever thread happens to receive it.
 *
 * There is no receiving thread while somebody waits: a waiting thread receives
 * for all, which saves a thread switch per round trip. A background thread
 * looks now and then only while something may arrive unasked (host functions,
 * copies out that nobody waits for).
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdatomic.h>
#include <stdint.h>
#include "cuda_types.h"

struct call;

enum { WAITER_PENDING, WAITER_DONE, WAITER_RECEIVE };

/* One thread that waits for the reply to frame `seq`. */
struct waiter {
	struct waiter *next;
	struct call *call;
	uint64_t seq;
	CUresult result;
	uint32_t pushes;    /* lane chunks that must have arrived before it acts */
	_Atomic uint32_t state;
};

/* Announce a waiter before its frame is sent. */
void receive_expect(struct waiter *w);

/* Wait for the reply and for the data that it announces. */
void receive_wait(struct waiter *w);

/* Something may arrive unasked: +1 before it is asked for, -1 when it came. */
void receive_unasked(int change);

/* Wait until the lanes have delivered @wanted chunks. */
void receive_chunks(uint32_t wanted);

/* Wait until all has had its effect that the server sent before the next chunk of @lane: chunks with lower
 * numbers, and so many frames. That never waits for what came later, so threads do not wait in circles. */
void receive_before(unsigned lane, uint32_t frames);

/* A lane delivered one more chunk. */
void receive_chunk_arrived(unsigned lane);

int receive_start(void);

/* Everyone who waits gets @result; the session is over. */
void receive_fail(CUresult result);

#endif
