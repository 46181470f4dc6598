/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every NVML call that reaches the server goes through: the generated
 * stubs put what they send, call, get what came back, and end.
 *
 *   nvml_begin(&c, OP_X, flags);           takes the session's lock
 *   nvml_need(&c, pointer);                NULL is an invalid argument
 *   nvml_put...(&c, ...);
 *   if (nvml_call(&c))                     sends, waits; true: results to get
 *           nvml_get...(&c, ...);
 *   return nvml_end(&c);                   releases the lock
 *
 * The first error sticks: nothing after it does anything, and end returns it.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "nvml_types.h"
#include "wire.h"

enum {
	NVML_CACHED = 1,	       /* the answer never changes: ask once */
	NVML_TRANSFER_MAX = 512 << 10, /* bytes of the results that a caller may ask for */
};

struct nvml_call {
	nvmlReturn_t result;
	uint16_t opcode;
	unsigned flags;
	unsigned capacity; /* of the caller's counted lists */
	unsigned count;	   /* of what came for them */
	uint8_t *out;	   /* room for the request's values: small, or on the heap */
	size_t size, room;
	struct cursor in; /* the reply's values, owned by the session or its cache */
	uint8_t small[256];
};

void nvml_begin(struct nvml_call *c, uint16_t opcode, unsigned flags);
void nvml_need(struct nvml_call *c, const void *pointer);
bool nvml_call(struct nvml_call *c);
nvmlReturn_t nvml_end(struct nvml_call *c);

/* The result of a call that is refused whatever its parameters are. */
nvmlReturn_t nvml_refuse(nvmlReturn_t result);

void nvml_put(struct nvml_call *c, const void *value, size_t size);
void nvml_put_device(struct nvml_call *c, nvmlDevice_t device);
void nvml_put_text(struct nvml_call *c, const char *text);
void nvml_put_array(struct nvml_call *c, const void *array, long long count, size_t size);
void nvml_put_flag(struct nvml_call *c, bool flag);

/* A struct that says its size itself; one that is larger than @max is of a version unknown here. */
void nvml_put_versioned(struct nvml_call *c, const void *value, size_t max);

/* The capacity of counted lists, @size being that of one element of all of them. */
void nvml_put_count(struct nvml_call *c, const unsigned *count, size_t size);

/* The caller's buffer for results has @count elements. */
void nvml_check_room(struct nvml_call *c, long long count, size_t size);

void nvml_get(struct nvml_call *c, void *value, size_t size);
void nvml_get_device(struct nvml_call *c, nvmlDevice_t *device);
void nvml_get_string(struct nvml_call *c, char *text, size_t room);
void nvml_get_versioned(struct nvml_call *c, void *value);
void nvml_get_count(struct nvml_call *c, unsigned *count);
void nvml_get_list(struct nvml_call *c, void *list, size_t size);
void nvml_get_devices(struct nvml_call *c, nvmlDevice_t *list);

/* How much room the call wants, when it said that there is too little. */
void nvml_get_needed(struct nvml_call *c, unsigned *count);

#endif
