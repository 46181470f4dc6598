/* SPDX-License-Identifier: Apache-2.0 */
/* A session: frames in, replies out, in turn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nvml.h"

enum {
	REPLY_HEADER = 16, /* seq, result, pushes */
	SPIN_US = 20,
};

int nvml_session_init(struct nvml_session *s, const struct transport *t, struct connection *c,
	uint64_t memory_limit)
{
	memset(s, 0, sizeof(*s));
	s->transport = t;
	s->connection = c;
	s->memory_limit = memory_limit;
	s->frame = malloc(FRAME_MAX);
	s->room = malloc(NVML_REQUEST_ROOM);
	s->reply = malloc(FRAME_MAX);
	if (s->frame && s->room && s->reply)
		return 0;
	nvml_session_fini(s);
	return -ENOMEM;
}

void nvml_session_fini(struct nvml_session *s)
{
	free(s->frame);
	free(s->room);
	free(s->reply);
}

/* The next frame, copied, since a peer that shares the memory could change what was checked. */
static int receive(struct nvml_session *s, struct frame *frame)
{
	const void *bytes;
	ssize_t n;

	n = s->transport->peek(s->connection, sizeof(*frame), SPIN_US, TRANSPORT_FOREVER, &bytes);
	if (n < 0)
		return n;
	memcpy(frame, bytes, sizeof(*frame));
	if (frame->size < sizeof(*frame) || frame->size > FRAME_MAX || frame->size % 8)
		return -EPROTO;
	n = s->transport->peek(s->connection, frame->size, 0, TRANSPORT_FOREVER, &bytes);
	if (n < 0)
		return n;
	memcpy(s->frame, bytes, frame->size);
	s->transport->consume(s->connection, frame->size);
	return 0;
}

static int answer(struct nvml_session *s, uint64_t seq, const struct nvml_request *q)
{
	struct frame frame = {.opcode = FRAME_REPLY, .seq = ++s->sent};
	bool values = q->result == NVML_SUCCESS || q->result == NVML_ERROR_INSUFFICIENT_SIZE;
	uint8_t *out = s->reply, *end = values ? q->out : s->reply + sizeof(frame) + REPLY_HEADER;
	size_t size = end - s->reply;
	struct iovec iov = {s->reply, wire_pad(size)};

	memset(end, 0, iov.iov_len - size);
	frame.size = iov.iov_len;
	put_bytes(&out, &frame, sizeof(frame));
	put_u64(&out, seq);
	put_u32(&out, q->result);
	put_u32(&out, 0);
	return s->transport->send(s->connection, &iov, 1);
}

static const struct nvml_dispatch_row *find_row(uint16_t opcode)
{
	size_t low = 0, high = nvml_dispatch_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (nvml_dispatch[middle].opcode < opcode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nvml_dispatch_count && nvml_dispatch[low].opcode == opcode
		       ? &nvml_dispatch[low]
		       : NULL;
}

static int serve(struct nvml_session *s, const struct frame *frame)
{
	const struct nvml_dispatch_row *row = find_row(frame->opcode);
	struct nvml_request q = {
		.session = s,
		.in = {s->frame + sizeof(*frame), s->frame + frame->size, false},
		.out = s->reply + sizeof(*frame) + REPLY_HEADER,
		.end = s->reply + FRAME_MAX,
	};

	if (!row || !(frame->flags & FRAME_WAITS) || frame->seq != s->received + 1)
		return -EPROTO;
	s->received = frame->seq;
	row->serve(&q);
	return q.in.bad ? -EPROTO : answer(s, frame->seq, &q);
}

int nvml_session_serve(struct nvml_session *s)
{
	struct frame frame;
	int err;

	for (;;) {
		err = receive(s, &frame);
		if (!err && frame.opcode == FRAME_GOODBYE)
			return 0;
		if (!err)
			err = serve(s, &frame);
		if (err < 0)
			return err == -EPROTO ? err : 0;
	}
}
