/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries: code without a context. Its kernels become functions of a context
 * when one first uses them there; those modules end with the library or with
 * their context, whichever is first.
 */
#include "soft.h"

#include <stdlib.h>

static void library_release(struct object *o)
{
	struct library *l = (struct library *)o;

	free(l->kernels);
	code_put(l->code);
	free(l);
}

static CUresult library_create(struct code *code, struct library **out)
{
	struct library *l = calloc(1, sizeof(*l));
	unsigned i, dev;

	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	object_init(&l->base, KIND_LIBRARY, library_release);
	l->code = code_get(code);
	LIST_INIT(&l->modules);
	l->kernels = calloc(code->kernels + 1, sizeof(*l->kernels));
	if (!l->kernels || object_publish(&l->base) < 0) {
		object_put(l);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	for (i = 0; i < code->kernels; i++) {
		object_init(&l->kernels[i].base, KIND_KERNEL, NULL);
		l->kernels[i].library = l;
		l->kernels[i].index = i;
		l->kernels[i].ptx = ptx_module_kernel(code->ptx, i);
		for (dev = 0; dev < DEVICES_MAX; dev++)
			l->kernels[i].limits[dev].carveout = -1;
	}
	*out = l;
	return CUDA_SUCCESS;
}

CUresult cuLibraryLoadData(CUlibrary *out, const void *image, CUjit_option *options, void **values,
	unsigned int n, CUlibraryOption *library_options, void **library_values,
	unsigned int library_n)
{
	struct log log = {0};
	struct library *l;
	struct code *code;
	CUresult result = enter_device();

	if (result)
		return result;
	leave(result);
	if (!out || !image)
		return CUDA_ERROR_INVALID_VALUE;
	log_find(n, options, values, &log);
	result = code_load(image, &log, &code);
	if (result)
		return result;
	pthread_mutex_lock(&gpu.lock);
	result = library_create(code, &l);
	code_put(code);
	if (!result)
		*out = (CUlibrary)l->base.handle;
	return leave(result);
}

CUresult cuLibraryLoadFromFile(CUlibrary *out, const char *name, CUjit_option *options,
	void **values, unsigned int n, CUlibraryOption *library_options, void **library_values,
	unsigned int library_n)
{
	char *bytes;
	CUresult result = out ? file_read(name, &bytes) : CUDA_ERROR_INVALID_VALUE;

	if (result)
		return result;
	result = cuLibraryLoadData(
		out, bytes, options, values, n, library_options, library_values, library_n);
	free(bytes);
	return result;
}

static CUresult enter_library(CUlibrary handle, struct library **out)
{
	struct library *l;
	CUresult result = enter_device();

	if (result)
		return result;
	l = object_find(KIND_LIBRARY, handle);
	if (!l)
		return leave(CUDA_ERROR_INVALID_HANDLE);
	*out = l;
	return CUDA_SUCCESS;
}

CUresult cuLibraryUnload(CUlibrary handle)
{
	struct library *l;
	struct module *m;
	unsigned i;
	CUresult result = enter_library(handle, &l);

	if (result)
		return result;
	result = capture_unsafe();
	if (result)
		return leave(result);
	object_get(l);
	object_withdraw(&l->base);
	while ((m = LIST_FIRST(&l->modules))) {
		device_wait_alone(m->ctx->dev);
		if (LIST_FIRST(&l->modules) == m)
			module_close(m);
	}
	for (i = 0; i < l->code->kernels; i++)
		object_withdraw(&l->kernels[i].base);
	object_put(l);
	object_put(l);
	return leave(CUDA_SUCCESS);
}

static CUkernel kernel_handle(struct kernel *k)
{
	if (!k->base.handle && object_publish(&k->base) < 0)
		return NULL;
	return (CUkernel)k->base.handle;
}

static CUresult kernel_find(CUkernel handle, struct kernel **out)
{
	struct kernel *k = object_find(KIND_KERNEL, handle);

	if (!k)
		return CUDA_ERROR_INVALID_HANDLE;
	*out = k;
	return CUDA_SUCCESS;
}

static CUresult library_in(struct library *l, struct context *c, struct module **out)
{
	struct module *m;

	LIST_FOREACH(m, &l->modules, library_link)
		if (m->ctx == c)
			break;
	*out = m;
	return m ? CUDA_SUCCESS : module_create(c, l->code, l, out);
}

CUresult kernel_in(struct kernel *k, struct context *c, struct function **out)
{
	struct module *m;
	CUresult result = library_in(k->library, c, &m);

	if (!result)
		*out = &m->functions[k->index];
	return result;
}

CUresult cuLibraryGetKernel(CUkernel *out, CUlibrary handle, const char *name)
{
	const struct ptx_kernel *found;
	struct library *l;
	unsigned i;
	CUresult result = enter_library(handle, &l);

	if (result)
		return result;
	if (!out || !name)
		return leave(CUDA_ERROR_INVALID_VALUE);
	found = ptx_module_find_kernel(l->code->ptx, name);
	for (i = 0; found && i < l->code->kernels; i++)
		if (l->kernels[i].ptx == found)
			break;
	if (!found || i == l->code->kernels)
		return leave(CUDA_ERROR_NOT_FOUND);
	if (!kernel_handle(&l->kernels[i]))
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	*out = kernel_handle(&l->kernels[i]);
	return leave(CUDA_SUCCESS);
}

CUresult cuLibraryGetKernelCount(unsigned int *count, CUlibrary handle)
{
	struct library *l;
	CUresult result = need(count, enter_library(handle, &l));

	if (result)
		return result;
	*count = l->code->kernels;
	return leave(CUDA_SUCCESS);
}

CUresult cuLibraryEnumerateKernels(CUkernel *out, unsigned int count, CUlibrary handle)
{
	struct library *l;
	unsigned i;
	CUresult result = need(out, enter_library(handle, &l));

	if (result)
		return result;
	for (i = 0; i < count && i < l->code->kernels; i++)
		out[i] = kernel_handle(&l->kernels[i]);
	return leave(CUDA_SUCCESS);
}

/* A library's part in the current context. */
static CUresult enter_part(CUlibrary handle, struct module **out)
{
	struct library *l;
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	l = object_find(KIND_LIBRARY, handle);
	result = l ? library_in(l, c, out) : CUDA_ERROR_INVALID_HANDLE;
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuLibraryGetModule(CUmodule *out, CUlibrary handle)
{
	struct module *m;
	CUresult result = need(out, enter_part(handle, &m));

	if (result)
		return result;
	*out = (CUmodule)m->base.handle;
	return leave(CUDA_SUCCESS);
}

static CUresult global(
	CUdeviceptr *ptr, size_t *bytes, CUlibrary handle, const char *name, bool managed)
{
	struct module *m;
	CUresult result = enter_part(handle, &m);

	if (result)
		return result;
	if (!name || (!ptr && !bytes))
		return leave(CUDA_ERROR_INVALID_VALUE);
	return leave(module_global(m, name, managed, ptr, bytes));
}

CUresult cuLibraryGetGlobal(CUdeviceptr *ptr, size_t *bytes, CUlibrary library, const char *name)
{
	return global(ptr, bytes, library, name, false);
}

CUresult cuLibraryGetManaged(CUdeviceptr *ptr, size_t *bytes, CUlibrary library, const char *name)
{
	return global(ptr, bytes, library, name, true);
}

static CUresult enter_kernel(CUkernel handle, struct kernel **out)
{
	CUresult result = enter_device();

	if (result)
		return result;
	result = kernel_find(handle, out);
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuKernelGetFunction(CUfunction *out, CUkernel handle)
{
	struct function *f;
	struct kernel *k;
	struct context *c;
	CUresult result = need(out, enter(&c));

	if (result)
		return result;
	result = kernel_find(handle, &k);
	if (!result)
		result = kernel_in(k, c, &f);
	if (!result && !function_handle(f))
		result = CUDA_ERROR_OUT_OF_MEMORY;
	if (!result)
		*out = function_handle(f);
	return leave(result);
}

CUresult cuKernelGetLibrary(CUlibrary *out, CUkernel handle)
{
	struct kernel *k;
	CUresult result = need(out, enter_kernel(handle, &k));

	if (result)
		return result;
	*out = (CUlibrary)k->library->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuKernelGetName(const char **out, CUkernel handle)
{
	struct kernel *k;
	CUresult result = need(out, enter_kernel(handle, &k));

	if (result)
		return result;
	*out = k->ptx->name;
	return leave(CUDA_SUCCESS);
}

CUresult cuKernelGetParamInfo(CUkernel handle, size_t index, size_t *offset, size_t *size)
{
	struct kernel *k;
	CUresult result = enter_kernel(handle, &k);

	if (result)
		return result;
	if (!offset || index >= k->ptx->parameter_count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*offset = k->ptx->parameters[index].offset;
	if (size)
		*size = k->ptx->parameters[index].size;
	return leave(CUDA_SUCCESS);
}

CUresult cuKernelGetAttribute(
	int *value, CUfunction_attribute attribute, CUkernel handle, CUdevice dev)
{
	struct device *d;
	struct kernel *k;
	CUresult result = need(value, enter_kernel(handle, &k));

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		result = limits_get(k->ptx, &k->limits[dev], attribute, value);
	return leave(result);
}

CUresult cuKernelSetAttribute(
	CUfunction_attribute attribute, int value, CUkernel handle, CUdevice dev)
{
	struct device *d;
	struct kernel *k;
	CUresult result = enter_kernel(handle, &k);

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		result = limits_set(k->ptx, &k->limits[dev], attribute, value);
	return leave(result);
}

CUresult cuKernelSetCacheConfig(CUkernel handle, CUfunc_cache config, CUdevice dev)
{
	struct device *d;
	struct kernel *k;
	CUresult result = enter_kernel(handle, &k);

	if (result)
		return result;
	if ((unsigned)config > CU_FUNC_CACHE_PREFER_EQUAL)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		k->limits[dev].cache = config;
	return leave(result);
}
