/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries: code that belongs to no context. A library has kernels; what is
 * used in a context is a module of it, made there on first use, with a function
 * for each kernel that was asked for.
 */
#include <stdlib.h>

#include "call.h"
#include "capture.h"
#include "client_calls.h"
#include "context.h"
#include "load.h"
#include "members.h"
#include "module.h"
#include "wire_calls.h"

static struct module *library_find(CUlibrary handle)
{
	return (struct module *)object_get(KIND_CUlibrary, handle);
}

CUresult client_cuLibraryLoadData(CUlibrary *library, const void *code, CUjit_option *jitOptions,
	void **jitOptionsValues, unsigned int numJitOptions, CUlibraryOption *libraryOptions,
	void **libraryOptionValues, unsigned int numLibraryOptions)
{
	struct load_options o;
	struct module *l;
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
	l = (struct module *)object_create(KIND_CUlibrary);
	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	l->library = true;
	/* The image is shipped now, so whether it is preserved makes no difference. */
	r = load_image(code, &o, l->object.handle, true);
	if (r)
		object_destroy(KIND_CUlibrary, &l->object);
	else
		*library = (CUlibrary)(uintptr_t)l->object.handle;
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
	CUresult r = capture_safe();
	struct module *l = library_find(library);

	if (r)
		return r;
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	r = wire_library_unload(l->object.handle);
	members_lock();
	while (l->in_context) {
		struct module *m = l->in_context;

		l->in_context = m->next;
		members_forget(m);
		object_destroy(KIND_CUmodule, &m->object);
	}
	members_forget(l);
	members_unlock();
	object_destroy(KIND_CUlibrary, &l->object);
	return r;
}

/* The library's module in the current context, made on first use. Called with the lock held. */
static CUresult module_of(struct module *library, struct module **out)
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
	members_lock();
	r = module_of(l, &m);
	members_unlock();
	if (!r)
		*pMod = (CUmodule)(uintptr_t)m->object.handle;
	return r;
}

CUresult client_cuLibraryGetKernel(CUkernel *pKernel, CUlibrary library, const char *name)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	return r ? r : members_function(library_find(library), name, (void **)pKernel);
}

CUresult client_cuLibraryGetKernelCount(unsigned int *count, CUlibrary lib)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	return r ? r : members_count(library_find(lib), count);
}

CUresult client_cuLibraryEnumerateKernels(CUkernel *kernels, unsigned int numKernels, CUlibrary lib)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	return r ? r : members_list(library_find(lib), (void **)kernels, numKernels);
}

CUresult client_cuLibraryGetGlobal(
	CUdeviceptr *dptr, size_t *bytes, CUlibrary library, const char *name)
{
	CUresult r = call_check(0);

	return r ? r : members_global(library_find(library), name, dptr, bytes);
}

CUresult client_cuKernelGetFunction(CUfunction *pFunc, CUkernel kernel)
{
	CUresult r = call_check(0);
	struct function *k = (struct function *)object_get(KIND_CUkernel, kernel), *f;
	struct module *m;

	if (r)
		return r;
	if (!pFunc)
		return CUDA_ERROR_INVALID_VALUE;
	if (!k)
		return CUDA_ERROR_INVALID_HANDLE;
	members_lock();
	r = module_of(k->module, &m);
	if (!r)
		r = members_of_kernel(m, k, &f);
	members_unlock();
	if (!r)
		*pFunc = (CUfunction)(uintptr_t)f->object.handle;
	return r;
}
