/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel whose assertion failed in a stream that nobody waited for: whatever is called then in its context
 * says so, also what has nothing to do with that stream. A process for each call, since the first that fails
 * might be what makes the others fail. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "claim.ptx.h"
#include "program.h"

enum { CALLS = 24, LATE_US = 300000 };

static CUstream a, b, made;
static CUevent done, never;
static CUdeviceptr p, q;
static CUfunction claim;
static CUmodule module;
static unsigned word, *pinned;

static void prepare(void)
{
	unsigned least = 0;
	void *parameters[] = { &least };

	program_begin();
	DO(cuModuleLoadData(&module, claim_ptx));
	claim = program_kernel(module, "claim");
	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&done, CU_EVENT_DEFAULT));
	DO(cuEventCreate(&never, CU_EVENT_DEFAULT));
	DO(cuMemAllocHost_v2((void **)&pinned, 4));
	p = device_words(1);
	q = device_words(1);
	DO(cuLaunchKernel(claim, 1, 1, 1, 4, 1, 1, 0, a, parameters, NULL));
	DO(cuEventRecord(done, a));
	DO(cuCtxSynchronize());
	least = 2;
	DO(cuLaunchKernel(claim, 1, 1, 1, 4, 1, 1, 0, b, parameters, NULL));
	usleep(LATE_US);
}

static void call(int number)
{
	void *parameters[] = { &word };
	size_t free, total;
	float ms;

	switch (number) {
	case 0: SAY(cuEventSynchronize(done)); break;
	case 1: SAY(cuEventQuery(done)); break;
	case 2: SAY(cuEventElapsedTime(&ms, done, done)); break;
	case 3: SAY(cuEventSynchronize(never)); break;
	case 4: SAY(cuEventRecord(never, a)); break;
	case 5: SAY(cuStreamWaitEvent(a, done, 0)); break;
	case 6: SAY(cuStreamSynchronize(a)); break;
	case 7: SAY(cuStreamQuery(a)); break;
	case 8: SAY(cuStreamSynchronize(b)); break;
	case 9: SAY(cuStreamQuery(b)); break;
	case 10: SAY(cuStreamCreate(&made, CU_STREAM_NON_BLOCKING)); break;
	case 11: SAY(cuCtxSynchronize()); break;
	case 12: SAY(cuMemcpyDtoH_v2(&word, p, 4)); break;
	case 13: SAY(cuMemcpyHtoD_v2(p, &word, 4)); break;
	case 14: SAY(cuMemcpyDtoD_v2(p, q, 4)); break;
	case 15: SAY(cuMemcpyDtoHAsync_v2(pinned, p, 4, a)); break;
	case 16: SAY(cuMemcpyDtoHAsync_v2(&word, p, 4, a)); break;
	case 17: SAY(cuMemsetD8_v2(p, 0, 4)); break;
	case 18: SAY(cuMemAlloc_v2(&q, 4)); break;
	case 19: SAY(cuMemFree_v2(p)); break;
	case 20: SAY(cuMemFreeHost(pinned)); break;
	case 21: SAY(cuMemGetInfo_v2(&free, &total)); break;
	case 22: SAY(cuModuleLoadData(&module, claim_ptx)); break;
	case 23: SAY(cuLaunchKernel(claim, 1, 1, 1, 4, 1, 1, 0, a, parameters, NULL)); break;
	}
	SAY(cuCtxSynchronize());
}

int main(void)
{
	/* asserts.c has what the assertion says. */
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	for (int number = 0; number < CALLS; number++) {
		pid_t child = fork();

		if (!child) {
			prepare();
			call(number);
			return 0;
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}
