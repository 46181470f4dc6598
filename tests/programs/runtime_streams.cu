// SPDX-License-Identifier: Apache-2.0
// Streams, events, host functions, pinned and pooled memory, threads and graphs by the runtime API.
#include <pthread.h>
#include <cstring>
#include "runtime.h"

enum { N = 10000, STREAMS = 4, THREADS = 3 };

__global__ void step(unsigned *p, int n, unsigned value)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] = p[i] * 3 + value;
}

static void launch(unsigned *p, unsigned value, cudaStream_t s)
{
	step<<<(N + 255) / 256, 256, 0, s>>>(p, N, value);
	DO(cudaGetLastError());
}

static void host_note(void *user)
{
	++*(int *)user;
}

static void streams(void)
{
	cudaStream_t s[STREAMS];
	unsigned *p[STREAMS], *host;
	cudaEvent_t e[STREAMS];
	int noted = 0;
	float ms = -1;

	DO(cudaMallocHost(&host, STREAMS * N * 4));
	for (int i = 0; i < STREAMS; i++) {
		DO(cudaStreamCreateWithFlags(&s[i], cudaStreamNonBlocking));
		DO(cudaEventCreate(&e[i]));
		DO(cudaMallocAsync(&p[i], N * 4, s[i]));
		DO(cudaMemsetAsync(p[i], i, N * 4, s[i]));
		DO(cudaEventRecord(e[i], s[i]));
		for (int k = 0; k < 10; k++)
			launch(p[i], k, s[i]);
		DO(cudaMemcpyAsync(host + i * N, p[i], N * 4, cudaMemcpyDeviceToHost, s[i]));
		DO(cudaLaunchHostFunc(s[i], host_note, &noted));
		DO(cudaFreeAsync(p[i], s[i]));
		DO(cudaStreamSynchronize(s[i]));
	}
	for (int i = 0; i < STREAMS; i++)
		printf("stream %d: %u %u\n", i, host[i * N], host[i * N + N - 1]);
	DO(cudaEventRecord(e[1], s[0]));
	DO(cudaEventSynchronize(e[1]));
	DO(cudaEventElapsedTime(&ms, e[0], e[1]));
	printf("%d host functions, time %s\n", noted, ms >= 0 ? "not negative" : "NEGATIVE");
	DO(cudaFreeHost(host));
	for (int i = 0; i < STREAMS; i++) {
		DO(cudaEventDestroy(e[i]));
		DO(cudaStreamDestroy(s[i]));
	}
}

static void *thread(void *result)
{
	unsigned *p;

	DO(cudaMalloc(&p, N * 4));
	DO(cudaMemset(p, 0, N * 4));
	for (int k = 0; k < 30; k++)
		launch(p, k, cudaStreamPerThread);
	DO(cudaStreamSynchronize(cudaStreamPerThread));
	DO(cudaMemcpy(result, p + N - 1, 4, cudaMemcpyDeviceToHost));
	DO(cudaFree(p));
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];
	unsigned result[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, thread, &result[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		printf("thread %d: %u\n", i, result[i]);
	}
}

static void graph(void)
{
	cudaGraphExec_t exec;
	cudaGraph_t g;
	cudaStream_t s;
	unsigned *p, word;

	DO(cudaStreamCreate(&s));
	DO(cudaMalloc(&p, N * 4));
	DO(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
	DO(cudaMemsetAsync(p, 0, N * 4, s));
	for (int k = 0; k < 20; k++)
		launch(p, k, s);
	DO(cudaStreamEndCapture(s, &g));
	DO(cudaGraphInstantiateWithFlags(&exec, g, 0));
	for (int k = 0; k < 3; k++)
		DO(cudaGraphLaunch(exec, s));
	DO(cudaStreamSynchronize(s));
	DO(cudaMemcpy(&word, p, 4, cudaMemcpyDeviceToHost));
	printf("graph: %u\n", word);
	DO(cudaGraphExecDestroy(exec));
	DO(cudaGraphDestroy(g));
	DO(cudaFree(p));
	DO(cudaStreamDestroy(s));
}

static void mapped(void)
{
	unsigned *host, *device;

	DO(cudaHostAlloc(&host, N * 4, cudaHostAllocMapped));
	DO(cudaHostGetDevicePointer(&device, host, 0));
	for (int i = 0; i < N; i++)
		host[i] = i;
	launch(device, 1, 0);
	DO(cudaDeviceSynchronize());
	printf("mapped: %u %u\n", host[0], host[N - 1]);
	DO(cudaFreeHost(host));
}

int main(void)
{
	streams();
	threads();
	graph();
	mapped();
	return 0;
}
