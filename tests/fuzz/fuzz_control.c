/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both ends read before a session exists: a prelude, a length and a message
 * of control.proto. The first byte chooses the message; what was understood is
 * packed and read again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "fuzz.h"

static const ProtobufCMessageDescriptor *const types[] = {
	&control__hello__descriptor,
	&control__answer__descriptor,
	&control__assign__descriptor,
	&control__report__descriptor,
};

static void pack_again(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message)
{
	ProtobufCMessage *copy;
	uint8_t *bytes;
	size_t size, length;

	if (control_pack(message, &bytes, &size) < 0)
		return;
	assert(control_size(bytes, &length) == 0 && length + CONTROL_HEADER == size);
	/* May fail: the library keeps what it does not know as it came. */
	if (control_unpack(type, bytes + CONTROL_HEADER, length, &copy) == 0)
		protobuf_c_message_free_unpacked(copy, NULL);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *message;
	struct prelude prelude;
	size_t length;

	if (size >= sizeof(prelude)) {
		memcpy(&prelude, data, sizeof(prelude));
		prelude_check(&prelude);
	}
	if (size < 1 + CONTROL_HEADER)
		return 0;
	type = types[data[0] % (sizeof(types) / sizeof(*types))];
	if (control_size(data + 1, &length) == 0 && length <= size - 1 - CONTROL_HEADER &&
		control_unpack(type, data + 1 + CONTROL_HEADER, length, &message) == 0) {
		pack_again(type, message);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	return 0;
}
