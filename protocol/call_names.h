/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that follow from the spec and belong to neither end alone.
 */
#ifndef CALL_NAMES_H
#define CALL_NAMES_H

#include <stdint.h>

/* What an opcode is called, for logs; "?" for one that does not exist. */
const char *call_name(uint16_t opcode);

/* Both ends must be built from the same spec. */
extern const uint64_t spec_hash;

/* Exported functions, as the statistics number them; twins share one number. */
extern const char *const call_index_name[];
extern const unsigned call_index_count;

/* The CUresult for an invalid handle, by enum kind. */
extern const int kind_error[];

#endif
