/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to a thread: its stack of current contexts, its capture mode and
 * whether it is inside a host function. Also the way into every call: the lock,
 * and the checks that all calls share.
 */
#include "soft.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local struct thread self;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t next_thread = 1;

static void thread_ended(void *unused)
{
	size_t i;

	pthread_mutex_lock(&gpu.lock);
	stream_forget_thread(self.id);
	for (i = 0; i < self.depth; i++)
		object_put(self.stack[i]);
	pthread_mutex_unlock(&gpu.lock);
	free(self.stack);
	memset(&self, 0, sizeof(self));
}

static void make_key(void)
{
	pthread_key_create(&key, thread_ended);
}

struct thread *thread_self(void)
{
	if (!self.id) {
		pthread_once(&once, make_key);
		self.id = atomic_fetch_add(&next_thread, 1);
		pthread_setspecific(key, &self);
	}
	return &self;
}

CUresult enter_device(void)
{
	struct thread *t = thread_self();

	if (t->in_callback)
		return CUDA_ERROR_NOT_PERMITTED;
	pthread_mutex_lock(&gpu.lock);
	if (gpu.ready)
		return CUDA_SUCCESS;
	pthread_mutex_unlock(&gpu.lock);
	return CUDA_ERROR_NOT_INITIALIZED;
}

CUresult enter(struct context **out)
{
	struct thread *t = thread_self();
	CUresult result = enter_device();
	struct context *c;

	if (result)
		return result;
	c = t->depth ? t->stack[t->depth - 1] : NULL;
	if (!c)
		return leave(CUDA_ERROR_INVALID_CONTEXT);
	if (!c->active)
		return leave(CUDA_ERROR_CONTEXT_IS_DESTROYED);
	if (c->error)
		return leave(c->error);
	*out = c;
	return CUDA_SUCCESS;
}
