/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadow modules, libraries, functions and kernels. What the driver would tell
 * about a function (parameter layout, attributes, name) came with its handle.
 * A kernel is accepted wherever a function is: CUDA 13's runtime relies on it.
 */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include "object.h"

struct context;

enum { FUNCTION_ATTRIBUTES = 16 };

struct function {
	struct object object;
	struct module *module;
	struct function *next;	     /* of the same module */
	struct function *kernel;     /* a library's function: the kernel it was made from */
	struct context *context;     /* NULL: a kernel, valid in all */
	unsigned life;
	char *name;
	uint32_t param_count;
	uint32_t param_size; /* bytes of the parameter buffer */
	uint32_t *param;     /* offset, size; param_count pairs */
	int attribute[FUNCTION_ATTRIBUTES];
	int (*of_device)[FUNCTION_ATTRIBUTES]; /* a kernel's, where there are several devices */
};

struct module {
	struct object object;
	bool library;
	struct context *context;     /* NULL: a library */
	unsigned life;
	struct module *owner;	     /* library that this is the module of */
	struct function *functions;
	struct module *in_context;   /* a library's modules, one per context */
	struct module *next;
};

/* The shadow behind a function or kernel handle; INVALID_HANDLE for neither. */
CUresult function_find(CUfunction handle, struct function **out);

/* Fill in layout and attributes as the server told them: @params are @count pairs of offset and
 * size. */
CUresult function_described(
	struct function *f, const int *attributes, uint32_t count, const uint32_t *params);

/* A kernel has attributes of its own on each device. */
static inline int *function_attributes(struct function *f, CUdevice device)
{
	return f->of_device ? f->of_device[device] : f->attribute;
}

/* For generated stubs. */
CUresult function_check(CUfunction handle, uint64_t *wire);

/* cuModuleLoadData for the private tables. */
CUresult module_load_image(const void *image, CUmodule *out);

/* A context's life has ended, and the server knows: its modules and their functions are gone. */
void module_context_gone(struct context *c, unsigned life);

/* For object.c: names and layouts stay with a function that is gone, since a racing caller may
 * still read them, until its place is used again. */
void function_recycle(struct object *o);

/* Call @each for every function of a module. */
CUresult module_each_function(CUmodule module, void (*each)(void *user, CUfunction), void *user);

#endif
