/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's types and the prototypes of its functions, which the spec gives. */
#ifndef SOFT_TYPES_H
#define SOFT_TYPES_H

#pragma GCC visibility push(default)
#include "cuda_prototypes.h"
#pragma GCC visibility pop

#endif
