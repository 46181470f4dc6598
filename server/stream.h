/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of a session that are the worker's concern: for barriers and launch windows. */
#ifndef SERVER_STREAM_H
#define SERVER_STREAM_H

#include "context.h"

struct stream {
	LIST_ENTRY(stream) link; /* of its context */
	struct context *context;
	uint64_t id;
	CUstream real;
};

/* Called with the stream's context current. */
CUresult stream_born(struct session *s, uint64_t id, CUstream real);
void stream_gone(struct session *s, uint64_t id);

/* Is it being captured? STREAM_CAPTURE_IMPLICIT for the legacy stream while a blocking stream of
 * its context is, whose capture its use would end. */
CUresult stream_capturing(CUstream real, bool *capturing);

#endif
