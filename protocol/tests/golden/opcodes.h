/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef OPCODES_H
#define OPCODES_H

enum opcode {
	OP_setAsync = 0x0100,
	OP_limit = 0x0101,
	OP_setLimit = 0x0102,
	OP_eventCreate = 0x0103,
	OP_eventDestroy = 0x0104,
	OP_nodes = 0x0106,
	OP_make = 0x0107,
	OP_attribute = 0x0108,
	OP_encode = 0x0109,
	OP_allocate = 0x0110,
	OP_stream_create = 0x0111,
	OP_limit_range = 0x0112,
	OP_event_plain = 0x0113,
	OP_mode_reset = 0x0114,
};

#endif
