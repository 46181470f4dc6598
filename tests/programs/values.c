/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that stand still behind a value in memory until another thread or
 * stream writes it. Only what comes behind it waits: a full queue keeps the
 * thread that fills it and no other. What the host writes meanwhile, copies and
 * kernels behind the value read.
 */
#include <pthread.h>
#include <unistd.h>
#include "program.h"

enum { N = 1024, LARGE = 1 << 20, LAUNCHES = 3000 };

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

static void set_words(unsigned *words, unsigned n, unsigned value)
{
	for (unsigned i = 0; i < n; i++)
		words[i] = value;
}

/* The ways in which stream @s comes to stand behind the value. */
enum { WAIT, BATCH, EVENT, GRAPH_NODE, GRAPH_CAPTURED, WAYS };

static CUgraphExec graph_behind(int way, CUstream s)
{
	CUstreamBatchMemOpParams wait = {
		.waitValue = {
			.operation = CU_STREAM_MEM_OP_WAIT_VALUE_32, .address = flag, .value = 1}};
	CUDA_BATCH_MEM_OP_NODE_PARAMS params = {.ctx = context, .count = 1, .paramArray = &wait};
	CUgraphNode node;
	CUgraphExec exec;
	CUgraph graph;

	if (way == GRAPH_NODE) {
		DO(cuGraphCreate(&graph, 0));
		DO(cuGraphAddBatchMemOpNode(&node, graph, NULL, 0, &params));
	} else {
		DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
		DO(cuStreamWaitValue32_v2(s, flag, 1, 0));
		DO(cuStreamEndCapture(s, &graph));
	}
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	return exec;
}

static void stand(int way, CUstream s, CUstream other, CUgraphExec exec)
{
	CUstreamBatchMemOpParams wait = {
		.waitValue = {
			.operation = CU_STREAM_MEM_OP_WAIT_VALUE_32, .address = flag, .value = 1}};
	CUevent e;

	switch (way) {
	case WAIT:
		DO(cuStreamWaitValue32_v2(s, flag, 1, 0));
		break;
	case BATCH:
		DO(cuStreamBatchMemOp_v2(s, 1, &wait, 0));
		break;
	case EVENT:
		DO(cuStreamWaitValue32_v2(other, flag, 1, 0));
		DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
		DO(cuEventRecord(e, other));
		DO(cuStreamWaitEvent(s, e, 0));
		DO(cuEventDestroy_v2(e));
		break;
	default:
		DO(cuGraphLaunch(exec, s));
	}
}

/* A copy takes what pinned memory has when the value is there. */
static void pinned(CUstream s, CUstream other, unsigned n)
{
	CUdeviceptr p = device_words(n);
	unsigned *words;

	DO(cuMemHostAlloc((void **)&words, n * 4, 0));
	for (int way = 0; way < WAYS; way++) {
		CUgraphExec exec = way >= GRAPH_NODE ? graph_behind(way, s) : NULL;

		DO(cuMemsetD32_v2(flag, 0, 1));
		DO(cuCtxSynchronize());
		set_words(words, n, 1);
		stand(way, s, other, exec);
		DO(cuMemcpyHtoDAsync_v2(p, words, n * 4, s));
		set_words(words, n, 2 + way);
		let_go();
		DO(cuStreamSynchronize(s));
		say_words("copied behind the value", p, n);
		if (exec)
			DO(cuGraphExecDestroy(exec));
	}
	DO(cuMemFreeHost(words));
	DO(cuMemFree_v2(p));
}

/* And a kernel what mapped memory has, whatever writes the value. */
static void mapped(CUfunction add, CUstream s)
{
	static const char *const how[] = {
		"a value", "a copy from memory", "a copy on the device", "a set"};
	unsigned n = N, value = 100, *words;
	CUdeviceptr p, q = device_words(N), one = device_words(1);
	const unsigned written = 1;
	void *parameters[] = {&p, &n, &value};

	DO(cuMemHostAlloc((void **)&words, N * 4, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuMemHostGetDevicePointer_v2(&p, words, 0));
	DO(cuMemsetD32_v2(one, 1, 1));
	for (int i = 0; i < 4; i++) {
		hold(s);
		DO(launch_over(add, N, s, parameters));
		DO(cuMemcpyDtoDAsync_v2(q, p, N * 4, s));
		set_words(words, N, i + 1);
		if (i == 0)
			let_go();
		else if (i == 1)
			DO(cuMemcpyHtoDAsync_v2(flag, &written, 4, writer));
		else if (i == 2)
			DO(cuMemcpyDtoDAsync_v2(flag, one, 4, writer));
		else
			DO(cuMemsetD32Async(flag, 1, 1, writer));
		usleep(50000); /* the stream goes on by itself */
		DO(cuStreamSynchronize(s));
		printf("let go by %s: %u .. %u, ", how[i], words[0], words[N - 1]);
		say_words("copied", q, N);
	}
	DO(cuMemFreeHost(words));
	DO(cuMemFree_v2(q));
	DO(cuMemFree_v2(one));
}

int main(void)
{
	CUstream s, other;
	CUmodule module;

	context = program_begin();
	module = program_load();
	flag = device_words(1);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&writer, CU_STREAM_NON_BLOCKING));
	full_queue(program_kernel(module, "count"), s);
	pinned(s, other, N);
	pinned(s, other, LARGE);
	mapped(program_kernel(module, "add"), s);
	return 0;
}
