/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host functions: the driver calls our trampoline in stream order; it asks the
 * client to run the function and waits until the side connection says that it
 * has. Nothing else in the worker uses the driver's host functions.
 */
#ifndef HOSTFUNC_H
#define HOSTFUNC_H

#include "state.h"

int hostfuncs_create(struct session *s);
/* The trampoline and its argument for a graph's node; NULL when there are too many or @id is taken.
 * It stays until it is dropped, as no node has it, or gone, as none can call it any more. */
CUhostFn hostfunc_node(struct session *s, uint64_t id, void **data);
void hostfunc_drop(struct session *s, uint64_t id);
/* In any thread. */
void hostfunc_gone(struct session *s, uint64_t id);
/* The client is asked for the end of an object once, when the driver says so, in any thread. False:
 * there are too many, or @id is taken. */
bool hostfunc_add_end(struct session *s, uint64_t id);
void hostfunc_end(struct session *s, uint64_t id);
/* The function of a node that hostfunc_node made; 0: not one. */
uint64_t hostfunc_node_id(CUhostFn fn, const void *data);

/* Those that the driver asks for: note them before copies are polled, ask the client after. */
void hostfunc_query(struct session *s);
bool hostfunc_poll(struct session *s);
bool hostfunc_busy(struct session *s);

/* Room for bytes of the client; an array ends with size 0. */
struct fetch_room {
	uint8_t *to;
	size_t size;
};

/* Enqueue a wait for bytes that the client gives as @id when they are due. Takes over @room, from
 * malloc; what it points to must stay until then. */
CUresult hostfunc_fetch(struct session *s, CUstream stream, uint64_t id, struct fetch_room *room);

/* The side thread: the next bytes of @id have come. */
void hostfunc_bytes(struct session *s, uint64_t id, const uint8_t *bytes, size_t size);
/* The side thread: the client has run @id. */
void hostfunc_done(struct session *s, uint64_t id);

#endif
