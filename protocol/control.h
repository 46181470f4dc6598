/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a connection begins and how session messages travel on it: a prelude of
 * 32 bytes that says what the connection is for, then messages of
 * control.proto, each behind its length (u32, little endian).
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "control.pb-c.h"
#include "transport.h"

#define CONTROL_PORT "7411" /* where a server listens unless told otherwise */

enum {
	CONTROL_MAX = 64 << 10, /* bytes of a message */
	CONTROL_HEADER = 4,	/* bytes of its length */
	PRELUDE_TICKET = 16,
};

enum prelude_role {
	PRELUDE_COMMAND = 0,
	PRELUDE_SIDE = 1,
	PRELUDE_BULK = 2,
};

/* The first bytes of every connection, as they travel. */
struct prelude {
	uint8_t magic[4]; /* "RGPU" */
	uint16_t version; /* WIRE_VERSION */
	uint16_t role;	  /* enum prelude_role */
	uint32_t lane;
	uint32_t zero;
	uint8_t ticket[PRELUDE_TICKET]; /* zero on the command connection of a new session */
};

_Static_assert(sizeof(struct prelude) == 32, "a prelude has 32 bytes on the wire");

/* @ticket may be NULL. */
struct prelude prelude_make(enum prelude_role role, uint32_t lane, const uint8_t *ticket);

/* -EPROTO: not ours, or malformed; -EPROTONOSUPPORT: ours, of another version. */
int prelude_check(const struct prelude *p);

/* Length and message in one buffer, to be freed by the caller. -EMSGSIZE over CONTROL_MAX. */
int control_pack(const ProtobufCMessage *message, uint8_t **out, size_t *size);

/* The message's size out of its length field; -EMSGSIZE over CONTROL_MAX. */
int control_size(const uint8_t header[CONTROL_HEADER], size_t *size);

/* The message's own bytes, decoded; freed by its free_unpacked. -EBADMSG when they are not one. */
int control_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
	ProtobufCMessage **out);

/* One message each way, blocking. Receiving waits at most as long as a server may take to start
 * a worker, then -ETIMEDOUT. */
int control_send(const struct transport *t, struct connection *c, const ProtobufCMessage *message);
int control_recv(const struct transport *t, struct connection *c,
	const ProtobufCMessageDescriptor *type, ProtobufCMessage **out);

#endif
