/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of handles of the spec.
 */
#ifndef KINDS_H
#define KINDS_H

#include "calls.h"

#define KIND(name, error) KIND_##name,
enum kind { KIND_NONE, KINDS(KIND) KIND_COUNT };
#undef KIND

#endif
