/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handlers of loads and stores, for the file that chooses among them: by
 * what lies in memory, then by how its place is found.
 */
#ifndef PTX_MEMORY_H
#define PTX_MEMORY_H

#include "ptx_parser.h"

enum access { ACCESS_GLOBAL, ACCESS_SHARED, ACCESS_OTHER, ACCESS_COUNT };

enum loading {
	LOAD_U8, LOAD_S8, LOAD_U16, LOAD_S16, LOAD_32,
	LOAD_U8_LONG, LOAD_S8_LONG, LOAD_U16_LONG, LOAD_S16_LONG, LOAD_U32_LONG, LOAD_S32_LONG,
	LOAD_64, LOAD_COUNT,
};

enum storing {
	STORE_8, STORE_16, STORE_32, STORE_8_LONG, STORE_16_LONG, STORE_32_LONG, STORE_64,
	STORE_COUNT,
};

extern handler *const load_handlers[LOAD_COUNT][ACCESS_COUNT];
extern handler *const store_handlers[STORE_COUNT][ACCESS_COUNT];
handler run_load_uniform, run_load_vector, run_store_vector;

/* Understand the address @t of the instruction: sets a, offset, space, flags. */
void address_parse(struct parser *p, const struct term *t, struct insn *i);
/* Take a state space from the statement's words into @i. */
bool word_take_space(struct parser *p, struct insn *i);
/* Words of memory instructions that change nothing here. */
bool word_take_hint(struct parser *p, struct insn *i);

#endif
