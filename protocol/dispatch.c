/* SPDX-License-Identifier: Apache-2.0 */
/* See dispatch.h: the table from the lists of calls.h. */
#include "dispatch.h"
#include "cuda_types.h"
#include "opcodes.h"

#define HANDLER(name, ...) int serve_##name(struct request *q);
#define ROW(name, opcode, ...) [(opcode)-FRAME_OP_CALL] = {serve_##name, #name, __VA_ARGS__},

OPCODES(HANDLER)

static const struct dispatch_row rows[] = {OPCODES(ROW)};

const struct dispatch_row *dispatch_find(uint16_t opcode)
{
	size_t i = (size_t)opcode - FRAME_OP_CALL;

	if (opcode < FRAME_OP_CALL || i >= sizeof(rows) / sizeof(rows[0]) || !rows[i].handler)
		return NULL;
	return &rows[i];
}
