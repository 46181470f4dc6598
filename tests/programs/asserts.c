/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel whose assertion fails in some threads: what it says is on this program's stderr. */
#include <unistd.h>
#include "program.h"

int main(void)
{
	unsigned least = 0;
	void *parameters[] = { &least };
	CUfunction claim;
	CUstream s;

	program_begin();
	claim = program_kernel(program_load(), "claim");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	/* The runner takes nothing but errors for granted there. */
	dup2(STDOUT_FILENO, STDERR_FILENO);
	DO(cuLaunchKernel(claim, 2, 1, 1, 4, 1, 1, 0, s, parameters, NULL));
	SAY(cuStreamSynchronize(s));
	least = 2;
	DO(cuLaunchKernel(claim, 1, 1, 1, 4, 1, 1, 0, s, parameters, NULL));
	SAY(cuStreamSynchronize(s));
	SAY(cuCtxSynchronize());
	return 0;
}
