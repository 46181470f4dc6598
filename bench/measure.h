/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of one library, in a process of its own: opens the library, takes
 * samples, and writes lines of text for the parent:
 *
 *   library PATH | device NAME | driver NUMBER
 *   result NAME UNIT-BYTES COUNT NANOSECONDS...
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	SIZES_MAX = 16,
	NAME_SIZE = 48,
};

struct plan {
	bool bandwidth; /* else latency */
	size_t sizes[SIZES_MAX];
	unsigned size_count;
};

/* The exit status of the child: 0, or 1 after saying on stderr what failed. */
int measure(const struct plan *plan, const char *path, FILE *out);

#endif
