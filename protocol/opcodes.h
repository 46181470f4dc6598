/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opcodes of all that travels, by its name in the spec.
 */
#ifndef OPCODES_H
#define OPCODES_H

#include "calls.h"

#define OPCODE(name, opcode, ...) OP_##name = (opcode),
enum opcode { OPCODES(OPCODE) };
#undef OPCODE

#endif
