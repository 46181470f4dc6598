/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with streams of their own that do, at the same time, what makes a
 * driver wait: modules are unloaded, memory of all kinds is freed, while host
 * functions are on their way that the others' waits depend on.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "program.h"

enum { N = 1000, ROUNDS = 60 };

static CUcontext context;
static CUmodule shared;

struct worker {
	const char *name;
	void (*round)(struct worker *w, unsigned i);
	pthread_t thread;
	CUstream stream;
	unsigned right;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned called;
};

static void fill(struct worker *w, CUmodule module, CUdeviceptr p, unsigned value)
{
	unsigned n = N;
	void *parameters[] = { &p, &n, &value };

	DO(launch_over(program_kernel(module, "fill"), N, w->stream, parameters));
}

static int filled(const unsigned *p, unsigned value)
{
	for (unsigned i = 0; i < N; i++) {
		if (p[i] != value + i)
			return 0;
	}
	return 1;
}

static void note(void *user)
{
	struct worker *w = user;

	pthread_mutex_lock(&w->lock);
	w->called++;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* Waits for a host function and for nothing else. */
static void functions(struct worker *w, unsigned i)
{
	CUdeviceptr p = device_words(N);
	unsigned *host;

	DO(cuMemHostAlloc((void **)&host, N * 4, 0));
	fill(w, shared, p, i);
	DO(cuMemcpyDtoHAsync_v2(host, p, N * 4, w->stream));
	DO(cuLaunchHostFunc(w->stream, note, w));
	pthread_mutex_lock(&w->lock);
	while (w->called <= i)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	w->right += filled(host, i);
	DO(cuMemFreeHost(host));
	DO(cuMemFree_v2(p));
}

static void check(struct worker *w, CUdeviceptr p, unsigned value)
{
	unsigned host[N];

	DO(cuMemcpyDtoHAsync_v2(host, p, N * 4, w->stream));
	DO(cuStreamSynchronize(w->stream));
	w->right += filled(host, value);
}

static void modules(struct worker *w, unsigned i)
{
	CUdeviceptr p = device_words(N);
	CUmodule module = program_load();

	fill(w, module, p, i);
	DO(cuModuleUnload(module));
	check(w, p, i);
	DO(cuMemFree_v2(p));
}

static void mapped(struct worker *w, unsigned i)
{
	CUdeviceptr p;
	unsigned *host;

	DO(cuMemHostAlloc((void **)&host, N * 4, CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuMemHostGetDevicePointer_v2(&p, host, 0));
	fill(w, shared, p, i);
	DO(cuStreamSynchronize(w->stream));
	w->right += filled(host, i);
	DO(cuMemFreeHost(host));
}

static void registered(struct worker *w, unsigned i)
{
	unsigned *host = malloc(N * 4);
	CUdeviceptr p = device_words(N);

	DO(cuMemHostRegister_v2(host, N * 4, 0));
	fill(w, shared, p, i);
	DO(cuMemcpyDtoHAsync_v2(host, p, N * 4, w->stream));
	DO(cuStreamSynchronize(w->stream));
	w->right += filled(host, i);
	DO(cuMemHostUnregister(host));
	free(host);
	DO(cuMemFree_v2(p));
}

static void streams(struct worker *w, unsigned i)
{
	CUdeviceptr p = device_words(N);
	CUevent done;

	DO(cuStreamDestroy_v2(w->stream));
	DO(cuStreamCreate(&w->stream, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&done, CU_EVENT_DISABLE_TIMING));
	fill(w, shared, p, i);
	DO(cuEventRecord(done, w->stream));
	while (cuEventQuery(done) == CUDA_ERROR_NOT_READY)
		sched_yield();
	check(w, p, i);
	DO(cuEventDestroy_v2(done));
	DO(cuMemFree_v2(p));
}

static void *work(void *argument)
{
	struct worker *w = argument;

	DO(cuCtxSetCurrent(context));
	DO(cuStreamCreate(&w->stream, CU_STREAM_NON_BLOCKING));
	for (unsigned i = 0; i < ROUNDS; i++)
		w->round(w, i);
	return NULL;
}

int main(void)
{
	struct worker workers[] = {
		{ "functions", functions }, { "functions", functions }, { "modules", modules },
		{ "modules", modules },	    { "mapped", mapped },	{ "registered", registered },
		{ "streams", streams },
	};
	enum { WORKERS = sizeof(workers) / sizeof(workers[0]) };

	context = program_begin();
	shared = program_load();
	for (int i = 0; i < WORKERS; i++) {
		pthread_mutex_init(&workers[i].lock, NULL);
		pthread_cond_init(&workers[i].changed, NULL);
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		printf("%s: %u of %u rounds right\n", workers[i].name, workers[i].right, ROUNDS);
	}
	return 0;
}
