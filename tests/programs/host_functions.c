/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions: in order with the stream's work, on another thread, without CUDA calls. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "program.h"

enum { N = 2000, LOOPS = 3000, CALLS = 20 };

static pthread_t main_thread;
static unsigned order[CALLS], orders;
static CUresult inside[3];
static int other_thread;

static void note(void *user)
{
	order[orders++] = (unsigned)(size_t)user;
	other_thread = !pthread_equal(pthread_self(), main_thread);
}

static void try_calls(void *user)
{
	CUdeviceptr p;

	inside[0] = cuMemAlloc_v2(&p, 16);
	inside[1] = cuStreamQuery(NULL);
	inside[2] = cuCtxSynchronize();
}

static void fill_host(void *user)
{
	pattern(user, N * 4, 3);
}

static void check_host(void *user)
{
	printf("host function saw %016llx\n", checksum(user, N * 4));
}

static void callback(CUstream stream, CUresult status, void *user)
{
	printf("callback: %s, user data %u\n", result_name(status), (unsigned)(size_t)user);
}

/* Kernel, host function, kernel: the function sees the copy, the copy sees the function. */
static void between_copies(CUstream s, CUfunction slow_multiply)
{
	unsigned n = N, value = 3, loops = LOOPS;
	CUdeviceptr p = device_words(N);
	void *parameters[] = { &p, &n, &value, &loops };
	void *in, *out;

	DO(cuMemHostAlloc(&in, N * 4, 0));
	DO(cuMemHostAlloc(&out, N * 4, 0));
	memset(in, 0, N * 4);
	DO(cuLaunchHostFunc(s, fill_host, in));
	DO(cuMemcpyHtoDAsync_v2(p, in, N * 4, s));
	DO(launch_over(slow_multiply, N, s, parameters));
	DO(cuMemcpyDtoHAsync_v2(out, p, N * 4, s));
	DO(cuLaunchHostFunc(s, check_host, out));
	DO(cuStreamSynchronize(s));
	say_words("after all", p, N);
	DO(cuMemFreeHost(in));
	DO(cuMemFreeHost(out));
	DO(cuMemFree_v2(p));
}

static _Atomic int begun, go;

static void hold(void *user)
{
	atomic_store(&begun, 1);
	while (!atomic_load(&go))
		usleep(100);
}

/* A function that another stream calls for long keeps other functions waiting and nothing else: not a
 * copy in a stream whose own function was called before. */
static void beside_a_function(CUstream s)
{
	CUdeviceptr p = device_words(N), flag = device_words(1);
	CUstream held, writer;
	void *in;

	DO(cuStreamCreate(&held, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&writer, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc(&in, N * 4, 0));
	memset(in, 6, N * 4);
	DO(cuMemsetD32_v2(flag, 0, 1));
	DO(cuCtxSynchronize());
	DO(cuStreamWaitValue32_v2(held, flag, 1, 0));
	DO(cuLaunchHostFunc(held, hold, NULL));
	DO(cuLaunchHostFunc(s, note, NULL));
	DO(cuStreamSynchronize(s));
	DO(cuStreamWriteValue32_v2(writer, flag, 1, 0));
	while (!atomic_load(&begun))
		usleep(100);
	DO(cuMemcpyHtoDAsync_v2(p, in, N * 4, s));
	DO(cuStreamSynchronize(s));
	printf("copied beside a function\n");
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(held));
	say_words("what was copied", p, N);
	DO(cuMemFreeHost(in));
	DO(cuMemFree_v2(p));
	DO(cuMemFree_v2(flag));
}

static _Atomic unsigned called_back;

static void failed(CUstream stream, CUresult status, void *user)
{
	printf("callback behind a fault: %s\n", result_name(status));
	called_back++;
}

static void never(void *user)
{
	printf("CALLED behind a fault\n");
}

/* A callback is told of a fault before it; a function is not called then. The stream is held so that
 * all of it is enqueued before. */
static void behind_a_fault(CUfunction store)
{
	unsigned long long nowhere = 16;
	CUdeviceptr flag = device_words(1);
	CUstream s, writer;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&writer, CU_STREAM_NON_BLOCKING));
	DO(cuMemsetD32_v2(flag, 0, 1));
	DO(cuCtxSynchronize());
	DO(cuStreamWaitValue32_v2(s, flag, 1, 0));
	DO(cuLaunchKernel(store, 1, 1, 1, 1, 1, 1, 0, s, (void *[]){&nowhere}, NULL));
	DO(cuStreamAddCallback(s, failed, NULL, 0));
	DO(cuLaunchHostFunc(s, never, NULL));
	DO(cuStreamWriteValue32_v2(writer, flag, 1, 0));
	for (int i = 0; i < 1000 && !called_back; i++)
		usleep(10000);
	SAY(cuStreamSynchronize(s));
}

int main(void)
{
	CUfunction slow_multiply;
	CUmodule module;
	CUstream s;

	main_thread = pthread_self();
	program_begin();
	module = program_load();
	slow_multiply = program_kernel(module, "slow_multiply");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	for (size_t i = 0; i < CALLS; i++)
		DO(cuLaunchHostFunc(s, note, (void *)i));
	DO(cuStreamSynchronize(s));
	printf("called %u times, on %s thread, in order:", orders,
		other_thread ? "another" : "THE MAIN");
	for (unsigned i = 0; i < orders; i++)
		printf(" %u", order[i]);
	printf("\n");
	between_copies(s, slow_multiply);
	orders = 0;
	beside_a_function(s);
	DO(cuLaunchHostFunc(s, try_calls, NULL));
	DO(cuStreamSynchronize(s));
	for (int i = 0; i < 3; i++)
		say("a call inside a host function", inside[i]);
	DO(cuStreamAddCallback(s, callback, (void *)7, 0));
	DO(cuStreamSynchronize(s));
	SAY(cuLaunchHostFunc(s, NULL, NULL));
	behind_a_fault(program_kernel(module, "store"));
	return 0;
}
