/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: loading, unloading, and what they hold. Loading waits, since
 * programs go on after NO_BINARY_FOR_GPU and INVALID_PTX.
 */
#include "module.h"

#include <stdlib.h>

#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "load.h"
#include "members.h"
#include "wire_calls.h"

static struct module *module_find(CUmodule handle)
{
	struct module *m = (struct module *)object_get(KIND_CUmodule, handle);

	return m && m->context && m->life == m->context->life ? m : NULL;
}

static CUresult module_make(const void *image, struct load_options *options, CUmodule *out)
{
	CUresult r = call_check(0);
	struct module *m;

	if (r)
		return r;
	if (!out || !image)
		return CUDA_ERROR_INVALID_VALUE;
	m = (struct module *)object_create(KIND_CUmodule);
	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	m->context = context_self();
	m->life = m->context->life;
	r = load_image(image, options, m->object.handle, false);
	if (r)
		object_destroy(KIND_CUmodule, &m->object);
	else
		*out = (CUmodule)(uintptr_t)m->object.handle;
	return r;
}

CUresult module_load_image(const void *image, CUmodule *out)
{
	struct load_options options = {0};

	return module_make(image, &options, out);
}

CUresult client_cuModuleLoadData(CUmodule *module, const void *image)
{
	return module_load_image(image, module);
}

CUresult client_cuModuleLoadFatBinary(CUmodule *module, const void *fatCubin)
{
	return module_load_image(fatCubin, module);
}

CUresult client_cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int numOptions,
	CUjit_option *options, void **optionValues)
{
	struct load_options o;
	CUresult r = load_options_read(&o, numOptions, options, optionValues);

	return r ? r : module_make(image, &o, module);
}

CUresult client_cuModuleLoad(CUmodule *module, const char *fname)
{
	CUresult r = call_check(0);
	char *image;
	size_t size;

	if (!r)
		r = module ? load_file(fname, &image, &size) : CUDA_ERROR_INVALID_VALUE;
	if (r)
		return r;
	r = module_load_image(image, module);
	free(image);
	return r;
}

/* Take a library's module in one context out of its list. */
static void part_remove(struct module *part)
{
	struct module **p = &part->owner->in_context;

	while (*p && *p != part)
		p = &(*p)->next;
	if (*p)
		*p = part->next;
}

struct gone {
	struct context *context;
	unsigned life;
};

static void module_gone(struct object *o, void *user)
{
	struct module *m = (struct module *)o;
	const struct gone *g = user;

	if (m->context != g->context || m->life != g->life)
		return;
	if (m->owner)
		part_remove(m);
	members_forget(m);
	object_destroy(KIND_CUmodule, o);
}

void module_context_gone(struct context *c, unsigned life)
{
	struct gone g = {c, life};

	members_lock();
	object_each(KIND_CUmodule, module_gone, &g);
	members_unlock();
}

CUresult client_cuModuleUnload(CUmodule hmod)
{
	CUresult r = capture_safe();
	struct module *m = module_find(hmod);

	if (r)
		return r;
	if (!m || m->owner)
		return m ? CUDA_ERROR_NOT_PERMITTED : CUDA_ERROR_INVALID_HANDLE;
	r = wire_module_unload(m->object.handle);
	if (r == CUDA_ERROR_INVALID_CONTEXT)
		return r; /* none is current: it stays */
	members_lock();
	members_forget(m);
	members_unlock();
	object_destroy(KIND_CUmodule, &m->object);
	return r;
}

CUresult client_cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name)
{
	CUresult r = call_check(0);

	return r ? r : members_function(module_find(hmod), name, (void **)hfunc);
}

CUresult client_cuModuleGetFunctionCount(unsigned int *count, CUmodule mod)
{
	CUresult r = call_check(0);

	return r ? r : members_count(module_find(mod), count);
}

CUresult client_cuModuleEnumerateFunctions(CUfunction *functions, unsigned int numFunctions,
	CUmodule mod)
{
	CUresult r = call_check(0);

	return r ? r : members_list(module_find(mod), (void **)functions, numFunctions);
}

CUresult module_each_function(CUmodule module, void (*each)(void *user, CUfunction), void *user)
{
	CUresult r = call_check(0);

	return r ? r : members_each(module_find(module), each, user);
}

CUresult client_cuModuleGetGlobal_v2(
	CUdeviceptr *dptr, size_t *bytes, CUmodule hmod, const char *name)
{
	CUresult r = call_check(0);

	return r ? r : members_global(module_find(hmod), name, dptr, bytes);
}
