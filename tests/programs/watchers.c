/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What another thread may do while a stream is captured, and what becomes of the
 * capture: by the capture's mode and the thread's (CUDA driver API,
 * cuThreadExchangeStreamCaptureMode).
 */
#include <pthread.h>
#include "program.h"

static CUcontext context;
static CUevent recorded;
static CUstream other, busy;
static CUdeviceptr memory;
static char page[4096] __attribute__((aligned(4096)));

static CUresult ask_event(void)
{
	return cuEventQuery(recorded);
}

static CUresult ask_stream(void)
{
	return cuStreamQuery(other);
}

static CUresult wait_event(void)
{
	return cuEventSynchronize(recorded);
}

static CUresult wait_stream(void)
{
	return cuStreamSynchronize(other);
}

static CUresult wait_context(void)
{
	return cuCtxSynchronize();
}

static CUresult allocate(void)
{
	CUdeviceptr p;
	CUresult r = cuMemAlloc_v2(&p, 16);

	return r ? r : cuMemFree_v2(p);
}

static CUresult register_host(void)
{
	CUresult r = cuMemHostRegister_v2(page, sizeof(page), 0);

	return r ? r : cuMemHostUnregister(page);
}

/* Safe in any mode: it waits for nothing. Who asks a stream asks another one. */
static CUresult set(void)
{
	return cuMemsetD32Async(memory, 0, 4, busy);
}

static const struct act {
	const char *name;
	CUresult (*make)(void);
} acts[] = {
	{"query an event", ask_event},
	{"query a stream", ask_stream},
	{"wait for an event", wait_event},
	{"wait for a stream", wait_stream},
	{"wait for the context", wait_context},
	{"allocate", allocate},
	{"register memory", register_host},
	{"set", set},
};

static const char *const modes[] = {"global", "thread-local", "relaxed"};

struct watcher {
	const struct act *act;
	CUstreamCaptureMode mode;
};

static void *watch(void *argument)
{
	const struct watcher *w = argument;
	CUstreamCaptureMode mode = w->mode;

	DO(cuCtxSetCurrent(context));
	DO(cuThreadExchangeStreamCaptureMode(&mode));
	printf("%s: %s; ", w->act->name, result_name(w->act->make()));
	return NULL;
}

static void captured(CUstream s, CUstreamCaptureMode capture, const struct watcher *w)
{
	CUgraph graph = NULL;
	pthread_t thread;
	CUresult r;

	DO(cuStreamBeginCapture_v2(s, capture));
	pthread_create(&thread, NULL, watch, (void *)w);
	pthread_join(thread, NULL);
	r = cuStreamEndCapture(s, &graph);
	printf("the capture: %s\n", result_name(r));
	if (!r)
		DO(cuGraphDestroy(graph));
}

/* The thread that captures, too, may exchange its mode. */
static void own_mode(CUstream s)
{
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	CUgraph graph = NULL;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DO(cuThreadExchangeStreamCaptureMode(&mode));
	printf("own mode was %s\n", modes[mode]);
	SAY(cuEventQuery(recorded));
	SAY(allocate());
	DO(cuThreadExchangeStreamCaptureMode(&mode));
	printf("own mode was %s\n", modes[mode]);
	SAY(cuStreamEndCapture(s, &graph));
}

int main(void)
{
	CUstream s;

	context = program_begin();
	memory = device_words(4);
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&busy, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&recorded, 0));
	DO(cuEventRecord(recorded, other));
	DO(cuStreamSynchronize(other));
	for (int capture = 0; capture < 3; capture++) {
		for (int own = 0; own < 3; own++) {
			printf("a %s capture, a thread in %s mode\n", modes[capture], modes[own]);
			for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
				struct watcher w = {&acts[i], own};

				captured(s, capture, &w);
			}
		}
	}
	own_mode(s);
	return 0;
}
