/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts. A context owns its streams, its memory and its modules: its end
 * waits for its work and releases them. A primary context is made with its
 * device and keeps its handle; it is opened by the first retain and closed by
 * the last release or a reset. The first fatal error of a context stays,
 * and ends its kernels.
 */
#include "soft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PRINTED_MAX = 64 << 20, /* as the driver's buffer, what is too much starts anew */
};

static void context_release(struct object *o)
{
	free(o);
}

bool context_flags_valid(unsigned flags)
{
	return !(flags & ~(unsigned)CU_CTX_FLAGS_MASK) &&
	       (flags & CU_CTX_SCHED_MASK) <= CU_CTX_SCHED_BLOCKING_SYNC;
}

CUresult context_create(struct device *d, unsigned flags, struct context **out)
{
	struct context *c = calloc(1, sizeof(*c));

	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&c->base, KIND_CONTEXT, context_release);
	if (object_publish(&c->base) < 0) {
		free(c);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	c->name = c->base.handle;
	c->dev = d;
	c->flags = flags;
	c->api_version = 3020;
	*out = c;
	return CUDA_SUCCESS;
}

CUresult context_open(struct context *c)
{
	CUresult result;

	LIST_INIT(&c->streams);
	LIST_INIT(&c->ranges);
	LIST_INIT(&c->modules);
	c->id = ++gpu.next_id;
	c->error = CUDA_SUCCESS;
	c->peers = 0;
	c->heap_used = 0;
	atomic_store(&c->cancel, 0);
	memset(c->limits, 0, sizeof(c->limits));
	c->limits[CU_LIMIT_STACK_SIZE] = 1024;
	c->limits[CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20;
	c->limits[CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20;
	c->limits[CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2;
	c->limits[CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048;
	c->limits[CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64;
	c->cache = CU_FUNC_CACHE_PREFER_NONE;
	c->shared_config = CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE;
	c->active = true;
	c->dying = false;
	result = stream_new(c, 0, 0, &c->legacy);
	if (result) {
		c->active = false;
		return result;
	}
	LIST_INSERT_HEAD(&gpu.contexts, c, link);
	return CUDA_SUCCESS;
}

/* Waits for its work, then gives up all it owns. The handle stays with the caller. */
void context_close(struct context *c)
{
	struct module *m;

	if (!c->active || c->dying)
		return;
	c->dying = true;
	pthread_mutex_unlock(&gpu.lock);
	storage_context_gone((CUcontext)c->name);
	pthread_mutex_lock(&gpu.lock);
	context_wait(c);
	c->active = false;
	LIST_REMOVE(c, link);
	streams_close(c);
	c->legacy = NULL;
	while ((m = LIST_FIRST(&c->modules)))
		module_close(m);
	memory_release_all(c);
	c->dying = false;
	pthread_cond_broadcast(&gpu.progress);
}

CUresult context_find(CUcontext handle, struct context **out)
{
	struct context *c = object_find(KIND_CONTEXT, handle);

	if (!c)
		return CUDA_ERROR_INVALID_CONTEXT;
	*out = c;
	return CUDA_SUCCESS;
}

void context_fail(struct context *c, CUresult error)
{
	if (!c->error)
		c->error = error;
	atomic_store(&c->cancel, 1);
}

/* All work submitted so far; then what kernels printed is on stdout. */
CUresult context_wait(struct context *c)
{
	struct fence **fences;
	struct stream *s;
	size_t n = 0, i = 0;

	LIST_FOREACH(s, &c->streams, link)
		n++;
	fences = malloc((n + 1) * sizeof(*fences));
	if (!fences)
		return CUDA_ERROR_OUT_OF_MEMORY;
	LIST_FOREACH(s, &c->streams, link)
		fences[i++] = fence_get(s->last);
	for (i = 0; i < n; i++) {
		fence_wait(fences[i]);
		fence_put(fences[i]);
	}
	free(fences);
	printed_flush(c);
	pools_trim(c->dev);
	return c->error;
}

/* Everything that runs on the device may touch memory that is about to go. */
CUresult device_wait(struct device *d)
{
	struct context *c;
	struct fence *busy;
	struct stream *s;

	do {
		busy = NULL;
		LIST_FOREACH(c, &gpu.contexts, link) {
			if (c->dev != d)
				continue;
			LIST_FOREACH(s, &c->streams, link)
				if (stream_busy(s))
					busy = s->last;
		}
		fence_wait(busy);
	} while (busy);
	return CUDA_SUCCESS;
}

void device_wait_alone(struct device *d)
{
	d->alone++;
	device_wait(d);
	if (!--d->alone)
		pthread_cond_broadcast(&gpu.progress);
}

void printed_add(struct context *c, enum printed_stream stream, const char *text, size_t size)
{
	struct printed *p = &c->printed[stream];
	size_t room;
	char *grown;

	pthread_mutex_lock(&gpu.print);
	if (p->size + size > PRINTED_MAX)
		p->size = 0;
	if (p->size + size > p->room) {
		room = (p->size + size) * 2;
		grown = realloc(p->text, room);
		if (!grown)
			goto unlock;
		p->text = grown;
		p->room = room;
	}
	memcpy(p->text + p->size, text, size);
	p->size += size;
unlock:
	pthread_mutex_unlock(&gpu.print);
}

/* Writes without the lock: whoever reads the other end may need the driver to go on. */
void printed_flush(struct context *c)
{
	FILE *const to[PRINTED_STREAMS] = {stdout, stderr};
	struct printed all[PRINTED_STREAMS];

	pthread_mutex_lock(&gpu.print);
	memcpy(all, c->printed, sizeof(all));
	memset(c->printed, 0, sizeof(c->printed));
	pthread_mutex_unlock(&gpu.print);
	if (!all[PRINTED_OUT].text && !all[PRINTED_ERR].text)
		return;
	pthread_mutex_unlock(&gpu.lock);
	for (int i = 0; i < PRINTED_STREAMS; i++) {
		if (!all[i].text)
			continue;
		fwrite(all[i].text, 1, all[i].size, to[i]);
		fflush(to[i]);
		free(all[i].text);
	}
	pthread_mutex_lock(&gpu.lock);
}

static CUresult push(struct thread *t, struct context *c)
{
	struct context **grown;

	if (t->depth == t->room) {
		grown = realloc(t->stack, (t->room + 8) * sizeof(*grown));
		if (!grown)
			return CUDA_ERROR_OUT_OF_MEMORY;
		t->stack = grown;
		t->room += 8;
	}
	t->stack[t->depth++] = object_get(c);
	return CUDA_SUCCESS;
}

static void pop(struct thread *t)
{
	object_put(t->stack[--t->depth]);
}

static CUresult create(CUcontext *out, unsigned flags, CUdevice dev)
{
	struct context *c;
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !context_flags_valid(flags))
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		result = context_create(d, flags | CU_CTX_MAP_HOST, &c);
	if (result)
		return leave(result);
	result = context_open(c);
	if (!result)
		result = push(thread_self(), c);
	if (result) {
		context_close(c);
		object_withdraw(&c->base);
		object_put(c);
		return leave(result);
	}
	*out = (CUcontext)c->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxCreate_v2(CUcontext *out, unsigned int flags, CUdevice dev)
{
	return create(out, flags, dev);
}

CUresult cuCtxCreate_v3(
	CUcontext *out, CUexecAffinityParam *params, int count, unsigned int flags, CUdevice dev)
{
	return params || count ? CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY : create(out, flags, dev);
}

CUresult cuCtxCreate_v4(CUcontext *out, CUctxCreateParams *params, unsigned int flags, CUdevice dev)
{
	if (params && (params->numExecAffinityParams || params->cigParams))
		return CUDA_ERROR_NOT_SUPPORTED;
	return create(out, flags, dev);
}

CUresult cuCtxDestroy_v2(CUcontext handle)
{
	struct thread *t = thread_self();
	struct context *c;
	CUresult result = enter_device();

	if (result)
		return result;
	result = handle ? context_find(handle, &c) : CUDA_ERROR_INVALID_VALUE;
	if (!result && c->primary)
		result = CUDA_ERROR_INVALID_CONTEXT;
	if (result)
		return leave(result);
	object_get(c);
	object_withdraw(&c->base);
	context_close(c);
	if (t->depth && t->stack[t->depth - 1] == c)
		pop(t);
	object_put(c); /* the handle's */
	object_put(c);
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxPushCurrent_v2(CUcontext handle)
{
	struct context *c;
	CUresult result = enter_device();

	if (result)
		return result;
	result = handle ? context_find(handle, &c) : CUDA_ERROR_INVALID_VALUE;
	return leave(result ? result : push(thread_self(), c));
}

CUresult cuCtxPopCurrent_v2(CUcontext *out)
{
	struct thread *t = thread_self();
	CUresult result = enter_device();

	if (result)
		return result;
	if (!t->depth)
		return leave(CUDA_ERROR_INVALID_CONTEXT);
	if (out)
		*out = (CUcontext)t->stack[t->depth - 1]->base.handle;
	pop(t);
	return leave(CUDA_SUCCESS);
}

CUresult cuCtxSetCurrent(CUcontext handle)
{
	struct thread *t = thread_self();
	struct context *c = NULL;
	CUresult result = enter_device();

	if (result)
		return result;
	if (handle)
		result = context_find(handle, &c);
	if (result)
		return leave(result);
	if (t->depth)
		pop(t);
	return leave(c ? push(t, c) : CUDA_SUCCESS);
}

CUresult cuCtxGetCurrent(CUcontext *out)
{
	struct thread *t = thread_self();
	CUresult result = need(out, enter_device());

	if (result)
		return result;
	*out = t->depth ? (CUcontext)t->stack[t->depth - 1]->base.handle : NULL;
	return leave(CUDA_SUCCESS);
}
