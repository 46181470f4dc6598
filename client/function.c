/* SPDX-License-Identifier: Apache-2.0 */
/* What functions and kernels tell about themselves, and what can be set: all from their shadows. */
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "image.h"
#include "module.h"
#include "wire_calls.h"

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

CUresult function_described(
	struct function *f, const int *attributes, uint32_t count, const uint32_t *params)
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
	if (f->context || client.device_count == 1)
		return CUDA_SUCCESS;
	f->of_device = malloc(client.device_count * sizeof(*f->of_device));
	if (!f->of_device)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (int i = 0; i < client.device_count; i++)
		memcpy(f->of_device[i], attributes, sizeof(*f->of_device));
	return CUDA_SUCCESS;
}

static CUresult find(CUfunction handle, const void *out, struct function **f)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	return out ? function_find(handle, f) : CUDA_ERROR_INVALID_VALUE;
}

static CUresult get_attribute(struct function *f, int attribute, CUdevice dev, int *value)
{
	const int *all = function_attributes(f, dev);

	if (attribute < 0 || attribute >= FUNCTION_ATTRIBUTES || all[attribute] == INT32_MIN)
		return CUDA_ERROR_INVALID_VALUE;
	*value = all[attribute];
	return CUDA_SUCCESS;
}

/* Where nothing is current, the first. */
static CUdevice current_device(void)
{
	const struct context *c = context_self();

	return c ? c->device : 0;
}

CUresult client_cuFuncGetAttribute(int *pi, CUfunction_attribute attrib, CUfunction hfunc)
{
	struct function *f;
	CUresult r = find(hfunc, pi, &f);

	return r ? r : get_attribute(f, attrib, current_device(), pi);
}

CUresult client_cuKernelGetAttribute(int *pi, CUfunction_attribute attrib, CUkernel kernel,
	CUdevice dev)
{
	struct function *f;
	CUresult r = find((CUfunction)kernel, pi, &f);

	if (!r && (dev < 0 || dev >= client.device_count))
		r = CUDA_ERROR_INVALID_DEVICE;
	return r ? r : get_attribute(f, attrib, dev, pi);
}

/* What the driver would say to this value on this device. */
static CUresult check_attribute(const struct function *f, int attribute, int value, CUdevice dev)
{
	const int *limit = client.device[dev].attribute;

	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		return value < 0 || value > limit[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN] -
						     f->attribute[CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES]
			       ? CUDA_ERROR_INVALID_VALUE
			       : CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		return value < -1 || value > 100 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
	case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
	case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
		return value < 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

/* Functions that were made from a kernel are the same code. */
static void set_functions(const struct function *k, int attribute, int value, CUdevice dev)
{
	for (struct module *m = k->module->in_context; m; m = m->next) {
		if (m->context->device != dev)
			continue;
		for (struct function *f = m->functions; f; f = f->next) {
			if (f->kernel == k)
				f->attribute[attribute] = value;
		}
	}
}

/* Libraries set the same value before every launch: only a change is worth a frame. */
static CUresult set_attribute(struct function *f, int attribute, int value, CUdevice dev)
{
	int *all = function_attributes(f, dev);
	CUresult r = check_attribute(f, attribute, value, dev);

	if (r || all[attribute] == value)
		return r;
	r = f->module->library
		    ? wire_kernel_set_attribute(f->object.handle, attribute, value, dev)
		    : wire_function_set_attribute(f->object.handle, attribute, value);
	if (r)
		return r;
	all[attribute] = value;
	if (f->module->library)
		set_functions(f, attribute, value, dev);
	return CUDA_SUCCESS;
}

CUresult client_cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value)
{
	struct function *f;
	CUresult r = call_check(0);

	if (!r)
		r = function_find(hfunc, &f);
	return r ? r : set_attribute(f, attrib, value, context_self()->device);
}

CUresult client_cuKernelSetAttribute(CUfunction_attribute attrib, int val, CUkernel kernel,
	CUdevice dev)
{
	struct function *k;
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (!r)
		r = function_find((CUfunction)kernel, &k);
	if (!r && (dev < 0 || dev >= client.device_count))
		r = CUDA_ERROR_INVALID_DEVICE;
	return r ? r : set_attribute(k, attrib, val, dev);
}

static CUresult param_info(const struct function *f, size_t index, size_t *offset, size_t *size)
{
	if (index >= f->param_count)
		return CUDA_ERROR_INVALID_VALUE;
	*offset = f->param[2 * index];
	if (size)
		*size = f->param[2 * index + 1];
	return CUDA_SUCCESS;
}

CUresult client_cuFuncGetParamInfo(CUfunction func, size_t paramIndex, size_t *paramOffset,
	size_t *paramSize)
{
	struct function *f;
	CUresult r = find(func, paramOffset, &f);

	return r ? r : param_info(f, paramIndex, paramOffset, paramSize);
}

CUresult client_cuKernelGetParamInfo(CUkernel kernel, size_t paramIndex, size_t *paramOffset,
	size_t *paramSize)
{
	return client_cuFuncGetParamInfo((CUfunction)kernel, paramIndex, paramOffset, paramSize);
}

CUresult client_cuFuncGetName(const char **name, CUfunction hfunc)
{
	struct function *f;
	CUresult r = find(hfunc, name, &f);

	if (!r)
		*name = f->name;
	return r;
}

CUresult client_cuKernelGetName(const char **name, CUkernel hfunc)
{
	return client_cuFuncGetName(name, (CUfunction)hfunc);
}

CUresult client_cuFuncGetModule(CUmodule *hmod, CUfunction hfunc)
{
	struct function *f;
	CUresult r = find(hfunc, hmod, &f);

	if (r)
		return r;
	if (f->module->library)
		return client_cuLibraryGetModule(hmod,
			(CUlibrary)(uintptr_t)f->module->object.handle);
	*hmod = (CUmodule)(uintptr_t)f->module->object.handle;
	return CUDA_SUCCESS;
}

CUresult client_cuKernelGetLibrary(CUlibrary *pLib, CUkernel kernel)
{
	struct function *f;
	CUresult r = find((CUfunction)kernel, pLib, &f);

	if (r)
		return r;
	if (!f->module->library)
		return CUDA_ERROR_INVALID_HANDLE;
	*pLib = (CUlibrary)(uintptr_t)f->module->object.handle;
	return CUDA_SUCCESS;
}

/* A function whose attributes are known was loaded to find them out. */
CUresult client_cuFuncLoad(CUfunction function)
{
	struct function *f;
	CUresult r = call_check(0);

	return r ? r : function_find(function, &f);
}

CUresult client_cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction function)
{
	struct function *f;
	CUresult r = find(function, state, &f);

	if (!r)
		*state = CU_FUNCTION_LOADING_STATE_LOADED;
	return r;
}
