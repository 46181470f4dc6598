/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on beside captures. */
#include <unistd.h>

#include "program.h"

enum { N = 3000 };

static int calls;

static void late(void *user)
{
	usleep(50000);
	calls++;
}

static void free_during(const char *what, CUstream captured)
{
	CUdeviceptr p = device_words(N);
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(captured, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuMemFree_v2(p));
	printf("freed after %d calls of %s\n", calls, what);
	DO(cuStreamEndCapture(captured, &graph));
	DO(cuGraphDestroy(graph));
	DO(cuCtxSynchronize());
	calls = 0;
}

/* A free waits for all work, that of streams too which say nothing of it because they are captured, or
 * because asking the legacy stream would end a capture. */
static void frees(void)
{
	CUdeviceptr p = device_words(N);
	CUstream blocking, other;
	CUgraph graph;
	CUevent e;

	DO(cuStreamCreate(&blocking, 0));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
	DO(cuLaunchHostFunc(NULL, late, NULL));
	free_during("the legacy stream", blocking);
	DO(cuLaunchHostFunc(blocking, late, NULL));
	free_during("the captured stream", blocking);
	DO(cuLaunchHostFunc(other, late, NULL));
	free_during("the captured stream", other);

	DO(cuLaunchHostFunc(blocking, late, NULL));
	DO(cuStreamBeginCapture_v2(other, CU_STREAM_CAPTURE_MODE_RELAXED));
	DO(cuLaunchHostFunc(NULL, late, NULL));
	DO(cuEventRecord(e, other));
	DO(cuStreamWaitEvent(blocking, e, 0));
	DO(cuMemFree_v2(p));
	printf("freed after %d calls of a stream that joined and the legacy one\n", calls);
	DO(cuEventRecord(e, blocking));
	DO(cuStreamWaitEvent(other, e, 0));
	DO(cuStreamEndCapture(other, &graph));
	DO(cuGraphDestroy(graph));
}

int main(void)
{
	program_begin();
	frees();
	return 0;
}
