/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef DRIVER_CALLS_H
#define DRIVER_CALLS_H

#include <stddef.h>
#include "cuda_types.h"

/* The driver's functions by their exported names; server/driver.c fills it. A function that the
 * driver lacks answers NOT_SUPPORTED. */
struct driver {
	CUresult (CUDAAPI *setAsync)(Address at, unsigned char value, size_t n, Stream stream);
	CUresult (CUDAAPI *set_v2)(Address at, unsigned char value, size_t n);
	CUresult (CUDAAPI *limit)(size_t *value, Mode mode);
	CUresult (CUDAAPI *setLimit)(Mode mode, size_t value);
	CUresult (CUDAAPI *eventCreate)(Event *event, unsigned int flags);
	CUresult (CUDAAPI *eventDestroy)(Event event);
	CUresult (CUDAAPI *nodes)(Graph graph, Node *nodes, size_t *count);
	CUresult (CUDAAPI *make)(Graph *graph, const Config *config, Result *result, const char *name,
		char *log, size_t size);
	CUresult (CUDAAPI *attribute)(Attribute which, void *value);
	CUresult (CUDAAPI *encode)(Box *box, unsigned int rank, void *base, const int *corner);
	CUresult (CUDAAPI *version)(int *version);
	CUresult (CUDAAPI *allocate)(Address *at, size_t n);
	CUresult (CUDAAPI *onlyServer)(int value);
};

extern struct driver driver;

struct driver_row {
	const char *name;
	size_t offset; /* of the function's pointer in struct driver */
};

extern const struct driver_row driver_names[];
extern const size_t driver_names_count;

#endif
