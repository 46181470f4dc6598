/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that stores to no memory: every later call in the context says so, and no other process
 * notices. */
#include "program.h"

int main(void)
{
	unsigned long long address = 0x10;
	void *parameters[] = { &address };
	CUfunction store, f;
	CUcontext context;
	CUdeviceptr p, q;
	unsigned word;
	CUstream s;
	CUevent e;
	CUmodule m;

	context = program_begin();
	m = program_load();
	store = program_kernel(m, "store");
	p = device_words(1);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&e, 0));
	address = p;
	DO(cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, s, parameters, NULL));
	DO(cuStreamSynchronize(s));
	say_words("a good address", p, 1);
	address = 0x10;
	SAY(cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, s, parameters, NULL));
	SAY(cuStreamSynchronize(s));
	SAY(cuStreamSynchronize(s));
	SAY(cuCtxSynchronize());
	SAY(cuMemAlloc_v2(&q, 16));
	SAY(cuMemcpyDtoH_v2(&word, p, 4));
	SAY(cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, s, parameters, NULL));
	SAY(cuEventQuery(e));
	SAY(cuStreamQuery(s));
	SAY(cuModuleGetFunction(&f, m, "fill"));
	SAY(cuCtxGetCurrent(&context));
	SAY(cuDevicePrimaryCtxReset_v2(0));
	return 0;
}
