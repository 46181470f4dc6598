/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies between the client and the GPU. The driver sees only asynchronous
 * copies between staging slots and device memory, on the stream that the
 * native call would use; data for the client is pushed in the order in which
 * the copies complete, and before any notice of that completion.
 */
#ifndef COPY_H
#define COPY_H

#include "context.h"

/*
 * The device's side of a copy whose host side is packed rows: either @bytes at
 * @base, or the box that @box describes (its fields of the host's side unused).
 */
struct copy_shape {
	bool flat;
	CUdeviceptr base;
	uint64_t bytes;
	CUDA_MEMCPY3D box;
};

struct copy_shape copy_flat(CUdeviceptr base, uint64_t bytes);
/* CUDA_ERROR_INVALID_VALUE when the extents overflow. */
CUresult copy_box(const CUDA_MEMCPY3D *box, struct copy_shape *out);

/* Copy @bytes packed bytes at @host, which are those from @offset on of the shape, in or out. */
CUresult shape_issue(const struct copy_shape *c, bool in, uint8_t *host, uint64_t offset,
	uint64_t bytes, CUstream stream);

/* Bytes that are in the frame. Small copies in a row into one stream share a slot, and the event that
 * tells when it is free. */
CUresult copy_in(struct request *q, const struct copy_shape *c, const void *bytes, CUstream stream);
/* That row ends here: before any frame but another of these, and before the dispatcher sleeps. */
void copy_close(struct session *s);
/* At most FETCH_MAX bytes that the client gives as @id when the copy is due. */
CUresult copy_in_fetched(
	struct request *q, const struct copy_shape *c, uint64_t id, CUstream stream);
/* Bytes that come by the lanes, @first their first chunk. */
CUresult copy_in_bulk(
	struct request *q, const struct copy_shape *c, uint64_t first, CUstream stream);
/* To the client's copy @id. If it @waits the answer comes when the data has been pushed
 * (REQUEST_PENDING). */
CUresult copy_out(
	struct request *q, const struct copy_shape *c, uint64_t id, CUstream stream, bool waits);

/* A client that waits for the announcement of bulk data sends them after the answer, so that comes
 * now; what fails later is told as of a call that nobody waits for. */
void copy_accept(struct request *q);
/* The chunks of a transfer that nobody will use, or all of them into @to. */
void copy_collect(struct request *q, uint64_t first, uint64_t bytes, uint8_t *to);

/*
 * Copies to the client that were issued so far, and: of those in @stream, or in @all of @context,
 * the first @issued are known to be complete, though the driver may not say so yet of their events.
 * Seen on driver 580 with threads that load code beside: cuStreamSynchronize returned, and an event
 * recorded in that stream before was not ready.
 */
uint64_t copy_issued(const struct session *s);
/* The same for a wait that says nothing of streams, such as an event's: ask those of the first @issued. */
void copy_recheck(struct session *s, uint64_t issued);
/* Nobody may ask @stream any more. With the polling lock. */
void copy_stream_gone(struct session *s, CUstream stream);
void copy_completed(
	struct session *s, const struct context *context, bool all, CUstream stream, uint64_t issued);

/* Push what has completed and free what it used; true when something moved. */
bool copy_poll(struct session *s);
bool copy_busy(const struct session *s);

struct copies;
int copies_create(struct session *s);
void copies_destroy(struct session *s);

#endif
