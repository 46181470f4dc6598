/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed module as its users see it, and the memory it owns.
 */
#include <stdlib.h>
#include <string.h>

#include "ptx_code.h"

#define CHUNK_BYTES (64u << 10)
#define CHUNK_ALIGNMENT 16

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(CHUNK_ALIGNMENT) unsigned char bytes[];
};

void *arena_get(struct ptx_module *m, size_t size)
{
	struct arena_chunk *c = m->arena;
	void *place;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + CHUNK_ALIGNMENT - 1) & ~(size_t)(CHUNK_ALIGNMENT - 1);
	if (!c || c->size - c->used < size) {
		size_t bytes = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		c = calloc(1, sizeof(*c) + bytes);
		if (!c)
			return NULL;
		c->size = bytes;
		c->next = m->arena;
		m->arena = c;
	}
	place = c->bytes + c->used;
	c->used += size;
	return place;
}

void ptx_module_destroy(struct ptx_module *m)
{
	if (!m)
		return;
	while (m->arena) {
		struct arena_chunk *next = m->arena->next;

		free(m->arena);
		m->arena = next;
	}
	free(m->functions);
	free(m->kernels);
	free(m->variables);
	free(m->shared);
	free(m->literals);
	free(m);
}

unsigned ptx_module_version(const struct ptx_module *m)
{
	return m->version;
}

unsigned ptx_module_target(const struct ptx_module *m)
{
	return m->target;
}

const struct ptx_kernel *ptx_module_kernel(const struct ptx_module *m, unsigned index)
{
	return index < m->kernel_count ? &m->kernels[index]->kernel : NULL;
}

const struct ptx_kernel *ptx_module_find_kernel(const struct ptx_module *m, const char *name)
{
	for (unsigned i = 0; i < m->kernel_count; i++)
		if (!strcmp(m->kernels[i]->name, name))
			return &m->kernels[i]->kernel;
	return NULL;
}

const struct ptx_variable *ptx_module_variable(const struct ptx_module *m, unsigned index)
{
	return index < m->variable_count ? &m->variables[index]->public : NULL;
}

const struct ptx_variable *ptx_module_find_variable(const struct ptx_module *m, const char *name)
{
	for (unsigned i = 0; i < m->variable_count; i++)
		if (!strcmp(m->variables[i]->public.name, name))
			return &m->variables[i]->public;
	return NULL;
}

unsigned ptx_module_variable_index(const struct ptx_module *m, const struct ptx_variable *v)
{
	unsigned i = 0;

	while (i < m->variable_count && &m->variables[i]->public != v)
		i++;
	return i;
}
