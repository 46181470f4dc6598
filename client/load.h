/* SPDX-License-Identifier: Apache-2.0 */
/* Shipping code images to the server and asking what they hold. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include "cuda_types.h"
#include "module.h"

enum { LOAD_OPTIONS = 40, LOAD_LOG_MAX = 64 << 10 };

/* JIT options, taken apart: numbers go to the server, buffers are filled from its answer. */
struct load_options {
	unsigned count;
	uint32_t id[LOAD_OPTIONS];
	uint64_t value[LOAD_OPTIONS];
	char *log[2];	       /* info, error: the application's buffers */
	size_t log_size[2];
	void **log_size_value[2]; /* where the sizes are told */
	void **wall_time;
};

/* INVALID_VALUE for options that don't fit; NOT_SUPPORTED for ones that hold pointers we can't follow. */
CUresult load_options_read(struct load_options *o, unsigned count, const CUjit_option *ids,
	void **values);

/* Room for the logs that the application asked for, info and error: a call puts them there, and says their
 * sizes; load_logs_end() writes them to the application's own buffers. */
struct load_logs {
	unsigned size[2];
	char *text[2];
};

void load_logs_begin(struct load_logs *l, const struct load_options *o);
void load_logs_end(struct load_logs *l, const struct load_options *o);

/* Send bytes as this thread's next image: what a load or link operation then consumes. */
CUresult load_ship(const void *data, size_t size);

/* A file's contents with a NUL behind them, which *size does not count; the caller frees *out. */
CUresult load_file(const char *name, char **out, size_t *size);

/* Load the image at @image as the module or library that @handle names. */
CUresult load_image(const void *image, struct load_options *options, uint64_t handle, bool library);

/* Ask for the function that f->name names in @m and fill @f in. */
CUresult load_function(struct module *m, struct function *f);

/* Call @each with the name of every function of @m. */
CUresult load_names(struct module *m, void (*each)(void *user, const char *name), void *user);

#endif
