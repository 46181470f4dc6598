/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: parsed code in a context, with memory for its variables. Functions
 * are parts of their module; queued launches hold the module, so an unload
 * (which waits, as natively) or a context's end never pulls code away.
 */
#include "soft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct code *code_get(struct code *code)
{
	code->refs++;
	return code;
}

void code_put(struct code *code)
{
	if (!code || --code->refs)
		return;
	ptx_module_destroy(code->ptx);
	free(code);
}

/* Runs without the lock: parsing may take long. */
CUresult code_load(const void *image, struct log *log, struct code **out)
{
	struct code *code;
	size_t length;
	char *text;
	CUresult result;
	int err;

	if (!image)
		return CUDA_ERROR_INVALID_VALUE;
	result = image_text(image, &text, &length);
	if (result)
		return result;
	code = calloc(1, sizeof(*code));
	if (!code) {
		free(text);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	code->refs = 1;
	err = ptx_module_parse(text, length, &code->ptx, log->buffer, log->size);
	free(text);
	if (err < 0 || ptx_module_target(code->ptx) > 75) {
		if (!err)
			ptx_module_destroy(code->ptx);
		free(code);
		return err && err != -EINVAL ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_PTX;
	}
	while (ptx_module_kernel(code->ptx, code->kernels))
		code->kernels++;
	while (ptx_module_variable(code->ptx, code->variables))
		code->variables++;
	*out = code;
	return CUDA_SUCCESS;
}

static void module_release(struct object *o)
{
	struct module *m = (struct module *)o;

	free(m->functions);
	free(m->variables);
	code_put(m->code);
	free(m);
}

/* Gives each variable of one kind its place; with @base NULL, only adds up. */
static size_t lay_out(struct module *m, bool managed, char *base)
{
	const struct ptx_variable *v;
	size_t at = 0;
	unsigned i;

	for (i = 0; i < m->code->variables; i++) {
		v = ptx_module_variable(m->code->ptx, i);
		if (v->is_managed != managed || v->is_extern)
			continue;
		at = round_up(at, v->alignment > 256 ? v->alignment : 256);
		if (base)
			m->variables[i] = base + at;
		at += v->size ? v->size : 1;
	}
	return at;
}

static CUresult place(struct module *m, struct context *c, bool managed, struct range **out)
{
	size_t size = lay_out(m, managed, NULL);
	CUresult result;

	if (!size)
		return CUDA_SUCCESS;
	result = memory_new(c, managed ? RANGE_MANAGED : RANGE_GLOBAL, size, out);
	if (!result)
		lay_out(m, managed, (char *)(*out)->addr);
	return result;
}

static void drop_storage(struct module *m)
{
	if (m->storage)
		memory_delete(m->storage);
	if (m->managed)
		memory_delete(m->managed);
	m->storage = m->managed = NULL;
}

static void fill_functions(struct module *m)
{
	struct function *f;
	unsigned i;

	for (i = 0; i < m->code->kernels; i++) {
		f = &m->functions[i];
		object_init(&f->base, KIND_FUNCTION, NULL);
		f->module = m;
		f->ptx = ptx_module_kernel(m->code->ptx, i);
		f->limits = &f->own;
		f->own.carveout = -1;
		if (m->library) {
			f->kernel = &m->library->kernels[i];
			f->limits = &f->kernel->limits[m->ctx->dev->index];
		}
	}
}

CUresult module_create(struct context *c, struct code *code, struct library *l, struct module **out)
{
	struct module *m = calloc(1, sizeof(*m));
	CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

	if (!m)
		return result;
	object_init(&m->base, KIND_MODULE, module_release);
	m->ctx = c;
	m->library = l;
	m->code = code_get(code);
	m->functions = calloc(code->kernels + 1, sizeof(*m->functions));
	m->variables = calloc(code->variables + 1, sizeof(*m->variables));
	if (!m->functions || !m->variables)
		goto put;
	fill_functions(m);
	result = place(m, c, false, &m->storage);
	if (!result)
		result = place(m, c, true, &m->managed);
	if (!result && ptx_module_initialise(code->ptx, m->variables) < 0)
		result = CUDA_ERROR_NOT_FOUND;
	if (!result && object_publish(&m->base) < 0)
		result = CUDA_ERROR_OUT_OF_MEMORY;
	if (result)
		goto drop;
	LIST_INSERT_HEAD(&c->modules, m, link);
	if (l)
		LIST_INSERT_HEAD(&l->modules, m, library_link);
	*out = m;
	return CUDA_SUCCESS;

drop:
	drop_storage(m);
put:
	object_put(m);
	return result;
}

void module_close(struct module *m)
{
	unsigned i;

	for (i = 0; i < m->code->kernels; i++)
		object_withdraw(&m->functions[i].base);
	LIST_REMOVE(m, link);
	if (m->library)
		LIST_REMOVE(m, library_link);
	drop_storage(m);
	m->ctx = NULL;
	m->library = NULL;
	object_withdraw(&m->base);
	object_put(m);
}

CUresult module_find(CUmodule handle, struct module **out)
{
	struct module *m = object_find(KIND_MODULE, handle);

	if (!m)
		return CUDA_ERROR_INVALID_HANDLE;
	*out = m;
	return m->ctx->error;
}

void log_find(unsigned n, const CUjit_option *options, void *const *values, struct log *log)
{
	unsigned i;

	for (i = 0; i < n && options && values; i++) {
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER)
			log->buffer = values[i];
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			log->size = (unsigned)(uintptr_t)values[i];
	}
	if (!log->buffer || !log->size)
		*log = (struct log){0};
	else
		log->buffer[0] = 0;
}

/* The logs' sizes become what was written. */
static void write_options(
	unsigned n, const CUjit_option *options, void **values, const struct log *log)
{
	unsigned i;

	for (i = 0; i < n && options && values; i++) {
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			values[i] = (void *)(log->buffer ? strlen(log->buffer) : 0);
		if (options[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			values[i] = NULL;
	}
}

static CUresult load(
	CUmodule *out, const void *image, unsigned n, CUjit_option *options, void **values)
{
	struct log log = {0};
	struct context *c;
	struct module *m;
	struct code *code;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || !image)
		return leave(CUDA_ERROR_INVALID_VALUE);
	leave(CUDA_SUCCESS);
	log_find(n, options, values, &log);
	result = code_load(image, &log, &code);
	write_options(n, options, values, &log);
	if (result)
		return result;
	result = enter(&c);
	if (!result) {
		result = module_create(c, code, NULL, &m);
		if (!result)
			*out = (CUmodule)m->base.handle;
		code_put(code);
		return leave(result);
	}
	pthread_mutex_lock(&gpu.lock);
	code_put(code);
	return leave(result);
}

CUresult cuModuleLoadData(CUmodule *out, const void *image)
{
	return load(out, image, 0, NULL, NULL);
}

CUresult cuModuleLoadDataEx(
	CUmodule *out, const void *image, unsigned int n, CUjit_option *options, void **values)
{
	return load(out, image, n, options, values);
}

CUresult cuModuleLoadFatBinary(CUmodule *out, const void *image)
{
	return load(out, image, 0, NULL, NULL);
}

CUresult file_read(const char *name, char **out)
{
	FILE *f = name ? fopen(name, "rb") : NULL;
	char *bytes = NULL;
	struct stat st;

	if (!f)
		return name ? CUDA_ERROR_FILE_NOT_FOUND : CUDA_ERROR_INVALID_VALUE;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode))
		bytes = calloc(1, st.st_size + 64);
	if (bytes && fread(bytes, 1, st.st_size, f) != (size_t)st.st_size) {
		free(bytes);
		bytes = NULL;
	}
	fclose(f);
	if (!bytes)
		return CUDA_ERROR_FILE_NOT_FOUND;
	*out = bytes;
	return CUDA_SUCCESS;
}

CUresult cuModuleLoad(CUmodule *out, const char *name)
{
	char *bytes;
	CUresult result = out ? file_read(name, &bytes) : CUDA_ERROR_INVALID_VALUE;

	if (result)
		return result;
	result = load(out, bytes, 0, NULL, NULL);
	free(bytes);
	return result;
}

CUresult cuModuleUnload(CUmodule handle)
{
	struct context *c;
	struct module *m;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = capture_unsafe();
	if (!result)
		result = module_find(handle, &m);
	if (!result && m->library)
		result = CUDA_ERROR_NOT_PERMITTED;
	if (result)
		return leave(result);
	device_wait(m->ctx->dev);
	printed_flush(c);
	/* The lock was dropped: somebody else may have unloaded it. */
	if (module_find(handle, &m) == CUDA_SUCCESS)
		module_close(m);
	return leave(c->error);
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	*mode = CU_MODULE_LAZY_LOADING;
	return CUDA_SUCCESS;
}

CUresult module_global(
	struct module *m, const char *name, bool managed, CUdeviceptr *ptr, size_t *bytes)
{
	const struct ptx_variable *v = ptx_module_find_variable(m->code->ptx, name);
	unsigned i;

	if (!v || (managed && !v->is_managed))
		return CUDA_ERROR_NOT_FOUND;
	i = ptx_module_variable_index(m->code->ptx, v);
	if (!m->variables[i])
		return CUDA_ERROR_NOT_FOUND;
	if (ptr)
		*ptr = (uintptr_t)m->variables[i];
	if (bytes)
		*bytes = v->size;
	return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *ptr, size_t *bytes, CUmodule handle, const char *name)
{
	struct context *c;
	struct module *m;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!name || (!ptr && !bytes))
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = module_find(handle, &m);
	return leave(result ? result : module_global(m, name, false, ptr, bytes));
}
