/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for a context after a wait for its legacy stream, which says that nothing is left, unless a
 * non-blocking stream has work, or had when it was destroyed: of three, the second asks the server.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "../programs/program.h"

enum { HELD_US = 100000 };

static _Atomic int done;

static void take_long(void *unused)
{
	usleep(HELD_US);
	done = 1;
}

static void wait_for_all(CUdeviceptr p)
{
	DO(cuMemsetD8_v2(p, 1, 16));
	DO(cuStreamSynchronize(NULL));
	DO(cuCtxSynchronize());
}

int main(void)
{
	CUdeviceptr p;
	CUstream s;

	program_begin();
	p = device_words(4);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuStreamDestroy_v2(s));
	wait_for_all(p);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuLaunchHostFunc(s, take_long, NULL));
	DO(cuStreamDestroy_v2(s));
	wait_for_all(p);
	printf("what the stream left is %s\n", done ? "done" : "NOT DONE");
	wait_for_all(p);
	return !done;
}
