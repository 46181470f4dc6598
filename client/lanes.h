/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk lanes: large transfers travel beside the command stream, cut into
 * chunks of at most BULK_CHUNK bytes. Chunk number n of the session goes on lane
 * n % lanes, in the order in which the frames that announce them were posted.
 */
#ifndef LANES_H
#define LANES_H

#include <stddef.h>
#include <stdint.h>
#include "cuda_types.h"

/* A transfer that is on its way out. */
struct lane_transfer {
	_Atomic uint32_t left; /* chunks not sent yet */
};

/* Announces a transfer whose first chunk has number @first_chunk: posts the frame. */
typedef CUresult lane_announce(void *argument, uint64_t first_chunk);

/* Announce and send @size bytes at @data, in one order with other transfers. Returns when the bytes
 * are the caller's again. */
CUresult lanes_send(const void *data, size_t size, lane_announce *announce, void *argument);

int lanes_start(void);

#endif
