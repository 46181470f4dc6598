/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that runtimes attach to contexts. They are looked up before nearly
 * every call of a runtime; few exist, so a list under a lock of its own does.
 * When a context ends each value's destructor is called, without a lock.
 */
#include "tables.h"

#include <stdlib.h>

struct value {
	struct value *next;
	CUcontext context;
	void *key, *value;
	void (*destructor)(CUcontext context, void *key, void *value);
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct value *values;

static struct value **find(CUcontext context, const void *key)
{
	struct value **v = &values;

	while (*v && ((*v)->context != context || (*v)->key != key))
		v = &(*v)->next;
	return v;
}

CUcontext current_context(void)
{
	struct thread *t = thread_self();
	uintptr_t handle = 0;

	pthread_mutex_lock(&gpu.lock);
	if (t->depth)
		handle = t->stack[t->depth - 1]->base.handle;
	pthread_mutex_unlock(&gpu.lock);
	return (CUcontext)handle;
}

CUresult storage_put(CUcontext context, void *key, void *value,
	void (*destructor)(CUcontext context, void *key, void *value))
{
	struct value *v = malloc(sizeof(*v)), **place;
	CUresult result = CUDA_SUCCESS;

	if (!v)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!context)
		context = current_context();
	*v = (struct value){NULL, context, key, value, destructor};
	pthread_mutex_lock(&lock);
	place = find(context, key);
	if (!context)
		result = CUDA_ERROR_INVALID_CONTEXT;
	else if (*place)
		result = CUDA_ERROR_INVALID_HANDLE;
	else
		*place = v;
	pthread_mutex_unlock(&lock);
	if (result)
		free(v);
	return result;
}

CUresult storage_remove(CUcontext context, void *key)
{
	struct value **place, *v;

	if (!context)
		context = current_context();
	pthread_mutex_lock(&lock);
	place = find(context, key);
	v = *place;
	if (v)
		*place = v->next;
	pthread_mutex_unlock(&lock);
	free(v);
	return v ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult storage_get(void **out, CUcontext context, void *key)
{
	struct value *v;

	if (!context)
		context = current_context();
	if (!context)
		return CUDA_ERROR_INVALID_CONTEXT;
	pthread_mutex_lock(&lock);
	v = *find(context, key);
	if (v)
		*out = v->value;
	pthread_mutex_unlock(&lock);
	return v ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

static struct value *take(CUcontext context)
{
	struct value **place = &values, *v;

	pthread_mutex_lock(&lock);
	while (*place && (*place)->context != context)
		place = &(*place)->next;
	v = *place;
	if (v)
		*place = v->next;
	pthread_mutex_unlock(&lock);
	return v;
}

void storage_context_gone(CUcontext context)
{
	struct value *v;

	while ((v = take(context))) {
		if (v->destructor)
			v->destructor(v->context, v->key, v->value);
		free(v);
	}
}
