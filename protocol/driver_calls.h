/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's functions by their exported names, as handlers call them.
 */
#ifndef DRIVER_CALLS_H
#define DRIVER_CALLS_H

#include <stddef.h>
#include "calls.h"
#include "cuda_prototypes.h"

/* server/driver.c fills it. A function that the driver lacks answers NOT_SUPPORTED. */
struct driver {
#define MEMBER(name) __typeof__(name) *name;
	DRIVER_CALLS(MEMBER)
#undef MEMBER
};

extern struct driver driver;

struct driver_row {
	const char *name;
	size_t offset; /* of the function's pointer in struct driver */
};

extern const struct driver_row driver_names[];
extern const size_t driver_names_count;

#endif
