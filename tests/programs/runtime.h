/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime-API programs share: failures end the program, results under test are printed. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

#define DO(call) must((call), #call)
#define SAY(call) say(#call, (call))

static inline void must(cudaError_t r, const char *call)
{
	if (r == cudaSuccess)
		return;
	printf("FAILED %s: %s\n", call, cudaGetErrorName(r));
	fflush(stdout);
	exit(1);
}

static inline void say(const char *call, cudaError_t r)
{
	printf("%s: %s\n", call, cudaGetErrorName(r));
	fflush(stdout);
}

#endif
