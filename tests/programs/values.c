/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that stand still behind a value in memory until another thread writes
 * it. Only what comes behind it waits: a full queue keeps the thread that fills
 * it and no other.
 */
#include <pthread.h>
#include <unistd.h>
#include "program.h"

enum { LAUNCHES = 3000 };

static CUcontext context;
static CUstream writer;
static CUdeviceptr flag;

static void hold(CUstream s)
{
	DO(cuMemsetD32_v2(flag, 0, 1));
	DO(cuCtxSynchronize());
	DO(cuStreamWaitValue32_v2(s, flag, 1, CU_STREAM_WAIT_VALUE_EQ));
}

static void let_go(void)
{
	DO(cuStreamWriteValue32_v2(writer, flag, 1, 0));
}

static void *let_go_later(void *unused)
{
	DO(cuCtxSetCurrent(context));
	usleep(300000);
	let_go();
	return unused;
}

/* More than the driver queues, so that this thread waits until the other one writes. */
static void full_queue(CUfunction count, CUstream s)
{
	CUdeviceptr p = device_words(1);
	pthread_t thread;

	DO(cuMemsetD32_v2(p, 0, 1));
	hold(s);
	pthread_create(&thread, NULL, let_go_later, NULL);
	for (int i = 0; i < LAUNCHES; i++)
		DO(cuLaunchKernel(count, 1, 1, 1, 1, 1, 1, 0, s, (void *[]){&p}, NULL));
	pthread_join(thread, NULL);
	DO(cuStreamSynchronize(s));
	say_words("launches", p, 1);
	DO(cuMemFree_v2(p));
}

int main(void)
{
	CUmodule module;
	CUstream s;

	context = program_begin();
	module = program_load();
	flag = device_words(1);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&writer, CU_STREAM_NON_BLOCKING));
	full_queue(program_kernel(module, "count"), s);
	return 0;
}
