/* SPDX-License-Identifier: Apache-2.0 */
/* See support.h. */
#include "support.h"

static bool is_valid(void *user, uint64_t address, size_t size, bool write, struct ptx_range *range)
{
	struct gpu *g = user;

	for (unsigned i = 0; i < g->count; i++) {
		uint64_t base = P(g->memory[i].base);

		if (address < base || address - base > g->memory[i].size ||
		    size > g->memory[i].size - (address - base))
			continue;
		if (!g->memory[i].base || (write && g->memory[i].read_only))
			return false;
		*range = (struct ptx_range){base, base + g->memory[i].size,
			!g->memory[i].read_only};
		return true;
	}
	return false;
}

static uint64_t allocate(void *user, size_t size)
{
	return size > 1 << 20 ? 0 : P(gpu_memory(user, size));
}

static bool release(void *user, uint64_t address)
{
	struct gpu *g = user;

	for (unsigned i = 0; i < g->count; i++) {
		if (!address || P(g->memory[i].base) != address)
			continue;
		free(g->memory[i].base);
		g->memory[i].base = NULL;
		g->memory[i].size = 0;
		return true;
	}
	return false;
}

static void print(void *user, bool failed, const char *text, size_t size)
{
	struct gpu *g = user;

	if (size > sizeof(g->printed) - 1 - g->printed_size)
		size = sizeof(g->printed) - 1 - g->printed_size;
	memcpy(g->printed + g->printed_size, text, size);
	g->printed_size += size;
	g->printed[g->printed_size] = 0;
}

void *gpu_memory(struct gpu *g, size_t size)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	assert_true(g->count < GPU_ALLOCATIONS);
	g->memory[g->count].base = p;
	g->memory[g->count++].size = size;
	return p;
}

static void place_variables(struct gpu *g)
{
	const struct ptx_variable *v;

	for (unsigned i = 0; (v = ptx_module_variable(g->module, i)); i++) {
		assert_true(i < GPU_VARIABLES);
		if (!v->size)
			continue;
		g->variables[i] = aligned_alloc(256, (v->size + 255) / 256 * 256);
		assert_non_null(g->variables[i]);
		assert_true(g->count < GPU_ALLOCATIONS);
		g->memory[g->count].base = g->variables[i];
		g->memory[g->count].read_only = v->is_const;
		g->memory[g->count++].size = v->size;
	}
	assert_int_equal(ptx_module_initialise(g->module, g->variables), 0);
}

int gpu_parse(struct gpu *g, const char *text)
{
	memset(g, 0, sizeof(*g));
	return ptx_module_parse(text, strlen(text), &g->module, g->log, sizeof(g->log));
}

void gpu_open_text(struct gpu *g, const char *text)
{
	int err = gpu_parse(g, text);

	if (err)
		fail_msg("%s", g->log);
	place_variables(g);
}

void gpu_open(struct gpu *g, const char *name)
{
	char path[512];
	char *text;
	FILE *f;
	long size;

	snprintf(path, sizeof(path), "%s/%s", getenv("PTX_KERNELS"), name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)size, f), size);
	fclose(f);
	gpu_open_text(g, text);
	free(text);
}

void gpu_close(struct gpu *g)
{
	for (unsigned i = 0; i < g->count; i++)
		free(g->memory[i].base);
	ptx_module_destroy(g->module);
}

void *gpu_variable(struct gpu *g, const char *name)
{
	const struct ptx_variable *v = ptx_module_find_variable(g->module, name);

	assert_non_null(v);
	return g->variables[ptx_module_variable_index(g->module, v)];
}

int gpu_run(struct gpu *g, const char *kernel, unsigned blocks, unsigned threads,
	unsigned count, const uint64_t *params)
{
	const struct ptx_kernel *k = ptx_module_find_kernel(g->module, kernel);
	struct ptx_memory memory = {is_valid, allocate, release, g};
	struct ptx_launch launch = {.module = g->module, .kernel = k, .grid = {blocks, 1, 1},
		.block = {threads, 1, 1}, .variables = g->variables, .memory = &memory,
		.print = print, .print_user = g, .threads = g->threads,
		.dynamic_shared = g->dynamic_shared, .cooperative = g->cooperative,
		.cancel = g->cancel};
	unsigned char *bytes;
	int err;

	assert_non_null(k);
	assert_int_equal(k->parameter_count, count);
	bytes = calloc(1, k->parameter_bytes + 8);
	assert_non_null(bytes);
	for (unsigned i = 0; i < count; i++) {
		assert_true(k->parameters[i].size <= 8);
		memcpy(bytes + k->parameters[i].offset, &params[i], k->parameters[i].size);
	}
	launch.params = bytes;
	launch.params_size = k->parameter_bytes;
	g->printed_size = 0;
	g->printed[0] = 0;
	err = ptx_run(&launch, &g->fault);
	free(bytes);
	return err;
}
