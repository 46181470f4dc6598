/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to an NVML worker, with a host library whose functions all
 * return the same. Two bytes choose the call, one the host's result; the rest
 * are the request's values.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "nvml.h"

enum { HEAD = 3, VALUES_MAX = 64 << 10 };

static struct {
	uint8_t frame[FRAME_MAX];
	size_t size, taken;
} input;

static const nvmlReturn_t results[] = {
	NVML_SUCCESS,
	NVML_ERROR_INSUFFICIENT_SIZE,
	NVML_ERROR_NOT_SUPPORTED,
};
static nvmlReturn_t result;

static ssize_t peek(struct connection *c, size_t want, int spin, int timeout, const void **out)
{
	*out = input.frame + input.taken;
	return input.size - input.taken < want ? -1 : (ssize_t)(input.size - input.taken);
}

static void consume(struct connection *c, size_t size)
{
	input.taken += size;
}

static int sent(struct connection *c, const struct iovec *iov, int count)
{
	return 0;
}

static const struct transport transport = {.peek = peek, .consume = consume, .send = sent};

/* In place of every function of the host, whatever its parameters are. */
static nvmlReturn_t answer(void)
{
	return result;
}

static void begin(void)
{
	void *function = (void *)answer;

	for (size_t i = 0; i < nvml_host_name_count; i++)
		memcpy((char *)&nvml_host + nvml_host_names[i].offset, &function, sizeof(function));
	nvml_device_number((nvmlDevice_t)&input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame = {.flags = FRAME_WAITS, .seq = 1};
	static struct nvml_session session;
	size_t row;

	if (size < HEAD || size - HEAD > VALUES_MAX)
		return 0;
	if (!session.frame) {
		begin();
		if (nvml_session_init(&session, &transport, NULL, 0) < 0)
			return 0;
	}
	session.received = 0;
	row = (data[0] | data[1] << 8) % nvml_dispatch_count;
	result = results[data[2] % (sizeof(results) / sizeof(results[0]))];
	frame.opcode = nvml_dispatch[row].opcode;
	frame.size = wire_pad(sizeof(frame) + size - HEAD);
	memset(input.frame, 0, frame.size);
	memcpy(input.frame, &frame, sizeof(frame));
	memcpy(input.frame + sizeof(frame), data + HEAD, size - HEAD);
	input.size = frame.size;
	input.taken = 0;
	nvml_session_serve(&session);
	return 0;
}
