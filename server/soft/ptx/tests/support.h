/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small owner of memory for tests of the interpreter: allocations that know
 * their bounds, a module with its variables in place, and what it printed.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ptx.h"

#define GPU_ALLOCATIONS 256
#define GPU_VARIABLES 256

struct gpu {
	struct ptx_module *module;
	void *variables[GPU_VARIABLES];
	struct {
		unsigned char *base;
		size_t size;
		bool read_only;
	} memory[GPU_ALLOCATIONS];
	unsigned count;
	char printed[16384];
	size_t printed_size;
	struct ptx_fault fault;
	char log[256];
	/* Of the next launch. */
	unsigned threads;
	size_t dynamic_shared;
	bool cooperative;
	const atomic_int *cancel;
};

/* Zeroed device memory; freed by gpu_close(). */
void *gpu_memory(struct gpu *g, size_t size);
/* The module of a text, or of kernels/@name; fails the test unless it loads. */
void gpu_open_text(struct gpu *g, const char *text);
void gpu_open(struct gpu *g, const char *name);
void gpu_close(struct gpu *g);
/* Parse only: the error, with the log in g->log. */
int gpu_parse(struct gpu *g, const char *text);
/* Where a variable lies. */
void *gpu_variable(struct gpu *g, const char *name);

/* Run @kernel on a grid of x blocks of y threads with 8-byte parameters; 32-bit
 * ones are taken from their lower half. The result of ptx_run(). */
int gpu_run(struct gpu *g, const char *kernel, unsigned blocks, unsigned threads,
	unsigned count, const uint64_t *params);

#define RUN(g, kernel, blocks, threads, ...)                                                       \
	gpu_run(g, kernel, blocks, threads,                                                        \
		sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),                        \
		(const uint64_t[]){__VA_ARGS__})
#define P(pointer) ((uint64_t)(uintptr_t)(pointer))

/* The same numbers on every run. */
static inline uint64_t test_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 32) ^ (*state << 29);
}

#endif
