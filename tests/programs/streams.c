/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and events: order inside a stream, between streams by events, queries and attributes. */
#include "program.h"

enum { N = 5000, LOOPS = 3000, STREAMS = 4 };

static CUfunction fill, add, slow_multiply;

static void launch(CUfunction f, CUstream s, CUdeviceptr p, unsigned value)
{
	unsigned n = N, loops = LOOPS;
	void *parameters[] = { &p, &n, &value, &loops };

	DO(launch_over(f, N, s, parameters));
}

/* One after the other in each stream; the streams are independent. */
static void independent(void)
{
	CUstream s[STREAMS];
	CUdeviceptr p[STREAMS];

	for (int i = 0; i < STREAMS; i++) {
		DO(cuStreamCreate(&s[i], i & 1 ? CU_STREAM_NON_BLOCKING : 0));
		p[i] = device_words(N);
		launch(fill, s[i], p[i], i);
		launch(slow_multiply, s[i], p[i], 3);
		launch(add, s[i], p[i], 100);
	}
	for (int i = 0; i < STREAMS; i++) {
		DO(cuStreamSynchronize(s[i]));
		say("query after synchronize", cuStreamQuery(s[i]));
		say_words("independent", p[i], N);
		DO(cuMemFree_v2(p[i]));
		DO(cuStreamDestroy_v2(s[i]));
	}
}

/* A chain through all streams by events, destroyed while work is outstanding. */
static void chain(void)
{
	CUdeviceptr p = device_words(N);
	CUstream s[STREAMS];
	CUevent e;

	for (int i = 0; i < STREAMS; i++)
		DO(cuStreamCreate(&s[i], CU_STREAM_NON_BLOCKING));
	launch(fill, s[0], p, 1);
	for (int i = 0; i < STREAMS; i++) {
		launch(slow_multiply, s[i], p, 2);
		launch(add, s[i], p, i);
		DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
		DO(cuEventRecord(e, s[i]));
		DO(cuStreamWaitEvent(s[(i + 1) % STREAMS], e, 0));
		DO(cuEventDestroy_v2(e));
	}
	DO(cuStreamSynchronize(s[0]));
	say_words("chain", p, N);
	for (int i = 0; i < STREAMS; i++)
		DO(cuStreamDestroy_v2(s[i]));
	DO(cuMemFree_v2(p));
}

static void events(void)
{
	CUdeviceptr p = device_words(N);
	CUevent start, stop, plain;
	float ms = -1;
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&start, 0));
	DO(cuEventCreate(&stop, CU_EVENT_BLOCKING_SYNC));
	DO(cuEventCreate(&plain, CU_EVENT_DISABLE_TIMING));
	say("query of an event never recorded", cuEventQuery(start));
	say("synchronize with it", cuEventSynchronize(start));
	say("elapsed time of it", cuEventElapsedTime(&ms, start, stop));
	DO(cuEventRecord(start, s));
	launch(fill, s, p, 5);
	launch(slow_multiply, s, p, 2);
	DO(cuEventRecord(stop, s));
	DO(cuEventRecord(plain, s));
	DO(cuEventSynchronize(stop));
	say("query after synchronize", cuEventQuery(stop));
	DO(cuEventElapsedTime(&ms, start, stop));
	printf("elapsed time is %s\n", ms > 0 ? "positive" : "NOT POSITIVE");
	DO(cuEventSynchronize(plain));
	say("elapsed time without timing", cuEventElapsedTime(&ms, start, plain));
	SAY(cuEventCreate(&start, 0x1000));
	say_words("events", p, N);
	DO(cuEventDestroy_v2(stop));
	DO(cuStreamDestroy_v2(s));
	DO(cuMemFree_v2(p));
}

static void attributes(int wild)
{
	unsigned long long id1 = 0, id2 = 0;
	int least = 9, greatest = 9, priority = 9;
	CUcontext context, current;
	unsigned flags = 99;
	CUstream a, b;

	DO(cuCtxGetStreamPriorityRange(&least, &greatest));
	DO(cuStreamCreateWithPriority(&a, CU_STREAM_NON_BLOCKING, greatest - 5));
	DO(cuStreamCreate(&b, 0));
	DO(cuStreamGetPriority(a, &priority));
	printf("priority is %s\n", priority == greatest ? "the greatest" : "NOT clamped");
	DO(cuStreamGetPriority(b, &priority));
	printf("priority %d\n", priority);
	DO(cuStreamGetFlags(a, &flags));
	printf("flags %u\n", flags);
	DO(cuStreamGetFlags(b, &flags));
	printf("flags %u\n", flags);
	DO(cuStreamGetId(a, &id1));
	DO(cuStreamGetId(b, &id2));
	printf("ids %s\n", id1 != id2 ? "differ" : "ARE EQUAL");
	DO(cuStreamGetCtx(a, &context));
	DO(cuCtxGetCurrent(&current));
	printf("context %s\n", context == current ? "is the current one" : "IS ANOTHER");
	SAY(cuStreamCreate(&b, 8));
	SAY(cuStreamDestroy_v2(a));
	SAY(cuStreamDestroy_v2(NULL));
	if (wild) {
		SAY(cuStreamQuery(a));
		SAY(cuStreamSynchronize(a));
		SAY(cuStreamDestroy_v2(a));
	}
}

int main(int argc, char **argv)
{
	CUmodule m;

	program_begin();
	m = program_load();
	fill = program_kernel(m, "fill");
	add = program_kernel(m, "add");
	slow_multiply = program_kernel(m, "slow_multiply");
	independent();
	chain();
	events();
	attributes(program_wild(argc, argv));
	return 0;
}
