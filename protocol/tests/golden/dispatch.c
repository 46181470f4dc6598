/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "dispatch.h"
#include "opcodes.h"

int serve_setAsync(struct request *q);
int serve_limit(struct request *q);
int serve_setLimit(struct request *q);
int serve_eventCreate(struct request *q);
int serve_eventDestroy(struct request *q);
int serve_nodes(struct request *q);
int serve_make(struct request *q);
int serve_attribute(struct request *q);
int serve_encode(struct request *q);
int serve_allocate(struct request *q);
int serve_stream_create(struct request *q);
int serve_limit_range(struct request *q);
int serve_event_plain(struct request *q);
int serve_mode_reset(struct request *q);

static const struct dispatch_row rows[] = {
	[OP_setAsync - FRAME_OP_CALL] = { serve_setAsync, "setAsync",
		0, .stream_at = 17, .event_at = -1 },
	[OP_limit - FRAME_OP_CALL] = { serve_limit, "limit",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_setLimit - FRAME_OP_CALL] = { serve_setLimit, "setLimit",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_eventCreate - FRAME_OP_CALL] = { serve_eventCreate, "eventCreate",
		0, .stream_at = -1, .event_at = 0 },
	[OP_eventDestroy - FRAME_OP_CALL] = { serve_eventDestroy, "eventDestroy",
		0, .stream_at = -1, .event_at = 0 },
	[OP_nodes - FRAME_OP_CALL] = { serve_nodes, "nodes",
		DISPATCH_NO_CONTEXT | DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_make - FRAME_OP_CALL] = { serve_make, "make",
		DISPATCH_BLOCKS | DISPATCH_WAITS, .stream_at = 4, .event_at = -1 },
	[OP_attribute - FRAME_OP_CALL] = { serve_attribute, "attribute",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_encode - FRAME_OP_CALL] = { serve_encode, "encode",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_allocate - FRAME_OP_CALL] = { serve_allocate, "allocate",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_stream_create - FRAME_OP_CALL] = { serve_stream_create, "stream_create",
		0, .stream_at = 0, .event_at = 8 },
	[OP_limit_range - FRAME_OP_CALL] = { serve_limit_range, "limit_range",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
	[OP_event_plain - FRAME_OP_CALL] = { serve_event_plain, "event_plain",
		0, .stream_at = -1, .event_at = 4 },
	[OP_mode_reset - FRAME_OP_CALL] = { serve_mode_reset, "mode_reset",
		DISPATCH_WAITS, .stream_at = -1, .event_at = -1 },
};

const struct dispatch_row *dispatch_find(uint16_t opcode)
{
	size_t i = (size_t)opcode - FRAME_OP_CALL;

	if (opcode < FRAME_OP_CALL || i >= sizeof(rows) / sizeof(rows[0]) || !rows[i].handler)
		return NULL;
	return &rows[i];
}
