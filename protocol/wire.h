/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command stream's frames and the cursors that read and write them.
 *
 * A session has one ordered stream of frames in each direction. A frame is a
 * header and a payload, padded to a multiple of 8 bytes, little endian. Values
 * in a payload are packed without padding, in the order that the generated
 * layout gives; they are moved by memcpy, so alignment is nobody's concern.
 * A reading cursor's errors stick: after the first short read every get
 * returns zero and `bad` stays set. See README.md beside this file.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	WIRE_VERSION = 5,
	FRAME_MAX = 1 << 20,	      /* bytes of a whole frame */
	FRAME_INLINE_MAX = 256 << 10, /* bulk bytes carried in a frame; more goes by lanes */
	BULK_CHUNK = 1 << 20,	      /* most bytes of a chunk on a lane; see bulk_chunk */
	BULK_CHUNK_UNIT = 64 << 10,
	FETCH_MAX = 64 << 20,	/* bytes of a copy that is fetched when it is due */
	FRAME_OP_CALL = 0x0100, /* first opcode of the spec; below: session frames */
};

/*
 * Session frames, both directions. bytes[] stands for u32 size, u32 zero and
 * the bytes, since frames are padded.
 */
enum frame_op {
	FRAME_THREAD = 0x01,  /* c->s: thread u32, birth u32, context u64: who issues what follows;
			       * threads that follow one another may have one number, and are
			       * born apart */
	FRAME_GOODBYE = 0x02, /* c->s: execute what came before, then end */
	FRAME_HOST_DONE = 0x03,	 /* c->s on the side connection: id u64 of a host function */
	FRAME_HEARTBEAT = 0x04,	 /* c->s on the side connection: zero u64 */
	FRAME_HOST_BYTES = 0x05, /* c->s on the side connection: id u64, bytes[]: the next of a copy
				  * that was asked for as a host function is */
	FRAME_MIRROR_WRITE = 0x06, /* c->s on the side connection: address u64, bytes[]: mapped host
				    * memory that the host wrote */
	FRAME_REPLY = 0x10,	/* s->c: seq u64 of the request, result i32, pushes u32, payload */
	FRAME_HOST_CALL = 0x11, /* s->c: id u64, pushes u32, result i32: run this host function now;
				 * a callback is told the result */
	FRAME_DATA = 0x12,	/* s->c: copy id u64, offset u64, size u32, pushes u32, bytes:
				 * device-to-host data, after so many chunks of the lanes;
				 * offset UINT64_MAX: that copy failed, nothing will come */
	FRAME_OUTPUT = 0x13,	/* s->c: u32 size, u32 1 for stdout or 2 for stderr, bytes[] that
				   kernels printed */
	FRAME_MIRROR = 0x14, /* s->c: address u64, bytes[]: mapped host memory that kernels wrote */
	FRAME_EXECUTED = 0x15, /* s->c: seq u64: every frame up to this one was executed */
	FRAME_FATAL =
		0x16, /* s->c: result i32, pad u32, text (to the end, zero padded): session over */
	FRAME_HOST_GONE =
		0x17, /* s->c: id u64 of a graph's host function that will not be called again */
	FRAME_FAILED = 0x18, /* s->c: opcode u32, result i32: of a call that nobody waits for */
	FRAME_FAULT = 0x19,  /* s->c: context u64, result i32, zero u32: work in it failed on the
			      * device, which ended it */
};

enum {
	FRAME_WAITS = 1, /* the sender waits for a FRAME_REPLY with this frame's seq */
};

struct frame {
	uint32_t size;	 /* bytes, header included, multiple of 8 */
	uint16_t opcode; /* enum frame_op, or an opcode of the spec */
	uint16_t flags;
	uint64_t seq;	 /* 1, 2, 3, ... in each direction */
};

/* Bytes of each chunk, the last one apart, of a transfer of @bytes over so many lanes: small ones use
 * all lanes too. Both ends count by it; never 0, whatever the other one announces. */
static inline uint32_t bulk_chunk(uint64_t bytes, unsigned lanes)
{
	uint64_t units = bytes / lanes / BULK_CHUNK_UNIT + (bytes / lanes % BULK_CHUNK_UNIT != 0);

	if (units >= BULK_CHUNK / BULK_CHUNK_UNIT)
		return BULK_CHUNK;
	return units ? units * BULK_CHUNK_UNIT : BULK_CHUNK_UNIT;
}

/* Before every chunk on a bulk lane towards the server. */
struct lane_header {
	uint64_t number; /* of the session's chunks */
	uint32_t size;
	uint32_t zero;
};

/* Before every chunk on a bulk lane towards the client. */
struct lane_data {
	uint64_t copy; /* id that the client gave the copy */
	uint64_t offset;
	uint32_t size;
	uint32_t frames; /* that came before it on the command connection, modulo 2^32 */
};

struct cursor {
	const uint8_t *pos;
	const uint8_t *end;
	bool bad;
};

static inline size_t wire_pad(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Borrow @n bytes; NULL and bad when fewer are left. n == 0 gives a valid pointer. */
static inline const uint8_t *get_bytes(struct cursor *c, size_t n)
{
	const uint8_t *p = c->pos;

	if ((size_t)(c->end - c->pos) < n) {
		c->bad = true;
		c->pos = c->end;
		return NULL;
	}
	c->pos += n;
	return p;
}

static inline void get_value(struct cursor *c, void *out, size_t n)
{
	const uint8_t *p = get_bytes(c, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

static inline uint8_t get_u8(struct cursor *c)
{
	uint8_t v;

	get_value(c, &v, sizeof(v));
	return v;
}

static inline uint32_t get_u32(struct cursor *c)
{
	uint32_t v;

	get_value(c, &v, sizeof(v));
	return v;
}

static inline uint64_t get_u64(struct cursor *c)
{
	uint64_t v;

	get_value(c, &v, sizeof(v));
	return v;
}

/* Writers go to room that was reserved for the exact size; the caller knows it. */
static inline void put_bytes(uint8_t **out, const void *p, size_t n)
{
	if (n)
		memcpy(*out, p, n);
	*out += n;
}

static inline void put_u8(uint8_t **out, uint8_t v)
{
	put_bytes(out, &v, sizeof(v));
}

static inline void put_u32(uint8_t **out, uint32_t v)
{
	put_bytes(out, &v, sizeof(v));
}

static inline void put_u64(uint8_t **out, uint64_t v)
{
	put_bytes(out, &v, sizeof(v));
}

#endif
