/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef SERVER_CALLS_H
#define SERVER_CALLS_H

#include "session.h"

/* What goes before and after functions of the driver. */
CUresult event_leave(struct request *, Event, Mode);
CUresult mode_check(struct request *, Mode);
CUresult mode_note(struct request *, Mode, size_t);

/* Hand-written halves. */
/* Hand-written on both ends. */
CUresult server_allocate(struct request *q, Address *at, size_t n);
/* An operation between hand-written halves. */
CUresult server_stream_create(struct request *q, uint64_t stream, const int *values, Event event);

#endif
