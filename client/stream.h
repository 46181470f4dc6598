/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadow streams. `posted` counts what was sent that names the stream and
 * `synced` how much of that is known to be complete: equal means that a wait
 * needs no round trip. For the legacy default stream the context's count of
 * everything takes the place of `posted`, since that stream waits for others.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include "object.h"

struct capture;
struct context;
struct thread;

struct stream {
	struct object object; /* handle 0 in a legacy default stream */
	struct context *context;
	unsigned life;
	unsigned flags;
	int priority;
	uint64_t id;
	_Atomic uint64_t posted;
	_Atomic uint64_t synced;
	struct capture *_Atomic capture;
	_Atomic uint64_t taint;	   /* the last host function that its work may come after; see hostfunc.h */
	_Atomic unsigned queued;   /* posted so far; see window.h */
	_Atomic bool behind_function; /* the last was a host function */
	struct {
		uint64_t event, mark;
		unsigned life;
	} window[2];
};

/* The shadow that a stream handle means in the calling thread, special handles resolved. */
CUresult stream_find(CUstream handle, struct stream **out);

/* For generated stubs: as stream_find, lets the next frame of this thread count as one that names the
 * stream, enforces capture rules for the legacy stream, and gives the number to send. */
CUresult stream_check(CUstream handle, uint64_t *wire);
CUresult stream_use(struct stream *s, uint64_t *wire);

/* Work that comes after in @s comes after host function @id; and whether what does may still wait for
 * one or for a value: the unfinished ones that it may come after, those of graphs, and any value. */
void stream_taint(struct stream *s, uint64_t id);
bool stream_tainted(struct stream *s);

/* What is sent of @s so far (pass to stream_completed once that is known to be done). */
uint64_t stream_mark(struct stream *s);
void stream_completed(struct stream *s, uint64_t mark);
bool stream_idle(struct stream *s);
/* Nothing is under way that new work in @s would come after: the legacy stream's comes before that of
 * blocking ones. And wait for it, when there may be some. */
bool stream_first(struct stream *s);
CUresult stream_settle(struct stream *s);
/* What cuStreamSynchronize does of a stream that it may be called with. */
CUresult stream_wait(struct stream *s);

/* @s is about to be captured. Frees wait for what it has to do all the same, and for what the legacy
 * stream has, of which nothing is said either while a blocking stream is captured. */
CUresult stream_leave(struct stream *s);

uint64_t stream_new_id(void);

/* The thread that a per-thread stream belonged to has ended. */
void stream_abandon(struct stream *s, unsigned life);

/* A context's life has ended, and the server knows: its streams are gone. */
void stream_context_gone(struct context *c, unsigned life);

/* Ids that cuStreamGetId gives; the private tables ask by object. */
CUresult stream_resolve_object(CUcontext context, CUstream stream, int per_thread, void **object);
uint64_t stream_object_id(void *object);

#endif
