/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules and libraries: loading and unloading, their functions by name, and
 * what those tell. Loading waits, since programs go on after NO_BINARY_FOR_GPU
 * and INVALID_PTX; a function is asked for once and then known.
 */
#include "module.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "image.h"
#include "load.h"
#include "memory.h"
#include "wire_calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* lists of modules and functions */

static struct module *module_find(CUmodule handle)
{
	struct module *m = (struct module *)object_get(KIND_CUmodule, handle);

	return m && m->context && m->life == m->context->life ? m : NULL;
}

static struct module *library_find(CUlibrary handle)
{
	return (struct module *)object_get(KIND_CUlibrary, handle);
}

CUresult module_check(CUmodule handle, uint64_t *wire)
{
	struct module *m = module_find(handle);

	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	*wire = m->object.handle;
	return CUDA_SUCCESS;
}

CUresult library_check(CUlibrary handle, uint64_t *wire)
{
	struct module *m = library_find(handle);

	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	*wire = m->object.handle;
	return CUDA_SUCCESS;
}

static struct function *function_get(const void *handle)
{
	struct function *f = (struct function *)object_get(KIND_CUfunction, handle);

	if (!f)
		return (struct function *)object_get(KIND_CUkernel, handle);
	return f->context && f->life == f->context->life ? f : NULL;
}

CUresult function_find(CUfunction handle, struct function **out)
{
	struct function *f = function_get(handle);

	if (!f)
		return CUDA_ERROR_INVALID_HANDLE;
	*out = f;
	return CUDA_SUCCESS;
}

CUresult function_check(CUfunction handle, uint64_t *wire)
{
	struct function *f;
	CUresult r = function_find(handle, &f);

	if (!r)
		*wire = f->object.handle;
	return r;
}

CUresult kernel_check(CUkernel handle, uint64_t *wire)
{
	struct object *o = object_get(KIND_CUkernel, handle);

	if (!o)
		return CUDA_ERROR_INVALID_HANDLE;
	*wire = o->handle;
	return CUDA_SUCCESS;
}

/* Loading. */

static CUresult module_make(const void *image, struct load_options *options, CUmodule *out)
{
	CUresult r = call_check(0);
	struct module *m;

	if (!r)
		r = capture_unsafe();
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

static void functions_forget(struct module *m, enum kind kind)
{
	while (m->functions) {
		struct function *f = m->functions;

		m->functions = f->next;
		object_destroy(kind, &f->object);
		/* The name and layout stay: a racing caller may still read them. They are small and
		 * unloading is rare. */
	}
}

CUresult client_cuModuleUnload(CUmodule hmod)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct module *m = module_find(hmod);

	if (r)
		return r;
	if (!m || m->owner)
		return m ? CUDA_ERROR_NOT_PERMITTED : CUDA_ERROR_INVALID_HANDLE;
	r = wire_module_unload(m->object.handle);
	pthread_mutex_lock(&lock);
	functions_forget(m, KIND_CUfunction);
	pthread_mutex_unlock(&lock);
	object_destroy(KIND_CUmodule, &m->object);
	return r;
}

/* Libraries. */

CUresult client_cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jitOptions,
	void **jitOptionsValues, unsigned int numJitOptions, CUlibraryOption *libraryOptions,
	void **libraryOptionValues, unsigned int numLibraryOptions)
{
	struct load_options o;
	struct module *m;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r)
		r = load_options_read(&o, numJitOptions, jitOptions, jitOptionsValues);
	if (r)
		return r;
	if (!library || !code || (numLibraryOptions && !libraryOptions))
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < numLibraryOptions; i++) {
		if ((unsigned)libraryOptions[i] >= CU_LIBRARY_NUM_OPTIONS)
			return CUDA_ERROR_INVALID_VALUE;
	}
	m = (struct module *)object_create(KIND_CUlibrary);
	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	m->library = true;
	/* The image is shipped now, so whether it is preserved makes no difference. */
	r = load_image(code, &o, m->object.handle, true);
	if (r)
		object_destroy(KIND_CUlibrary, &m->object);
	else
		*library = (CUlibrary)(uintptr_t)m->object.handle;
	return r;
}

CUresult client_cuLibraryLoadFromFile(CUlibrary *library, const char *fileName,
	CUjit_option *jitOptions, void **jitOptionsValues, unsigned int numJitOptions,
	CUlibraryOption *libraryOptions, void **libraryOptionValues, unsigned int numLibraryOptions)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	char *image;
	size_t size;

	if (!r)
		r = library ? load_file(fileName, &image, &size) : CUDA_ERROR_INVALID_VALUE;
	if (r)
		return r;
	r = client_cuLibraryLoadData(library, image, jitOptions, jitOptionsValues, numJitOptions,
		libraryOptions, libraryOptionValues, numLibraryOptions);
	free(image);
	return r;
}

CUresult client_cuLibraryUnload(CUlibrary library)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct module *m = library_find(library);

	if (r)
		return r;
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	r = wire_library_unload(m->object.handle);
	pthread_mutex_lock(&lock);
	while (m->in_context) {
		struct module *part = m->in_context;

		m->in_context = part->next;
		functions_forget(part, KIND_CUfunction);
		object_destroy(KIND_CUmodule, &part->object);
	}
	functions_forget(m, KIND_CUkernel);
	pthread_mutex_unlock(&lock);
	object_destroy(KIND_CUlibrary, &m->object);
	return r;
}

/* A library's module in the current context, made on first use. Called with the lock held. */
static CUresult library_module(struct module *library, struct module **out)
{
	struct context *c = context_self();
	struct module *m;
	CUresult r;

	for (m = library->in_context; m; m = m->next) {
		if (m->context == c && m->life == c->life) {
			*out = m;
			return CUDA_SUCCESS;
		}
	}
	m = (struct module *)object_create(KIND_CUmodule);
	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	m->context = c;
	m->life = c->life;
	m->owner = library;
	r = wire_library_module(library->object.handle, m->object.handle);
	if (r) {
		object_destroy(KIND_CUmodule, &m->object);
		return r;
	}
	m->next = library->in_context;
	library->in_context = m;
	*out = m;
	return CUDA_SUCCESS;
}

CUresult client_cuLibraryGetModule(CUmodule *pMod, CUlibrary library)
{
	CUresult r = call_check(0);
	struct module *l = library_find(library), *m;

	if (r)
		return r;
	if (!pMod)
		return CUDA_ERROR_INVALID_VALUE;
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	pthread_mutex_lock(&lock);
	r = library_module(l, &m);
	pthread_mutex_unlock(&lock);
	if (!r)
		*pMod = (CUmodule)(uintptr_t)m->object.handle;
	return r;
}

/* Functions. */

static struct function *known_function(struct module *m, const char *name)
{
	struct function *f = m->functions;

	while (f && strcmp(f->name, name))
		f = f->next;
	return f;
}

static struct function *function_new(struct module *m, const char *name, enum kind kind)
{
	struct function *f = (struct function *)object_create(kind);

	if (!f)
		return NULL;
	f->module = m;
	f->context = m->context;
	f->life = m->life;
	f->name = strdup(name);
	if (f->name)
		return f;
	object_destroy(kind, &f->object);
	return NULL;
}

CUresult function_described(struct function *f, const int *attributes, uint32_t count,
	const uint32_t *params)
{
	memcpy(f->attribute, attributes, sizeof(f->attribute));
	f->param = malloc(2 * sizeof(*params) * (count ? count : 1));
	if (!f->param)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(f->param, params, 2 * sizeof(*params) * count);
	f->param_count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t end = params[2 * i] + params[2 * i + 1];

		if (end > PARAM_BYTES_MAX || end < params[2 * i])
			return CUDA_ERROR_UNKNOWN;
		if (end > f->param_size)
			f->param_size = end;
	}
	return CUDA_SUCCESS;
}

/* Called with the lock held, so that a name is asked for once. */
static CUresult function_of(struct module *m, const char *name, struct function **out)
{
	enum kind kind = m->library ? KIND_CUkernel : KIND_CUfunction;
	struct function *f = known_function(m, name);
	CUresult r;

	if (f) {
		*out = f;
		return CUDA_SUCCESS;
	}
	f = function_new(m, name, kind);
	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = load_function(m, f);
	if (r) {
		object_destroy(kind, &f->object);
		return r;
	}
	f->next = m->functions;
	m->functions = f;
	*out = f;
	return CUDA_SUCCESS;
}

static CUresult get_function(struct module *m, const char *name, void **out)
{
	struct function *f;
	CUresult r;

	if (!out || !name || !*name)
		return CUDA_ERROR_INVALID_VALUE;
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	pthread_mutex_lock(&lock);
	r = function_of(m, name, &f);
	pthread_mutex_unlock(&lock);
	if (!r)
		*out = (void *)(uintptr_t)f->object.handle;
	return r;
}

CUresult client_cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name)
{
	CUresult r = call_check(0);

	return r ? r : get_function(module_find(hmod), name, (void **)hfunc);
}

CUresult client_cuLibraryGetKernel(CUkernel *pKernel, CUlibrary library, const char *name)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	return r ? r : get_function(library_find(library), name, (void **)pKernel);
}

/* A kernel's function in the current context: same layout and attributes. Lock held. */
static CUresult function_of_kernel(struct function *kernel, struct function **out)
{
	struct module *m;
	struct function *f;
	CUresult r = library_module(kernel->module, &m);

	if (r)
		return r;
	f = known_function(m, kernel->name);
	if (f) {
		*out = f;
		return CUDA_SUCCESS;
	}
	f = function_new(m, kernel->name, KIND_CUfunction);
	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	f->kernel = kernel;
	r = function_described(f, kernel->attribute, kernel->param_count, kernel->param);
	if (!r)
		r = wire_kernel_function(kernel->object.handle, f->object.handle);
	if (r) {
		object_destroy(KIND_CUfunction, &f->object);
		return r;
	}
	f->next = m->functions;
	m->functions = f;
	*out = f;
	return CUDA_SUCCESS;
}

CUresult client_cuKernelGetFunction(CUfunction *pFunc, CUkernel kernel)
{
	CUresult r = call_check(0);
	struct function *k = (struct function *)object_get(KIND_CUkernel, kernel), *f;

	if (r)
		return r;
	if (!pFunc)
		return CUDA_ERROR_INVALID_VALUE;
	if (!k)
		return CUDA_ERROR_INVALID_HANDLE;
	pthread_mutex_lock(&lock);
	r = function_of_kernel(k, &f);
	pthread_mutex_unlock(&lock);
	if (!r)
		*pFunc = (CUfunction)(uintptr_t)f->object.handle;
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
	struct function *f;
	CUresult r;

	pthread_mutex_lock(&lock);
	r = function_of(l->module, name, &f);
	pthread_mutex_unlock(&lock);
	if (r)
		l->result = r;
	else
		l->each(l->user, (CUfunction)(uintptr_t)f->object.handle);
}

CUresult module_each_function(CUmodule module, void (*each)(void *user, CUfunction), void *user)
{
	CUresult r = call_check(0);
	struct listing l = {module_find(module), each, user, CUDA_SUCCESS};

	if (r)
		return r;
	if (!l.module)
		return CUDA_ERROR_INVALID_HANDLE;
	r = load_names(l.module, take_name, &l);
	return r ? r : l.result;
}

/* Takes functions, or kernels, as they come; up to `room` of them are kept. */
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

static CUresult enumerate(struct module *m, void **to, unsigned room, unsigned *count)
{
	struct taken t = {to, room, 0};
	struct listing l = {m, take_handle, &t, CUDA_SUCCESS};
	CUresult r;

	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	r = load_names(m, take_name, &l);
	if (!r && !l.result && count)
		*count = t.count;
	return r ? r : l.result;
}

CUresult client_cuModuleGetFunctionCount(unsigned int *count, CUmodule mod)
{
	CUresult r = call_check(0);

	if (r)
		return r;
	return count ? enumerate(module_find(mod), NULL, 0, count) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuModuleEnumerateFunctions(CUfunction *functions, unsigned int numFunctions,
	CUmodule mod)
{
	CUresult r = call_check(0);

	if (r)
		return r;
	if (!functions || !numFunctions)
		return CUDA_ERROR_INVALID_VALUE;
	return enumerate(module_find(mod), (void **)functions, numFunctions, NULL);
}

CUresult client_cuLibraryGetKernelCount(unsigned int *count, CUlibrary lib)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	return count ? enumerate(library_find(lib), NULL, 0, count) : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuLibraryEnumerateKernels(CUkernel *kernels, unsigned int numKernels, CUlibrary lib)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!kernels || !numKernels)
		return CUDA_ERROR_INVALID_VALUE;
	return enumerate(library_find(lib), (void **)kernels, numKernels, NULL);
}

/* Globals. */

static CUresult global(struct module *m, const char *name, CUdeviceptr *dptr, size_t *bytes)
{
	struct memory_range range = {.kind = MEMORY_DEVICE};
	CUdeviceptr address;
	CUresult r;

	if (!name || (!dptr && !bytes))
		return CUDA_ERROR_INVALID_VALUE;
	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	r = wire_module_global(m->object.handle, m->library, name, &address, &range.size);
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

CUresult client_cuModuleGetGlobal_v2(CUdeviceptr *dptr, size_t *bytes, CUmodule hmod,
	const char *name)
{
	CUresult r = call_check(0);

	return r ? r : global(module_find(hmod), name, dptr, bytes);
}

CUresult client_cuLibraryGetGlobal(CUdeviceptr *dptr, size_t *bytes, CUlibrary library,
	const char *name)
{
	CUresult r = call_check(0);

	return r ? r : global(library_find(library), name, dptr, bytes);
}
