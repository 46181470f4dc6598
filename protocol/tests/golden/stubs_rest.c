/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "client_calls.h"
#include "cuda_prototypes.h"
#include "stubs.h"
#include "wire_calls.h"

CUresult CUDAAPI version(int *version)
{
	CALL_COUNTED(13, client_version(version));
}

CUresult CUDAAPI allocate(Address *at, size_t n)
{
	CALL_COUNTED(14, client_allocate(at, n));
}

CUresult CUDAAPI draw(int window)
{
	return call_unsupported(15, (CUresult)3);
}

__attribute__((visibility("default"))) extern uint32_t flag;
uint32_t flag;
__attribute__((visibility("default"))) extern char path[16];
char path[16];
