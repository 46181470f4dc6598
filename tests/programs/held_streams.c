/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream stands still behind a host function that waits for this thread, which
 * first enqueues much more there and works in another stream. Nothing of it may
 * wait; and pinned memory is read when its copy is due, after what the host
 * functions before it have written.
 */
#include <stdatomic.h>
#include <unistd.h>
#include "program.h"

enum { SMALL = 1024, SMALLS = 20, LARGE = 12 << 20, PARTS = 4 };

static _Atomic int go;

static void hold(void *user)
{
	while (!atomic_load(&go))
		usleep(100);
	if (user)
		pattern(user, LARGE, 7);
}

static void check(void *user)
{
	printf("a host function after the copy out sees %016llx\n", checksum(user, LARGE));
}

/* Another stream and other calls go on. */
static void elsewhere(CUfunction fill)
{
	unsigned n = SMALL, value = 5, host[SMALL];
	CUdeviceptr p = device_words(SMALL);
	void *parameters[] = { &p, &n, &value };
	CUevent done;
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&done, 0));
	DO(launch_over(fill, n, s, parameters));
	DO(cuEventRecord(done, s));
	DO(cuMemcpyDtoHAsync_v2(host, p, sizeof(host), s));
	DO(cuEventSynchronize(done));
	SAY(cuEventQuery(done));
	printf("elsewhere: %016llx\n", checksum(host, sizeof(host)));
	DO(cuEventDestroy_v2(done));
	DO(cuStreamDestroy_v2(s));
}

static void large_copies(CUfunction fill, CUfunction add)
{
	unsigned char *in, *out[PARTS], *small;
	CUdeviceptr p[PARTS], q = device_words(SMALL);
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc((void **)&in, LARGE, 0));
	DO(cuMemHostAlloc((void **)&small, SMALL * 4, 0));
	memset(in, 0, LARGE);
	memset(small, 1, SMALL * 4);
	for (int i = 0; i < PARTS; i++) {
		DO(cuMemHostAlloc((void **)&out[i], LARGE, 0));
		DO(cuMemAlloc_v2(&p[i], LARGE));
	}
	atomic_store(&go, 0);
	DO(cuLaunchHostFunc(s, hold, in));
	for (int i = 0; i < SMALLS; i++)
		DO(cuMemcpyHtoDAsync_v2(q, small, SMALL * 4, s));
	for (unsigned i = 0; i < PARTS; i++) {
		unsigned n = LARGE / 4, value = i;
		void *parameters[] = { &p[i], &n, &value };

		DO(cuMemcpyHtoDAsync_v2(p[i], in, LARGE, s));
		DO(launch_over(add, n, s, parameters));
		DO(cuMemcpyDtoHAsync_v2(out[i], p[i], LARGE, s));
	}
	DO(cuLaunchHostFunc(s, check, out[0]));
	elsewhere(fill);
	SAY(cuStreamQuery(s));
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(s));
	for (int i = 0; i < PARTS; i++)
		printf("part %d: %016llx\n", i, checksum(out[i], LARGE));
	for (int i = 0; i < PARTS; i++) {
		DO(cuMemFreeHost(out[i]));
		DO(cuMemFree_v2(p[i]));
	}
	DO(cuMemFreeHost(in));
	DO(cuMemFreeHost(small));
	DO(cuMemFree_v2(q));
	DO(cuStreamDestroy_v2(s));
}

/* What a kernel or a copy out before it writes to pinned memory is what a copy takes from there. */
static void through_host_memory(CUfunction fill)
{
	unsigned n = SMALL, value = 11, seen[SMALL], *host;
	CUdeviceptr mapped, p = device_words(SMALL), q = device_words(SMALL);
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc((void **)&host, sizeof(seen), CU_MEMHOSTALLOC_DEVICEMAP));
	DO(cuMemHostGetDevicePointer_v2(&mapped, host, 0));
	memset(host, 0, sizeof(seen));
	for (int i = 0; i < 2; i++, value++) {
		void *parameters[] = { i ? &p : &mapped, &n, &value };

		DO(launch_over(fill, n, s, parameters));
		if (i)
			DO(cuMemcpyDtoHAsync_v2(host, p, sizeof(seen), s));
		DO(cuMemcpyHtoDAsync_v2(q, host, sizeof(seen), s));
		DO(cuMemcpyDtoHAsync_v2(seen, q, sizeof(seen), s));
		DO(cuStreamSynchronize(s));
		printf("through host memory: %u .. %u\n", seen[0], seen[SMALL - 1]);
	}
	DO(cuMemFreeHost(host));
	DO(cuMemFree_v2(p));
	DO(cuMemFree_v2(q));
	DO(cuStreamDestroy_v2(s));
}

/* The stream that holds is not the one of the copy; an event carries the order. */
static void across_streams(void)
{
	CUdeviceptr p;
	CUstream a, b;
	CUevent e;
	unsigned char *in, *out;

	DO(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DO(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
	DO(cuMemHostAlloc((void **)&in, LARGE, 0));
	DO(cuMemHostAlloc((void **)&out, LARGE, 0));
	DO(cuMemAlloc_v2(&p, LARGE));
	memset(in, 0, LARGE);
	atomic_store(&go, 0);
	DO(cuLaunchHostFunc(a, hold, in));
	DO(cuEventRecord(e, a));
	DO(cuStreamWaitEvent(b, e, 0));
	DO(cuMemcpyHtoDAsync_v2(p, in, LARGE, b));
	DO(cuMemcpyDtoHAsync_v2(out, p, LARGE, b));
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(b));
	printf("across streams: %016llx\n", checksum(out, LARGE));
	DO(cuMemFreeHost(in));
	DO(cuMemFreeHost(out));
	DO(cuMemFree_v2(p));
}

int main(void)
{
	CUfunction fill, add;
	CUmodule module;

	program_begin();
	module = program_load();
	fill = program_kernel(module, "fill");
	add = program_kernel(module, "add");
	large_copies(fill, add);
	through_host_memory(fill);
	across_streams();
	return 0;
}
