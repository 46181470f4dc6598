/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated handlers do on the server beside decoding. Each of these does
 * nothing once *r or r is an error, so that handlers are straight lines.
 */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "layout.h"
#include "session.h"

/* Zeroed room for @n values; none take no memory, but have an address. */
static inline void *run_room(struct request *q, uint64_t n, size_t size, CUresult *r)
{
	static uint64_t nothing[8];
	void *room = *r ? NULL : n ? request_alloc(q, n, size) : nothing;

	if (!room && !*r)
		*r = CUDA_ERROR_OUT_OF_MEMORY;
	return room;
}

/* An aligned copy of @n values that lie in the frame. */
static inline void *run_copy(struct request *q, const uint8_t *from, uint64_t n, size_t size,
			     CUresult *r)
{
	void *copy = run_room(q, n, size, r);

	if (copy && n)
		memcpy(copy, from, n * size);
	return copy;
}

/* Replace the number of a minted handle at @at by what it stands for. */
static inline void find_minted(struct request *q, enum kind kind, void *at, CUresult *r)
{
	uint64_t id;
	void *real = NULL;

	if (*r)
		return;
	memcpy(&id, at, sizeof(id));
	*r = handle_get(q->session, kind, id, &real);
	memcpy(at, &real, sizeof(real));
}

/* Replace the driver's handle at @at by the number that it was minted under. */
static inline void name_minted(struct request *q, enum kind kind, void *at, CUresult *r)
{
	uint64_t id = 0;
	void *real;

	if (*r)
		return;
	memcpy(&real, at, sizeof(real));
	*r = handle_name(q->session, kind, real, &id);
	memcpy(at, &id, sizeof(id));
}

/* Check that @n handles of the driver's own at @at belong to the session. */
static inline void find_real(struct request *q, enum kind kind, const void *at, uint64_t n,
			     CUresult *r)
{
	uint64_t i, value;
	void *real;

	for (i = 0; i < n && !*r; i++) {
		memcpy(&value, (const char *)at + i * sizeof(value), sizeof(value));
		*r = real_get(q->session, kind, value, &real);
	}
}

/* @n handles of the driver's own at @at belong to the session from now on. */
static inline void add_real(struct request *q, enum kind kind, const void *at, uint64_t n,
			    CUresult *r)
{
	uint64_t i;
	void *real;

	for (i = 0; i < n && !*r; i++) {
		memcpy(&real, (const char *)at + i * sizeof(real), sizeof(real));
		if (real)
			*r = real_add(q->session, kind, real);
	}
}

#endif
