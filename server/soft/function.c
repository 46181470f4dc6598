/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of modules: finding them, and what they say about themselves. */
#include "soft.h"

CUfunction function_handle(struct function *f)
{
	if (!f->base.handle && object_publish(&f->base) < 0)
		return NULL;
	return (CUfunction)f->base.handle;
}

/* Callers pass a CUkernel where a CUfunction is meant, as the runtime does. */
CUresult function_find(struct context *c, CUfunction handle, struct function **out)
{
	struct function *f = object_find(KIND_FUNCTION, handle);
	struct kernel *k;

	if (f) {
		*out = f;
		return CUDA_SUCCESS;
	}
	k = object_find(KIND_KERNEL, handle);
	return k ? kernel_in(k, c, out) : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuModuleGetFunction(CUfunction *out, CUmodule handle, const char *name)
{
	const struct ptx_kernel *found;
	struct context *c;
	struct module *m;
	unsigned i;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || !name || !*name)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = module_find(handle, &m);
	if (result)
		return leave(result);
	found = ptx_module_find_kernel(m->code->ptx, name);
	for (i = 0; i < m->code->kernels && m->functions[i].ptx != found; i++)
		;
	if (!found || i == m->code->kernels)
		return leave(CUDA_ERROR_NOT_FOUND);
	if (!function_handle(&m->functions[i]))
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	*out = (CUfunction)m->functions[i].base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuModuleGetFunctionCount(unsigned int *count, CUmodule handle)
{
	struct context *c;
	struct module *m;
	CUresult result = need(count, enter(&c));

	if (result)
		return result;
	result = module_find(handle, &m);
	if (!result)
		*count = m->code->kernels;
	return leave(result);
}

CUresult cuModuleEnumerateFunctions(CUfunction *out, unsigned int count, CUmodule handle)
{
	struct context *c;
	struct module *m;
	unsigned i;
	CUresult result = need(out, enter(&c));

	if (result)
		return result;
	result = module_find(handle, &m);
	for (i = 0; !result && i < count && i < m->code->kernels; i++)
		out[i] = function_handle(&m->functions[i]);
	return leave(result);
}

CUresult enter_function(CUfunction handle, struct function **out)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = function_find(c, handle, out);
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuFuncGetModule(CUmodule *out, CUfunction handle)
{
	struct function *f;
	CUresult result = need(out, enter_function(handle, &f));

	if (result)
		return result;
	*out = (CUmodule)f->module->base.handle;
	return leave(CUDA_SUCCESS);
}

CUresult cuFuncGetName(const char **out, CUfunction handle)
{
	struct function *f;
	CUresult result = need(out, enter_function(handle, &f));

	if (result)
		return result;
	*out = f->ptx->name;
	return leave(CUDA_SUCCESS);
}

CUresult cuFuncGetParamInfo(CUfunction handle, size_t index, size_t *offset, size_t *size)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if (!offset || index >= f->ptx->parameter_count)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*offset = f->ptx->parameters[index].offset;
	if (size)
		*size = f->ptx->parameters[index].size;
	return leave(CUDA_SUCCESS);
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction handle)
{
	struct function *f;
	CUresult result = need(state, enter_function(handle, &f));

	if (result)
		return result;
	*state = CU_FUNCTION_LOADING_STATE_LOADED;
	return leave(CUDA_SUCCESS);
}

CUresult cuFuncLoad(CUfunction handle)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	return result ? result : leave(CUDA_SUCCESS);
}

static int max_threads(const struct ptx_kernel *ptx)
{
	unsigned n = ptx->max_block[0] ? ptx->max_block[0] * ptx->max_block[1] * ptx->max_block[2]
				       : BLOCK_THREADS_MAX;

	if (ptx->required_block[0])
		n = ptx->required_block[0] * ptx->required_block[1] * ptx->required_block[2];
	return n < BLOCK_THREADS_MAX ? n : BLOCK_THREADS_MAX;
}

CUresult limits_get(const struct ptx_kernel *ptx, const struct function_limits *l,
	CUfunction_attribute attribute, int *value)
{
	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		*value = max_threads(ptx);
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
		*value = ptx->shared_bytes;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
		*value = ptx->const_bytes;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
		*value = ptx->local_bytes;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_NUM_REGS:
		*value = ptx->registers < 255 ? ptx->registers : 255;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PTX_VERSION:
	case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
		*value = 75;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		*value = l->max_shared ? l->max_shared : SHARED_DEFAULT - (int)ptx->shared_bytes;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		*value = l->carveout;
		return CUDA_SUCCESS;
	default:
		*value = 0;
		return (int)attribute >= 0 && attribute < CU_FUNC_ATTRIBUTE_MAX
			       ? CUDA_SUCCESS
			       : CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult limits_set(const struct ptx_kernel *ptx, struct function_limits *l,
	CUfunction_attribute attribute, int value)
{
	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		if (value < 0 || value > SHARED_OPTIN - (int)ptx->shared_bytes)
			return CUDA_ERROR_INVALID_VALUE;
		l->max_shared = value;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		if (value < -1 || value > 100)
			return CUDA_ERROR_INVALID_VALUE;
		l->carveout = value;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction handle)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	return leave(
		value ? limits_get(f->ptx, f->limits, attribute, value) : CUDA_ERROR_INVALID_VALUE);
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	return result ? result : leave(limits_set(f->ptx, f->limits, attribute, value));
}

CUresult cuFuncSetCacheConfig(CUfunction handle, CUfunc_cache config)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if ((unsigned)config > CU_FUNC_CACHE_PREFER_EQUAL)
		return leave(CUDA_ERROR_INVALID_VALUE);
	f->limits->cache = config;
	return leave(CUDA_SUCCESS);
}

CUresult cuFuncSetSharedMemConfig(CUfunction handle, CUsharedconfig config)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	return leave((unsigned)config > CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE
			     ? CUDA_ERROR_INVALID_VALUE
			     : CUDA_SUCCESS);
}
