/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "call_names.h"
#include "kinds.h"
#include "opcodes.h"

const uint64_t spec_hash = 0x5b72a884a49cb617;

const char *call_name(uint16_t opcode)
{
	switch (opcode) {
	case OP_setAsync:
		return "setAsync";
	case OP_limit:
		return "limit";
	case OP_setLimit:
		return "setLimit";
	case OP_eventCreate:
		return "eventCreate";
	case OP_eventDestroy:
		return "eventDestroy";
	case OP_nodes:
		return "nodes";
	case OP_make:
		return "make";
	case OP_attribute:
		return "attribute";
	case OP_encode:
		return "encode";
	case OP_allocate:
		return "allocate";
	case OP_stream_create:
		return "stream_create";
	case OP_limit_range:
		return "limit_range";
	case OP_event_plain:
		return "event_plain";
	case OP_mode_reset:
		return "mode_reset";
	default:
		return "?";
	}
}

const char *const call_index_name[] = {
	"setAsync",
	"set_v2",
	"limit",
	"setLimit",
	"eventCreate",
	"eventDestroy",
	"nodes",
	"make",
	"attribute",
	"encode",
	"version",
	"allocate",
	"draw",
};

const unsigned call_index_count = sizeof(call_index_name) / sizeof(call_index_name[0]);

const int kind_error[] = {
	[KIND_Stream] = 400,
	[KIND_Event] = 400,
	[KIND_Graph] = 1,
	[KIND_Node] = 1,
};
