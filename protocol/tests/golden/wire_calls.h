/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef WIRE_CALLS_H
#define WIRE_CALLS_H

#include "cuda_types.h"

CUresult wire_setAsync(Address at, unsigned char value, size_t n, uint64_t stream);
CUresult wire_limit(size_t *value, Mode mode);
CUresult wire_setLimit(Mode mode, size_t value);
CUresult wire_eventTime(float *time, uint64_t start, uint64_t end);
CUresult wire_eventOf(uint64_t node, Event *event);
CUresult wire_graphDestroy(uint64_t graph);
CUresult wire_nodes(uint64_t graph, Node *nodes, size_t *count);
CUresult wire_make(Graph *graph, const Config *config, Result *outcome, const char *name, char
		*log, size_t size);
CUresult wire_attribute(Attribute which, void *value);
CUresult wire_encode(Box *box, unsigned int rank, void *base, const int *corner);
CUresult wire_allocate(Address *at, size_t n);
/* An operation between hand-written halves. */
CUresult wire_stream_create(uint64_t stream, const int *values, uint64_t event);
/* An operation that the driver's own function serves. */
CUresult wire_limit_range(size_t *value);
/* The same, with arguments of its own. */
CUresult wire_event_plain(Mode mode, uint64_t event);
/* The same, with a constant. */
CUresult wire_mode_reset(size_t value);
/* The end of what the one before made. */
CUresult wire_event_end(uint64_t event, Mode mode);
/* A handle whose number is given up when that fails. */
CUresult wire_event_awaited(Mode mode, uint64_t event);

#endif
