/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the examples do about errors: say which call failed and why, and end
 * the program with exit status 1.
 */
#ifndef CHECK_H
#define CHECK_H

#include <cuda.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(call) check_result((call), #call)

static inline void check_result(CUresult r, const char *call)
{
	const char *name = NULL, *text = NULL;

	if (r == CUDA_SUCCESS)
		return;
	cuGetErrorName(r, &name);
	cuGetErrorString(r, &text);
	fprintf(stderr, "%s: %s (%d): %s\n", call, name ? name : "unknown error", (int)r,
		text ? text : "no description");
	exit(1);
}

#endif
