/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel whose assertion fails in some threads: what it says is on this program's stderr, whether the
 * next call waits for the kernel or comes when it has failed. */
#include <sys/wait.h>
#include <unistd.h>
#include "claim.ptx.h"
#include "program.h"

enum { LATE_US = 200000 };

static void fail(int late)
{
	unsigned least = 0;
	void *parameters[] = { &least };
	CUfunction claim;
	CUmodule module;
	CUstream s;

	program_begin();
	DO(cuModuleLoadData(&module, claim_ptx));
	claim = program_kernel(module, "claim");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuLaunchKernel(claim, 2, 1, 1, 4, 1, 1, 0, s, parameters, NULL));
	SAY(cuStreamSynchronize(s));
	least = 2;
	DO(cuLaunchKernel(claim, 1, 1, 1, 4, 1, 1, 0, s, parameters, NULL));
	if (late)
		usleep(LATE_US);
	SAY(cuStreamSynchronize(s));
	SAY(cuCtxSynchronize());
}

int main(void)
{
	pid_t child;

	/* The runner takes nothing but errors for granted there. */
	dup2(STDOUT_FILENO, STDERR_FILENO);
	child = fork();
	if (child)
		waitpid(child, NULL, 0);
	fail(child);
	return 0;
}
