/* SPDX-License-Identifier: Apache-2.0 */
/* See call_names.h: tables from the lists of calls.h. */
#include "call_names.h"
#include "kinds.h"
#include "opcodes.h"

#define NAME_OF_OPCODE(name, opcode, ...)                                                          \
	case OP_##name:                                                                            \
		return #name;
#define NAME(name) #name,
#define ERROR_OF_KIND(name, error) [KIND_##name] = (error),

const uint64_t spec_hash = SPEC_HASH;

const char *call_name(uint16_t opcode)
{
	switch (opcode) {
		OPCODES(NAME_OF_OPCODE)
	default:
		return "?";
	}
}

const char *const call_index_name[] = {FUNCTIONS(NAME)};

const unsigned call_index_count = sizeof(call_index_name) / sizeof(call_index_name[0]);

const int kind_error[] = {KINDS(ERROR_OF_KIND)};
