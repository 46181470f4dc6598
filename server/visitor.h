/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection at the gate, as gate.c and visitor.c share it.
 *
 * A visitor is PRELUDE, then LENGTH and HELLO on a command connection, then
 * WAITING for the owner's decision, or REFUSED: what it still sends is thrown
 * away for a moment, since closing at once would reset the connection and
 * could take the refusal with it. Only WAITING ones are not in the gate's list.
 */
#ifndef VISITOR_H
#define VISITOR_H

#include "gate.h"

enum visitor_state {
	VISITOR_PRELUDE,
	VISITOR_LENGTH,
	VISITOR_HELLO,
	VISITOR_WAITING,
	VISITOR_REFUSED,
	VISITOR_CLOSED,
};

struct visitor {
	struct gate *gate;
	TAILQ_ENTRY(visitor) link;
	enum visitor_state state;
	int fd;
	const char *scheme;
	char peer[80];
	uv_poll_t poll;
	uv_timer_t timer;
	int handles; /* open or closing */
	struct prelude prelude;
	uint8_t length[CONTROL_HEADER];
	uint8_t *body;
	size_t size; /* of the body */
	size_t have; /* bytes of the part being read */
};

/* Takes ownership of @fd on success only. */
int visitor_create(struct gate *g, int fd, const char *scheme);

#endif
