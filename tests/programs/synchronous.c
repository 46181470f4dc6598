/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call without a stream waits for work that stands still, and keeps its own
 * thread only: another one goes on, and lets that work go. NVIDIA's driver (580,
 * on an H200) keeps every thread of the context, so that this program never ends.
 */
#include <pthread.h>
#include <unistd.h>
#include "program.h"

enum { N = 1024 };

static CUcontext context;
static CUstream writer;
static CUdeviceptr flag;

static void hold(CUstream s)
{
	DO(cuMemsetD32_v2(flag, 0, 1));
	DO(cuCtxSynchronize());
	DO(cuStreamWaitValue32_v2(s, flag, 1, CU_STREAM_WAIT_VALUE_EQ));
}

enum { OUT, IN, SET, COPY, SYNCHRONOUS };

static void synchronous(int what, CUdeviceptr p, CUdeviceptr q)
{
	unsigned value = 5;

	switch (what) {
	case OUT:
		DO(cuMemcpyDtoH_v2(&value, p, 4));
		printf("copied out %u\n", value);
		break;
	case IN:
		DO(cuMemcpyHtoD_v2(p, &value, 4));
		value = 77; /* the copy has it */
		break;
	case SET:
		DO(cuMemsetD32_v2(p, 8, 10));
		break;
	default:
		DO(cuMemcpyDtoD_v2(p, q, 40));
	}
}

static void *work_beside(void *word)
{
	CUdeviceptr p = *(CUdeviceptr *)word;
	unsigned value = 0;

	DO(cuCtxSetCurrent(context));
	usleep(200000);
	DO(cuMemsetD32Async(p, 9, 1, writer));
	DO(cuMemcpyDtoHAsync_v2(&value, p, 4, writer));
	DO(cuStreamSynchronize(writer));
	printf("beside: %u\n", value);
	DO(cuStreamWriteValue32_v2(writer, flag, 1, 0));
	return NULL;
}

int main(void)
{
	CUdeviceptr p, q, word;
	CUstream blocking;

	context = program_begin();
	flag = device_words(1);
	p = device_words(N);
	q = device_words(N);
	word = device_words(1);
	DO(cuStreamCreate(&writer, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
	DO(cuMemsetD32_v2(q, 4, N));
	for (int what = 0; what < SYNCHRONOUS; what++) {
		pthread_t thread;

		hold(blocking);
		DO(cuMemsetD32Async(p, 3, N, blocking));
		pthread_create(&thread, NULL, work_beside, &word);
		synchronous(what, p, q);
		pthread_join(thread, NULL);
		DO(cuCtxSynchronize());
		say_words("without a stream", p, N);
	}
	return 0;
}
