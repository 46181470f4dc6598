/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See members.h. A name is asked for once and then known; the lock is held
 * meanwhile, so that two threads get one handle.
 */
#include "members.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "load.h"
#include "memory.h"
#include "module.h"
#include "wire_calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void members_lock(void)
{
	pthread_mutex_lock(&lock);
}

void members_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static enum kind kind_of(const struct module *m)
{
	return m->library ? KIND_CUkernel : KIND_CUfunction;
}

static struct function *function_new(struct module *m, const char *name)
{
	struct function *f = (struct function *)object_create(kind_of(m));

	if (!f)
		return NULL;
	f->module = m;
	f->context = m->context;
	f->life = m->life;
	f->name = strdup(name);
	if (f->name)
		return f;
	object_destroy(kind_of(m), &f->object);
	return NULL;
}

static CUresult copy_kernel(struct function *f, struct function *kernel)
{
	CUresult r;

	f->kernel = kernel;
	r = function_described(f, function_attributes(kernel, f->context->device),
		kernel->param_count, kernel->param);
	return r ? r : wire_kernel_function(kernel->object.handle, f->object.handle);
}

/* The function called @name, which is @kernel's if that is not NULL. Called with the lock held. */
static CUresult find(
	struct module *m, const char *name, struct function *kernel, struct function **out)
{
	struct function *f = m->functions;
	CUresult r;

	while (f && strcmp(f->name, name))
		f = f->next;
	if (f) {
		*out = f;
		return CUDA_SUCCESS;
	}
	f = function_new(m, name);
	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = kernel ? copy_kernel(f, kernel) : load_function(m, f);
	if (r) {
		object_destroy(kind_of(m), &f->object);
		return r;
	}
	f->next = m->functions;
	m->functions = f;
	*out = f;
	return CUDA_SUCCESS;
}

CUresult members_of_kernel(struct module *m, struct function *kernel, struct function **out)
{
	return find(m, kernel->name, kernel, out);
}

void members_forget(struct module *m)
{
	while (m->functions) {
		struct function *f = m->functions;

		m->functions = f->next;
		object_destroy(kind_of(m), &f->object);
	}
}

void function_recycle(struct object *o)
{
	struct function *f = (struct function *)o;

	free(f->name);
	free(f->param);
	free(f->of_device);
}

CUresult members_function(struct module *m, const char *name, void **out)
{
	struct function *f;
	CUresult r;

	if (!out || !name || !*name)
		return CUDA_ERROR_INVALID_VALUE;
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	members_lock();
	r = find(m, name, NULL, &f);
	members_unlock();
	if (!r)
		*out = (void *)(uintptr_t)f->object.handle;
	return r;
}

struct listing {
	struct module *module;
	void (*each)(void *user, CUfunction);
	void *user;
	CUresult result;
};

static void take_name(void *argument, const char *name)
{
	struct listing *l = argument;
	void *handle;
	CUresult r = members_function(l->module, name, &handle);

	if (r)
		l->result = r;
	else
		l->each(l->user, handle);
}

CUresult members_each(struct module *m, void (*each)(void *user, CUfunction), void *user)
{
	struct listing l = {m, each, user, CUDA_SUCCESS};
	CUresult r = m ? load_names(m, take_name, &l) : CUDA_ERROR_INVALID_HANDLE;

	return r ? r : l.result;
}

/* Handles as they come; up to `room` of them are kept. */
struct taken {
	void **to;
	unsigned room, count;
};

static void take_handle(void *user, CUfunction function)
{
	struct taken *t = user;

	if (t->count < t->room)
		t->to[t->count] = function;
	t->count++;
}

CUresult members_count(struct module *m, unsigned *count)
{
	struct taken t = {NULL, 0, 0};
	CUresult r = count ? members_each(m, take_handle, &t) : CUDA_ERROR_INVALID_VALUE;

	if (!r)
		*count = t.count;
	return r;
}

CUresult members_list(struct module *m, void **to, unsigned room)
{
	struct taken t = {to, room, 0};

	return to ? members_each(m, take_handle, &t) : CUDA_ERROR_INVALID_VALUE;
}

CUresult members_global(struct module *m, const char *name, CUdeviceptr *dptr, size_t *bytes)
{
	struct memory_range range = {.kind = MEMORY_DEVICE};
	CUdeviceptr address;
	CUresult r;

	if (!name || (!dptr && !bytes))
		return CUDA_ERROR_INVALID_VALUE;
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	r = m->library ? wire_library_global(m->object.handle, name, &address, &range.size)
		       : wire_module_global(m->object.handle, name, &address, &range.size);
	if (r)
		return r;
	range.base = address;
	range.context = context_self();
	range.device = range.context ? range.context->device : 0;
	if (range.size && memory_add(&range))
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (dptr)
		*dptr = range.base;
	if (bytes)
		*bytes = range.size;
	return CUDA_SUCCESS;
}
