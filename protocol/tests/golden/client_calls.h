/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef CLIENT_CALLS_H
#define CLIENT_CALLS_H

#include "cuda_types.h"

/* What a handle is on the wire, or the error for it. */
CUresult stream_check(Stream handle, uint64_t *wire);

/* What goes before a call is sent, and after it was good. */
CUresult mode_set(Mode);
CUresult set_check(Address, size_t, size_t);

/* Hand-written halves. */
CUresult client_eventCreate(Event *event, unsigned int flags);
CUresult client_eventDestroy(Event event);
CUresult client_version(int *version);
CUresult client_allocate(Address *at, size_t n);

/* Generated halves, for those that call another function of the interface. */
CUresult stub_setAsync(Address at, unsigned char value, size_t n, Stream stream);
CUresult stub_set_v2(Address at, unsigned char value, size_t n);
CUresult stub_limit(size_t *value, Mode mode);
CUresult stub_setLimit(Mode mode, size_t value);
CUresult stub_eventTime(float *time, Event start, Event end);
CUresult stub_eventOf(Node node, Event *event);
CUresult stub_graphDestroy(Graph graph);
CUresult stub_nodes(Graph graph, Node *nodes, size_t *count);
CUresult stub_make(Graph *graph, const Config *config, Result *outcome, const char *name, char
		*log, size_t size);
CUresult stub_attribute(Attribute which, void *value);
CUresult stub_encode(Box *box, unsigned int rank, void *base, const int *corner);

#endif
