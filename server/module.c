/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's halves of module and library calls. Loading runs in helper
 * threads. A client's function may be a function or a kernel of the driver,
 * which takes either where a function is asked for; which one it is, the set
 * of known kernels says.
 */
#include "module.h"

#include <limits.h>
#include <stdlib.h>

#include "context.h"
#include "image.h"
#include "server_calls.h"

enum {
	FUNCTION_ATTRIBUTES = 16,
	PARAMETERS_MAX = 32764, /* bytes of parameters, so no more of them */
	NAMES_MAX = 1 << 20,	/* functions of a module */
};

CUresult jit_fill(
	struct jit *j, const CUjit_option *options, const uint64_t *values, unsigned count)
{
	if (count > JIT_OPTIONS_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < count; i++) {
		/* What is not known yet may have a pointer for a value. */
		if ((unsigned)options[i] >= CU_JIT_NUM_OPTIONS)
			return CUDA_ERROR_NOT_SUPPORTED;
		switch ((int)options[i]) {
		case CU_JIT_INFO_LOG_BUFFER:
		case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
		case CU_JIT_ERROR_LOG_BUFFER:
		case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
		case CU_JIT_GLOBAL_SYMBOL_NAMES:
		case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
		case CU_JIT_GLOBAL_SYMBOL_COUNT:
		case CU_JIT_REFERENCED_KERNEL_NAMES:
		case CU_JIT_REFERENCED_KERNEL_COUNT:
		case CU_JIT_REFERENCED_VARIABLE_NAMES:
		case CU_JIT_REFERENCED_VARIABLE_COUNT:
			return CUDA_ERROR_INVALID_VALUE;
		}
		j->option[i] = options[i];
		j->value[i] = (void *)(uintptr_t)values[i];
	}
	j->count = count;
	return CUDA_SUCCESS;
}

static void jit_add(struct jit *j, CUjit_option option, void *value)
{
	j->option[j->count] = option;
	j->value[j->count++] = value;
}

void jit_logs(struct jit *j, char *info, unsigned info_size, char *error, unsigned error_size)
{
	if (info_size) {
		jit_add(j, CU_JIT_INFO_LOG_BUFFER, info);
		jit_add(j, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, (void *)(uintptr_t)info_size);
	}
	if (error_size) {
		jit_add(j, CU_JIT_ERROR_LOG_BUFFER, error);
		jit_add(j, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, (void *)(uintptr_t)error_size);
	}
}

/* Options and image of a load; the image is the caller's to free. */
static CUresult load_begin(struct request *q, unsigned kind, struct jit *j,
	const CUjit_option *options, const uint64_t *values, unsigned count, struct image **image,
	const void **data)
{
	CUresult r = jit_fill(j, options, values, count);

	*image = image_take(q);
	if (r)
		return r;
	*data = *image ? image_data(*image, kind) : NULL;
	return *data ? CUDA_SUCCESS : CUDA_ERROR_INVALID_IMAGE;
}

static void log_size(unsigned *size, const char *log)
{
	*size = *size ? strnlen(log, *size) : 0;
}

static CUresult module_load(struct session *s, const void *data, struct jit *j, uint64_t id)
{
	CUmodule real;
	CUresult r = driver.cuModuleLoadDataEx(&real, data, j->count, j->option, j->value);

	if (r)
		return r;
	r = handle_set(s, KIND_CUmodule, id, real, CUDA_SUCCESS);
	if (r)
		driver.cuModuleUnload(real);
	return r;
}

/* The image is freed after the call, whatever the application promised about its own; other options
 * of libraries name host functions. */
static CUresult library_load(struct session *s, const void *data, struct jit *j, uint64_t id)
{
	CUlibrary real;
	CUresult r = driver.cuLibraryLoadData(
		&real, data, j->option, j->value, j->count, NULL, NULL, 0);

	if (r)
		return r;
	r = handle_set(s, KIND_CUlibrary, id, real, CUDA_SUCCESS);
	if (r)
		driver.cuLibraryUnload(real);
	return r;
}

CUresult server_image_load(struct request *q, uint64_t container, unsigned int is_library,
	unsigned int kind, const CUjit_option *options, const uint64_t *values, unsigned int count,
	unsigned int *info_size, char *info_log, unsigned int *error_size, char *error_log)
{
	struct image *image = NULL;
	const void *data;
	struct jit j;
	CUresult r = load_begin(q, kind, &j, options, values, count, &image, &data);

	/* Libraries need no context; a module is a context's. */
	if (!r && !is_library && !serving_context)
		r = CUDA_ERROR_INVALID_CONTEXT;
	if (!r) {
		jit_logs(&j, info_log, *info_size, error_log, *error_size);
		r = is_library ? library_load(q->session, data, &j, container)
			       : module_load(q->session, data, &j, container);
	}
	image_free(q->session, image);
	log_size(info_size, info_log);
	log_size(error_size, error_log);
	return r;
}

struct ending {
	struct session *session;
	enum kind kind;
	const void *owner;
};

static void function_ends(void *user, uint64_t id, struct handle_entry *e)
{
	const struct ending *end = user;
	void *real = atomic_load(&e->real);

	if (atomic_load(&e->owner) != end->owner)
		return;
	handle_drop(end->session, end->kind, id);
	real_drop(end->session, KIND_CUkernel, real);
}

/* Neither their numbers nor what is known of their addresses may outlive them. */
static void functions_end(struct session *s, const void *owner)
{
	struct ending functions = {s, KIND_CUfunction, owner}, kernels = {s, KIND_CUkernel, owner};

	handles_each(&s->handles, KIND_CUfunction, function_ends, &functions);
	handles_each(&s->handles, KIND_CUkernel, function_ends, &kernels);
}

static void part_ends(void *user, uint64_t id, struct handle_entry *e)
{
	const struct ending *end = user;

	if (atomic_load(&e->owner) != end->owner)
		return;
	functions_end(end->session, atomic_load(&e->real));
	handle_drop(end->session, KIND_CUmodule, id);
}

CUresult module_ending(struct request *q, CUmodule module)
{
	functions_end(q->session, module);
	return CUDA_SUCCESS;
}

CUresult library_ending(struct request *q, CUlibrary library)
{
	struct ending parts = {q->session, KIND_CUmodule, library};

	handles_each(&q->session->handles, KIND_CUmodule, part_ends, &parts);
	functions_end(q->session, library);
	return CUDA_SUCCESS;
}

CUresult server_library_module(struct request *q, CUlibrary library, uint64_t module)
{
	CUmodule real;
	CUresult r = driver.cuLibraryGetModule(&real, library);

	if (!r)
		r = handle_set(q->session, KIND_CUmodule, module, real, CUDA_SUCCESS);
	if (!r)
		handles_own(&q->session->handles, KIND_CUmodule, module, library);
	return r;
}

static CUresult container_get(struct request *q, uint64_t container, unsigned is_library,
	CUmodule *module, CUlibrary *library)
{
	if (!container)
		return CUDA_ERROR_INVALID_HANDLE;
	if (is_library)
		return handle_get(q->session, KIND_CUlibrary, container, (void **)library);
	/* Libraries need no context; a module is a context's. */
	if (!serving_context)
		return CUDA_ERROR_INVALID_CONTEXT;
	return handle_get(q->session, KIND_CUmodule, container, (void **)module);
}

bool function_is_kernel(struct session *s, const void *function)
{
	return handles_real_has(&s->handles, KIND_CUkernel, (uintptr_t)function);
}

/* Numbers of both kinds are used for either. */
static bool is_function_id(uint64_t id)
{
	return handle_kind(id) == KIND_CUfunction || handle_kind(id) == KIND_CUkernel;
}

/* A kernel, unlike a function, does not end with the context in which it was asked for. */
static CUresult kernel_set(struct session *s, uint64_t id, CUkernel real)
{
	CUresult r = real_add(s, KIND_CUkernel, real);

	if (!r)
		r = handle_set(s, handle_kind(id), id, real, CUDA_SUCCESS);
	if (!r)
		handles_attach(&s->handles, handle_kind(id), id, NULL);
	return r;
}

/* Kernels of libraries are asked for before there is a context: then for the first device. */
static CUresult attribute_get(void *function, bool kernel, int attribute, int *out)
{
	CUdevice device = serving_context ? serving_context->device : 0;

	if (kernel)
		return driver.cuKernelGetAttribute(out, attribute, function, device);
	return driver.cuFuncGetAttribute(out, attribute, function);
}

static CUresult parameter_get(void *function, bool kernel, unsigned i, size_t *offset, size_t *size)
{
	if (kernel)
		return driver.cuKernelGetParamInfo(function, i, offset, size);
	return driver.cuFuncGetParamInfo(function, i, offset, size);
}

CUresult function_parameter(
	struct session *s, void *function, unsigned i, size_t *offset, size_t *size)
{
	return parameter_get(function, function_is_kernel(s, function), i, offset, size);
}

/* All of a function that a launch needs to know. */
static CUresult function_describe(void *function, bool kernel, int *attributes,
	unsigned *parameters, uint32_t *offsets, uint32_t *sizes)
{
	unsigned room = *parameters;
	size_t offset, size;
	CUresult r = CUDA_SUCCESS;
	unsigned n;

	for (int i = 0; i < FUNCTION_ATTRIBUTES; i++) {
		if (attribute_get(function, kernel, i, &attributes[i]))
			attributes[i] = INT_MIN;
	}
	for (n = 0; n < PARAMETERS_MAX; n++) {
		r = parameter_get(function, kernel, n, &offset, &size);
		if (r)
			break;
		if (n < room) {
			offsets[n] = offset;
			sizes[n] = size;
		}
	}
	*parameters = n;
	return r == CUDA_ERROR_INVALID_VALUE ? CUDA_SUCCESS : r;
}

/*
 * A library's kernels may be asked for before there is a context, and some drivers answer questions
 * about them only in one: the first device's primary context serves for the moment.
 */
static CUresult context_borrow(void)
{
	CUcontext real;
	CUresult r = driver.cuDevicePrimaryCtxRetain(&real, 0);

	if (r)
		return r;
	r = context_use(real);
	if (r)
		driver.cuDevicePrimaryCtxRelease_v2(0);
	return r;
}

static void context_give_back(void)
{
	context_use(NULL);
	driver.cuDevicePrimaryCtxRelease_v2(0);
	context_forget();
}

/* The driver's function or kernel of that name, and all that is known of it. */
static CUresult function_look_up(CUmodule module, CUlibrary library, const char *name, void **real,
	int *attributes, unsigned *parameters, uint32_t *offsets, uint32_t *sizes)
{
	bool borrowed = library && !serving_context;
	CUresult r = borrowed ? context_borrow() : CUDA_SUCCESS;

	if (r)
		return r;
	if (library)
		r = driver.cuLibraryGetKernel((CUkernel *)real, library, name);
	else
		r = driver.cuModuleGetFunction((CUfunction *)real, module, name);
	if (!r)
		r = function_describe(*real, library, attributes, parameters, offsets, sizes);
	if (borrowed)
		context_give_back();
	return r;
}

CUresult server_function_get(struct request *q, uint64_t container, unsigned int is_library,
	uint64_t function, const char *name, int *attributes, unsigned int *parameters,
	uint32_t *offsets, uint32_t *sizes)
{
	struct session *s = q->session;
	CUlibrary library = NULL;
	CUmodule module = NULL;
	void *real = NULL;
	CUresult r = container_get(q, container, is_library, &module, &library);

	if (!is_function_id(function))
		return CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = function_look_up(
			module, library, name, &real, attributes, parameters, offsets, sizes);
	/* The client asks again, with more room, under the same number. */
	if (r || handles_find(&s->handles, handle_kind(function), function))
		return r;
	if (is_library)
		r = kernel_set(s, function, real);
	else
		r = handle_set(s, KIND_CUfunction, function, real, CUDA_SUCCESS);
	if (!r)
		handles_own(&s->handles, handle_kind(function), function,
			is_library ? (void *)library : (void *)module);
	return r;
}

/* @out has room for @count handles; they are kernels or functions. */
static CUresult functions_list(CUmodule module, CUlibrary library, void **out, unsigned count)
{
	if (library)
		return driver.cuLibraryEnumerateKernels((CUkernel *)out, count, library);
	return driver.cuModuleEnumerateFunctions((CUfunction *)out, count, module);
}

static CUresult function_name(void *function, bool kernel, const char **out)
{
	return kernel ? driver.cuKernelGetName(out, function) : driver.cuFuncGetName(out, function);
}

static CUresult names_write(
	void **list, unsigned count, bool kernel, size_t room, size_t *bytes, char *names)
{
	for (unsigned i = 0; i < count; i++) {
		const char *name;
		CUresult r = function_name(list[i], kernel, &name);
		size_t size;

		if (r)
			return r;
		size = strlen(name) + 1;
		if (*bytes <= room && size <= room - *bytes)
			memcpy(names + *bytes, name, size);
		*bytes += size;
	}
	return CUDA_SUCCESS;
}

CUresult server_module_functions(struct request *q, uint64_t container, unsigned int is_library,
	unsigned int *count, size_t *bytes, char *names)
{
	CUlibrary library = NULL;
	CUmodule module = NULL;
	size_t room = *bytes;
	void **list;
	CUresult r = container_get(q, container, is_library, &module, &library);

	*bytes = 0;
	if (!r)
		r = is_library ? driver.cuLibraryGetKernelCount(count, library)
			       : driver.cuModuleGetFunctionCount(count, module);
	if (r || !*count)
		return r;
	if (*count > NAMES_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	list = request_alloc(q, *count, sizeof(*list));
	if (!list)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = functions_list(module, library, list, *count);
	return r ? r : names_write(list, *count, is_library, room, bytes, names);
}

CUresult server_kernel_function(struct request *q, uint64_t kernel, uint64_t function)
{
	struct handles *h = &q->session->handles;
	struct handle_entry *e = handles_find(h, KIND_CUkernel, kernel);
	CUfunction real = NULL;
	void *found = NULL;
	CUresult r = handle_get(q->session, KIND_CUkernel, kernel, &found), set;

	if (!e)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = driver.cuKernelGetFunction(&real, found);
	set = handle_set(q->session, KIND_CUfunction, function, r ? NULL : real, r);
	if (!set)
		handles_own(h, KIND_CUfunction, function, atomic_load(&e->owner));
	return r ? r : set;
}

/* Numbers of functions are taken for kernels' too. */
CUresult kernel_check(struct request *q, CUkernel kernel)
{
	return function_is_kernel(q->session, kernel) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
