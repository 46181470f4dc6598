/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an opcode to the generated handler that serves it.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "session.h"

enum {
	DISPATCH_BLOCKS = 1,	 /* run it on a helper thread */
	DISPATCH_NO_CONTEXT = 2, /* needs no current context */
	DISPATCH_WAITS = 4,	 /* has a reply: the frame must ask for it */
};

struct dispatch_row {
	request_handler *handler;
	const char *name;
	unsigned flags;
	/* Where in the payload a frame names the first stream and the first event, as 8 bytes, also
	 * when it makes them; -1: nowhere. */
	int16_t stream_at;
	int16_t event_at;
};

/* NULL: there is no such opcode. */
const struct dispatch_row *dispatch_find(uint16_t opcode);

#endif
