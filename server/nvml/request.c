/* SPDX-License-Identifier: Apache-2.0 */
/* How values leave a request and enter a reply; see nvml.h. */
#include <stdlib.h>
#include <string.h>

#include "nvml.h"

static void fail(struct nvml_request *q, nvmlReturn_t result)
{
	if (q->result == NVML_SUCCESS)
		q->result = result;
}

/* ---- requests ---- */

void nvml_take(struct nvml_request *q, void *value, size_t size)
{
	get_value(&q->in, value, size);
}

nvmlDevice_t nvml_take_device(struct nvml_request *q)
{
	uint32_t number = get_u32(&q->in);
	nvmlDevice_t device = NULL;

	if (!q->in.bad && !nvml_device_find(number, &device))
		fail(q, NVML_ERROR_INVALID_ARGUMENT);
	return device;
}

/* Zeroed, and never NULL while the request is good: libraries take NULL for a question. */
void *nvml_room(struct nvml_request *q, long long count, size_t size)
{
	size_t left = NVML_REQUEST_ROOM - q->used;
	uint8_t *room = q->session->room + q->used;

	if (q->in.bad)
		return NULL;
	if (count < 0 || (unsigned long long)count > left / size) {
		fail(q, NVML_ERROR_INSUFFICIENT_RESOURCES);
		return NULL;
	}
	memset(room, 0, count * size);
	q->used += (count * size + 15) & ~(size_t)15;
	if (q->used > NVML_REQUEST_ROOM)
		q->used = NVML_REQUEST_ROOM;
	return room;
}

const char *nvml_take_text(struct nvml_request *q)
{
	uint32_t length = get_u32(&q->in);
	const uint8_t *bytes = get_bytes(&q->in, length);
	char *text = bytes ? nvml_room(q, (long long)length + 1, 1) : NULL;

	if (text)
		memcpy(text, bytes, length);
	return text;
}

void *nvml_take_array(struct nvml_request *q, long long count, size_t size)
{
	const uint8_t *bytes;
	void *array;

	if (count < 0 || count > FRAME_MAX) {
		q->in.bad = true;
		return NULL;
	}
	bytes = get_bytes(&q->in, count * size);
	array = nvml_room(q, count, size);
	if (bytes && array)
		memcpy(array, bytes, count * size);
	return array;
}

/* The library writes as much as the version says; @max bytes are there whatever it says. */
void *nvml_take_versioned(struct nvml_request *q, size_t max)
{
	uint32_t size = get_u32(&q->in), version;
	const uint8_t *bytes = get_bytes(&q->in, size);
	void *room;

	if (!bytes || size < sizeof(version) || size > max) {
		q->in.bad = true;
		return NULL;
	}
	memcpy(&version, bytes, sizeof(version));
	if ((version & 0xffffff) != size)
		q->in.bad = true;
	room = nvml_room(q, max, 1);
	if (room)
		memcpy(room, bytes, size);
	return room;
}

unsigned nvml_take_count(struct nvml_request *q)
{
	q->capacity = get_u32(&q->in);
	return q->capacity;
}

void *nvml_take_list(struct nvml_request *q, size_t size)
{
	return get_u8(&q->in) ? nvml_room(q, q->capacity, size) : NULL;
}

/* Frames are padded with up to seven bytes of zero, which no value is. */
static bool at_end(const struct cursor *c)
{
	static const uint8_t zero[8];
	size_t left = c->end - c->pos;

	return left < sizeof(zero) && !memcmp(c->pos, zero, left);
}

bool nvml_ready(struct nvml_request *q)
{
	if (!at_end(&q->in))
		q->in.bad = true;
	return !q->in.bad && q->result == NVML_SUCCESS;
}

/* ---- replies ---- */

bool nvml_answers(struct nvml_request *q)
{
	return !q->in.bad && q->result == NVML_SUCCESS;
}

/* What a reply holds was counted against the room of its request, which is smaller than a frame. */
void nvml_give(struct nvml_request *q, const void *value, size_t size)
{
	if (size > (size_t)(q->end - q->out)) {
		q->result = NVML_ERROR_INSUFFICIENT_RESOURCES;
		return;
	}
	put_bytes(&q->out, value, size);
}

void nvml_give_device(struct nvml_request *q, nvmlDevice_t device)
{
	uint32_t number = nvml_device_number(device);

	if (number == UINT32_MAX)
		q->result = NVML_ERROR_INSUFFICIENT_RESOURCES;
	nvml_give(q, &number, sizeof(number));
}

void nvml_give_string(struct nvml_request *q, const char *text, size_t room)
{
	uint32_t length = strnlen(text, room);

	if (room && length == room)
		length--;
	nvml_give(q, &length, sizeof(length));
	nvml_give(q, text, length);
}

void nvml_give_versioned(struct nvml_request *q, const void *value)
{
	uint32_t size;

	memcpy(&size, value, sizeof(size));
	size &= 0xffffff;
	nvml_give(q, &size, sizeof(size));
	nvml_give(q, value, size);
}

void nvml_give_count(struct nvml_request *q, unsigned count)
{
	q->count = count < q->capacity ? count : q->capacity;
	nvml_give(q, &count, sizeof(count));
}

void nvml_give_list(struct nvml_request *q, const void *list, size_t size)
{
	if (list)
		nvml_give(q, list, q->count * size);
}

void nvml_give_devices(struct nvml_request *q, nvmlDevice_t *list)
{
	for (unsigned i = 0; list && i < q->count; i++)
		nvml_give_device(q, list[i]);
}
