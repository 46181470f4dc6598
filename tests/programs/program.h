/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the driver-API programs share. Each prints lines that depend on nothing but
 * what the driver API promises: no address, no time, no name of a GPU. So its
 * output straight on a driver and through the remote path must be equal.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cuda_prototypes.h"
#include "kernels.ptx.h"

/* For calls that must succeed for the program to make sense. */
#define DO(call) must((call), #call)

/* For calls whose result is what is tested. */
#define SAY(call) say(#call, (call))

static inline const char *result_name(CUresult r)
{
	const char *name = NULL;

	return cuGetErrorName(r, &name) == CUDA_SUCCESS ? name : "no such result";
}

static inline void must(CUresult r, const char *call)
{
	if (r == CUDA_SUCCESS)
		return;
	printf("FAILED %s: %s\n", call, result_name(r));
	fflush(stdout);
	exit(1);
}

static inline CUresult say(const char *call, CUresult r)
{
	printf("%s: %s\n", call, result_name(r));
	fflush(stdout);
	return r;
}

/*
 * With the argument "wild" a program also makes calls that NVIDIA's driver follows into
 * nowhere: freed and invented handles, NULL where it does not look. Ours must answer.
 */
static inline int program_wild(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "wild") == 0;
}

/* The primary context of device 0, current. */
static inline CUcontext program_begin(void)
{
	CUcontext context;

	DO(cuInit(0));
	DO(cuDevicePrimaryCtxRetain(&context, 0));
	DO(cuCtxSetCurrent(context));
	return context;
}

static inline CUmodule program_load(void)
{
	CUmodule module;

	DO(cuModuleLoadData(&module, kernels_ptx));
	return module;
}

static inline CUfunction program_kernel(CUmodule module, const char *name)
{
	CUfunction function;

	DO(cuModuleGetFunction(&function, module, name));
	return function;
}

enum { THREADS = 128 };

/* Launch over @n elements; parameters by pointers. */
static inline CUresult launch_over(CUfunction f, unsigned n, CUstream stream, void **parameters)
{
	return cuLaunchKernel(f, (n + THREADS - 1) / THREADS, 1, 1, THREADS, 1, 1, 0, stream,
			      parameters, NULL);
}

static inline CUdeviceptr device_words(size_t n)
{
	CUdeviceptr p;

	DO(cuMemAlloc_v2(&p, n * 4));
	return p;
}

/* FNV-1a: equal contents print equal. */
static inline unsigned long long checksum(const void *p, size_t size)
{
	const unsigned char *b = p;
	unsigned long long h = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		h = (h ^ b[i]) * 0x100000001b3;
	return h;
}

/* Waits, as cuMemcpyDtoH does. */
static inline void say_words(const char *what, CUdeviceptr p, size_t n)
{
	unsigned *words = malloc(n * 4 + 1);

	DO(cuMemcpyDtoH_v2(words, p, n * 4));
	printf("%s: %u %u .. %u, checksum %016llx\n", what, words[0], words[n > 1], words[n - 1],
	       checksum(words, n * 4));
	free(words);
}

/* Bytes that tell their place. */
static inline void pattern(unsigned char *p, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (i * 2654435761u + seed * 40503u) >> 13;
}

#endif
