/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take memory from one pool and give it back: what one gave back is another's at once. */
#include <pthread.h>

#include "program.h"

enum { THREADS_OF_POOL = 4, ROUNDS = 300, N = 64 };

static CUcontext context;
static _Atomic unsigned unknown, wrong;

static void *thread(void *number)
{
	unsigned words[N], value = (unsigned)(uintptr_t)number * 1000;
	CUstream s;

	DO(cuCtxSetCurrent(context));
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	for (unsigned i = 0; i < ROUNDS; i++) {
		CUmemorytype type = 0;
		CUdeviceptr p;

		DO(cuMemAllocAsync(&p, N * 4, s));
		if (cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p) ||
			type != CU_MEMORYTYPE_DEVICE) {
			unknown++;
			continue;
		}
		DO(cuMemsetD32Async(p, value + i, N, s));
		DO(cuMemcpyAsync((CUdeviceptr)(uintptr_t)words, p, N * 4, s));
		DO(cuStreamSynchronize(s));
		for (unsigned k = 0; k < N; k++)
			wrong += words[k] != value + i;
		DO(cuMemFreeAsync(p, s));
	}
	DO(cuStreamDestroy_v2(s));
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS_OF_POOL];

	context = program_begin();
	for (uintptr_t i = 0; i < THREADS_OF_POOL; i++)
		pthread_create(&threads[i], NULL, thread, (void *)i);
	for (int i = 0; i < THREADS_OF_POOL; i++)
		pthread_join(threads[i], NULL);
	printf("unknown %u, wrong %u\n", unknown, wrong);
	return 0;
}
