/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What generated encoders and decoders share beside wire.h: runs of values
 * whose number comes from the peer or from an application.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "wire.h"

/* Borrow @n values of @size bytes; NULL and bad when fewer bytes are left. */
static inline const uint8_t *get_run(struct cursor *c, uint64_t n, size_t size)
{
	if (n > (size_t)(c->end - c->pos) / size)
		n = SIZE_MAX / size;
	return get_bytes(c, n * size);
}

/* Borrow a string of @length bytes, its NUL included; NULL for length 0. A length that is not the
 * string's own makes the cursor bad. */
static inline const char *get_string(struct cursor *c, uint32_t length)
{
	const uint8_t *p = get_bytes(c, length);

	if (!length || !p)
		return NULL;
	if (memchr(p, '\0', length) == p + length - 1)
		return (const char *)p;
	c->bad = true;
	return NULL;
}

/* Everything was there and nothing but a frame's padding is left. */
static inline bool get_all(const struct cursor *c)
{
	return !c->bad && c->end - c->pos < 8;
}

/* A payload with @n more values of @size bytes; more than a frame holds stays so. */
static inline size_t run_add(size_t payload, uint64_t n, size_t size)
{
	return n > FRAME_MAX || payload > FRAME_MAX ? FRAME_MAX + 1 : payload + n * size;
}

/* How many values of a run travel when there was room for @room and @n exist. */
static inline uint64_t run_min(uint64_t room, uint64_t n)
{
	return n < room ? n : room;
}

static inline uint32_t string_length(const char *s)
{
	size_t length = s ? strlen(s) + 1 : 0;

	return length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
}

#endif
