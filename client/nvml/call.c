/* SPDX-License-Identifier: Apache-2.0 */
/* See call.h. A device's handle is its number on the wire with a mark, so that an invented one is
 * an invalid argument here or on the server, and never followed. */
#include "nvml/call.h"

#include <stdlib.h>
#include <string.h>

#include "nvml/session.h"

#define DEVICE_MARK 0x6e766d6c00000000ull
#define DEVICE_MASK 0xffffffff00000000ull

enum { TEXT_MAX = 4096 };

static void fail(struct nvml_call *c, nvmlReturn_t result)
{
	if (c->result == NVML_SUCCESS)
		c->result = result;
}

void nvml_begin(struct nvml_call *c, uint16_t opcode, unsigned flags)
{
	c->opcode = opcode;
	c->flags = flags;
	c->capacity = c->count = 0;
	c->out = c->small;
	c->size = 0;
	c->room = sizeof(c->small);
	memset(&c->in, 0, sizeof(c->in));
	session_lock();
	c->result = session_check();
}

void nvml_need(struct nvml_call *c, const void *pointer)
{
	if (!pointer)
		fail(c, NVML_ERROR_INVALID_ARGUMENT);
}

bool nvml_call(struct nvml_call *c)
{
	if (c->result != NVML_SUCCESS)
		return false;
	if (c->flags & NVML_CACHED && cache_find(c->opcode, c->out, c->size, &c->in))
		return true;
	c->result = session_exchange(c->opcode, c->out, c->size, &c->in);
	if (c->result != NVML_SUCCESS)
		return false;
	if (c->flags & NVML_CACHED)
		cache_add(c->opcode, c->out, c->size, &c->in);
	return true;
}

nvmlReturn_t nvml_end(struct nvml_call *c)
{
	if (c->in.bad)
		fail(c, NVML_ERROR_UNKNOWN);
	session_unlock();
	if (c->out != c->small)
		free(c->out);
	return c->result;
}

nvmlReturn_t nvml_refuse(nvmlReturn_t result)
{
	nvmlReturn_t r;

	session_lock();
	r = session_check();
	session_unlock();
	return r != NVML_SUCCESS ? r : result;
}

/* ---- requests ---- */

static bool make_room(struct nvml_call *c, size_t size)
{
	size_t room = c->room;
	uint8_t *out;

	while (room - c->size < size)
		room *= 2;
	if (room == c->room)
		return true;
	out = malloc(room);
	if (!out)
		return false;
	memcpy(out, c->out, c->size);
	if (c->out != c->small)
		free(c->out);
	c->out = out;
	c->room = room;
	return true;
}

void nvml_put(struct nvml_call *c, const void *value, size_t size)
{
	if (c->result != NVML_SUCCESS)
		return;
	if (c->size + size > NVML_TRANSFER_MAX) {
		fail(c, NVML_ERROR_INVALID_ARGUMENT);
	} else if (!make_room(c, size)) {
		fail(c, NVML_ERROR_MEMORY);
	} else {
		memcpy(c->out + c->size, value, size);
		c->size += size;
	}
}

void nvml_put_device(struct nvml_call *c, nvmlDevice_t device)
{
	uint64_t handle = (uintptr_t)device;
	uint32_t number = (uint32_t)handle;

	if ((handle & DEVICE_MASK) != DEVICE_MARK)
		fail(c, NVML_ERROR_INVALID_ARGUMENT);
	nvml_put(c, &number, sizeof(number));
}

void nvml_put_text(struct nvml_call *c, const char *text)
{
	uint32_t length;

	if (c->result != NVML_SUCCESS)
		return;
	length = strnlen(text, TEXT_MAX);
	if (length == TEXT_MAX)
		fail(c, NVML_ERROR_INVALID_ARGUMENT);
	nvml_put(c, &length, sizeof(length));
	nvml_put(c, text, length);
}

void nvml_put_array(struct nvml_call *c, const void *array, long long count, size_t size)
{
	nvml_check_room(c, count, size);
	if (c->result == NVML_SUCCESS)
		nvml_put(c, array, count * size);
}

void nvml_put_flag(struct nvml_call *c, bool flag)
{
	uint8_t byte = flag;

	nvml_put(c, &byte, sizeof(byte));
}

void nvml_put_versioned(struct nvml_call *c, const void *value, size_t max)
{
	uint32_t size;

	if (c->result != NVML_SUCCESS)
		return;
	memcpy(&size, value, sizeof(size));
	size &= 0xffffff;
	if (size < sizeof(size) || size > max)
		fail(c, NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	nvml_put(c, &size, sizeof(size));
	nvml_put(c, value, size);
}

void nvml_put_count(struct nvml_call *c, const unsigned *count, size_t size)
{
	if (c->result != NVML_SUCCESS)
		return;
	c->capacity = *count < NVML_TRANSFER_MAX / size ? *count : NVML_TRANSFER_MAX / size;
	nvml_put(c, &c->capacity, sizeof(c->capacity));
}

void nvml_check_room(struct nvml_call *c, long long count, size_t size)
{
	if (count < 0 || count > (long long)(NVML_TRANSFER_MAX / size))
		fail(c, NVML_ERROR_INVALID_ARGUMENT);
}

/* ---- replies ---- */

void nvml_get(struct nvml_call *c, void *value, size_t size)
{
	const uint8_t *bytes = get_bytes(&c->in, size);

	if (bytes)
		memcpy(value, bytes, size);
}

static nvmlDevice_t device_of(uint32_t number)
{
	return (nvmlDevice_t)(uintptr_t)(DEVICE_MARK | number);
}

void nvml_get_device(struct nvml_call *c, nvmlDevice_t *device)
{
	uint32_t number = get_u32(&c->in);

	if (!c->in.bad)
		*device = device_of(number);
}

void nvml_get_string(struct nvml_call *c, char *text, size_t room)
{
	uint32_t length = get_u32(&c->in);
	const uint8_t *bytes = get_bytes(&c->in, length);

	if (!bytes || length >= room) {
		c->in.bad = true;
		return;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
}

void nvml_get_versioned(struct nvml_call *c, void *value)
{
	uint32_t size = get_u32(&c->in), mine;
	const uint8_t *bytes = get_bytes(&c->in, size);

	memcpy(&mine, value, sizeof(mine));
	if (!bytes || size != (mine & 0xffffff))
		c->in.bad = true;
	else
		memcpy(value, bytes, size);
}

void nvml_get_count(struct nvml_call *c, unsigned *count)
{
	uint32_t n = get_u32(&c->in);

	if (c->in.bad)
		return;
	*count = n;
	c->count = n < c->capacity ? n : c->capacity;
}

void nvml_get_list(struct nvml_call *c, void *list, size_t size)
{
	if (list && !c->in.bad)
		nvml_get(c, list, c->count * size);
}

void nvml_get_devices(struct nvml_call *c, nvmlDevice_t *list)
{
	for (unsigned i = 0; list && i < c->count; i++)
		nvml_get_device(c, &list[i]);
}

void nvml_get_needed(struct nvml_call *c, unsigned *count)
{
	if (c->result == NVML_ERROR_INSUFFICIENT_SIZE)
		nvml_get_count(c, count);
}
