/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted objects and their handles. A handle is generation, kind and slot in
 * one number: it is only ever compared and looked up, so any value that an
 * application hands in is either a live object or found not to be one. A slot's
 * generation moves on when its object is withdrawn; references that queued work
 * still holds keep the object itself alive.
 */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>

enum {
	INDEX_SHIFT = 4, /* 0, 1 and 2 mean special streams */
	INDEX_BITS = 24,
	KIND_SHIFT = INDEX_SHIFT + INDEX_BITS,
	KIND_BITS = 6,
	GENERATION_SHIFT = KIND_SHIFT + KIND_BITS,
	GENERATION_MASK = (1 << 24) - 1,
};

struct slot {
	struct object *object;
	uint32_t generation;
	uint32_t next_free;
};

static struct slot *slots;
static uint32_t slots_count, slots_room, slots_free = UINT32_MAX;

void object_init(struct object *o, enum kind kind, void (*release)(struct object *o))
{
	o->kind = kind;
	o->refs = 1;
	o->handle = 0;
	o->release = release;
}

static int slot_take(uint32_t *out)
{
	struct slot *grown;
	uint32_t room;

	if (slots_free != UINT32_MAX) {
		*out = slots_free;
		slots_free = slots[slots_free].next_free;
		return 0;
	}
	if (slots_count == slots_room) {
		room = slots_room ? slots_room * 2 : 256;
		if (room > 1u << INDEX_BITS)
			return -ENOMEM;
		grown = realloc(slots, room * sizeof(*slots));
		if (!grown)
			return -ENOMEM;
		slots = grown;
		slots_room = room;
	}
	slots[slots_count].generation = 1;
	*out = slots_count++;
	return 0;
}

int object_publish(struct object *o)
{
	uint32_t index;
	int err;

	err = slot_take(&index);
	if (err < 0)
		return err;
	slots[index].object = o;
	o->handle = (uintptr_t)slots[index].generation << GENERATION_SHIFT |
		    (uintptr_t)o->kind << KIND_SHIFT | (uintptr_t)index << INDEX_SHIFT;
	return 0;
}

void object_withdraw(struct object *o)
{
	uint32_t index = o->handle >> INDEX_SHIFT & ((1u << INDEX_BITS) - 1);

	if (!o->handle)
		return;
	slots[index].object = NULL;
	slots[index].generation = (slots[index].generation + 1) & GENERATION_MASK;
	if (!slots[index].generation)
		slots[index].generation = 1;
	slots[index].next_free = slots_free;
	slots_free = index;
	o->handle = 0;
}

void *object_get(void *o)
{
	((struct object *)o)->refs++;
	return o;
}

void object_put(void *o)
{
	struct object *object = o;

	if (!object || --object->refs)
		return;
	object_withdraw(object);
	object->release(object);
}

void *object_find_id(enum kind kind, uint64_t handle)
{
	uint32_t index = handle >> INDEX_SHIFT & ((1u << INDEX_BITS) - 1);

	if (index >= slots_count || !slots[index].object)
		return NULL;
	if (slots[index].object->kind != kind || slots[index].object->handle != handle)
		return NULL;
	return slots[index].object;
}

void *object_find(enum kind kind, const void *handle)
{
	return object_find_id(kind, (uintptr_t)handle);
}

struct fence *fence_get(struct fence *f)
{
	if (f)
		f->refs++;
	return f;
}

void fence_put(struct fence *f)
{
	if (f && !--f->refs)
		free(f);
}

void fence_wait(struct fence *f)
{
	if (!f)
		return;
	fence_get(f);
	while (!f->done)
		pthread_cond_wait(&gpu.progress, &gpu.lock);
	fence_put(f);
}
