/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: the primary one's life, created ones, the stack of each thread. */
#include <pthread.h>
#include "program.h"

static void say_state(const char *when)
{
	unsigned flags = 99;
	int active = 99;

	DO(cuDevicePrimaryCtxGetState(0, &flags, &active));
	printf("%s: primary context flags %u active %d\n", when, flags, active);
}

static void say_current(const char *when, CUcontext want)
{
	CUcontext c = (CUcontext)8;

	DO(cuCtxGetCurrent(&c));
	printf("%s: current is %s\n", when,
	       !c ? "none" : c == want ? "the expected one" : "ANOTHER");
}

static void *thread(void *context)
{
	CUdevice device = -1;
	CUdeviceptr p;

	say_current("new thread", NULL);
	SAY(cuCtxGetDevice(&device));
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuCtxSynchronize());
	DO(cuCtxSetCurrent(context));
	say_current("new thread after set", context);
	SAY(cuMemAlloc_v2(&p, 16));
	SAY(cuMemFree_v2(p));
	return NULL;
}

static CUcontext primary_life(void)
{
	CUcontext a, b;

	say_state("at first");
	SAY(cuDevicePrimaryCtxSetFlags_v2(0, CU_CTX_SCHED_BLOCKING_SYNC));
	say_state("after set flags");
	DO(cuDevicePrimaryCtxSetFlags_v2(0, 0));
	DO(cuDevicePrimaryCtxRetain(&a, 0));
	DO(cuDevicePrimaryCtxRetain(&b, 0));
	printf("retained twice: %s handle\n", a == b ? "same" : "ANOTHER");
	say_state("retained");
	say_current("retained", a);
	DO(cuDevicePrimaryCtxRelease_v2(0));
	say_state("released once");
	return a;
}

static void created(CUcontext primary, int wild)
{
	unsigned long long id1 = 0, id2 = 0;
	CUcontext c1, c2, popped = NULL;
	CUdevice device = -1;
	unsigned flags = 99;

	DO(cuCtxCreate_v2(&c1, CU_CTX_SCHED_YIELD, 0));
	say_current("created", c1);
	DO(cuCtxGetFlags(&flags));
	printf("flags %u\n", flags & CU_CTX_SCHED_MASK);
	DO(cuCtxGetDevice(&device));
	printf("device %d\n", device);
	DO(cuCtxCreate_v2(&c2, 0, 0));
	DO(cuCtxGetId(c1, &id1));
	DO(cuCtxGetId(c2, &id2));
	printf("ids %s\n", id1 != id2 ? "differ" : "ARE EQUAL");
	DO(cuCtxPopCurrent_v2(&popped));
	printf("popped %s\n", popped == c2 ? "the second" : "ANOTHER");
	say_current("after pop", c1);
	DO(cuCtxPushCurrent_v2(primary));
	say_current("after push", primary);
	DO(cuCtxPopCurrent_v2(NULL));
	SAY(cuCtxDestroy_v2(c2));
	if (wild) {
		SAY(cuCtxDestroy_v2(c2));
		SAY(cuCtxSetCurrent(c2));
		SAY(cuCtxPushCurrent_v2(c2));
	}
	say_current("after destroying the second", c1);
	SAY(cuCtxDestroy_v2(c1));
	say_current("after destroying the current one", NULL);
}

static void limits(void)
{
	size_t value = 0;

	DO(cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, 2 << 20));
	DO(cuCtxGetLimit(&value, CU_LIMIT_PRINTF_FIFO_SIZE));
	printf("printf fifo %zu\n", value);
	DO(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 4096));
	DO(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE));
	printf("stack %zu\n", value);
	SAY(cuCtxGetLimit(&value, 77));
	SAY(cuCtxSetLimit(77, 1));
}

int main(int argc, char **argv)
{
	CUcontext primary, none;
	CUdevice device;
	pthread_t t;

	SAY(cuCtxGetCurrent(&none));
	SAY(cuDeviceGet(&device, 0));
	SAY(cuInit(1));
	SAY(cuInit(0));
	say_current("after init", NULL);
	SAY(cuCtxPopCurrent_v2(&none));
	primary = primary_life();
	created(primary, program_wild(argc, argv));
	DO(cuCtxSetCurrent(primary));
	limits();
	pthread_create(&t, NULL, thread, primary);
	pthread_join(t, NULL);
	say_current("main thread after the other", primary);
	SAY(cuCtxSetCurrent(NULL));
	say_current("after setting none", NULL);
	SAY(cuDevicePrimaryCtxRelease_v2(0));
	say_state("released");
	SAY(cuDevicePrimaryCtxRelease_v2(0));
	DO(cuDevicePrimaryCtxRetain(&primary, 0));
	SAY(cuDevicePrimaryCtxReset_v2(0));
	say_state("reset");
	return 0;
}
