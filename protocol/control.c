/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See control.h. Whatever comes from the peer is checked for its size before
 * anything is allocated for it.
 */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum {
	ANSWER_TIMEOUT_US = 90 * 1000 * 1000,
};

static const uint8_t prelude_magic[4] = {'R', 'G', 'P', 'U'};

struct prelude prelude_make(enum prelude_role role, uint32_t lane, const uint8_t *ticket)
{
	struct prelude p = {.version = WIRE_VERSION, .role = role, .lane = lane};

	memcpy(p.magic, prelude_magic, sizeof(p.magic));
	if (ticket)
		memcpy(p.ticket, ticket, sizeof(p.ticket));
	return p;
}

int prelude_check(const struct prelude *p)
{
	if (memcmp(p->magic, prelude_magic, sizeof(p->magic)))
		return -EPROTO;
	if (p->version != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	return p->role > PRELUDE_BULK || p->zero ? -EPROTO : 0;
}

int control_pack(const ProtobufCMessage *message, uint8_t **out, size_t *size)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint32_t length = n;
	uint8_t *buffer;

	if (n > CONTROL_MAX)
		return -EMSGSIZE;
	buffer = malloc(CONTROL_HEADER + n);
	if (!buffer)
		return -ENOMEM;

	memcpy(buffer, &length, CONTROL_HEADER);
	protobuf_c_message_pack(message, buffer + CONTROL_HEADER);
	*out = buffer;
	*size = CONTROL_HEADER + n;
	return 0;
}

int control_size(const uint8_t header[CONTROL_HEADER], size_t *size)
{
	uint32_t length;

	memcpy(&length, header, sizeof(length));
	if (length > CONTROL_MAX)
		return -EMSGSIZE;
	*size = length;
	return 0;
}

int control_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
	ProtobufCMessage **out)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, size, bytes);

	if (!message)
		return -EBADMSG;
	*out = message;
	return 0;
}

int control_send(const struct transport *t, struct connection *c, const ProtobufCMessage *message)
{
	struct iovec iov;
	uint8_t *buffer;
	int err;

	err = control_pack(message, &buffer, &iov.iov_len);
	if (err)
		return err;
	iov.iov_base = buffer;
	err = t->send(c, &iov, 1);
	free(buffer);
	return err;
}

/* Peeked, not received: recv has no time limit. */
static int wait_for(const struct transport *t, struct connection *c, size_t want, const void **out)
{
	ssize_t n = t->peek(c, want, 0, ANSWER_TIMEOUT_US, out);

	if (n == -EAGAIN)
		return -ETIMEDOUT;
	return n < 0 ? n : 0;
}

int control_recv(const struct transport *t, struct connection *c,
	const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
	uint8_t header[CONTROL_HEADER];
	const void *bytes;
	uint8_t *copy;
	size_t size;
	int err;

	err = wait_for(t, c, CONTROL_HEADER, &bytes);
	if (err)
		return err;
	memcpy(header, bytes, CONTROL_HEADER);
	t->consume(c, CONTROL_HEADER);
	err = control_size(header, &size);
	if (!err)
		err = wait_for(t, c, size, &bytes);
	if (err)
		return err;

	/* A copy, since a peer that shares the memory could change what was already checked. */
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	t->consume(c, size);
	err = control_unpack(type, copy, size, out);
	free(copy);
	return err;
}
