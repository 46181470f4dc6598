/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor wants of the generated header, for the server that has
 * a fake worker.
 */
#ifndef CALL_NAMES_H
#define CALL_NAMES_H

#include <stdint.h>

extern const uint64_t spec_hash;

#endif
