/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory that kernels read and write, allocated by the driver; seen after completion. */
#include <sched.h>
#include <stdatomic.h>
#include "program.h"

enum { N = 20000, MANY = 8 << 20 };

static CUfunction fill, add;

static void launch(CUfunction f, CUstream s, CUdeviceptr p, unsigned n, unsigned value)
{
	void *parameters[] = { &p, &n, &value };

	DO(launch_over(f, n, s, parameters));
}

static void host_words(const char *what, const unsigned *p)
{
	printf("%s: %u %u .. %u, checksum %016llx\n", what, p[0], p[1], p[N - 1],
		checksum(p, N * 4));
}

/* The host writes, the kernel adds, the host reads; again and again. */
static void both_ways(const char *what, unsigned *host, CUdeviceptr device, CUstream s)
{
	for (unsigned round = 0; round < 4; round++) {
		CUevent e;

		for (unsigned i = 0; i < N; i += round + 1)
			host[i] = i + round;
		launch(add, s, device, N, 1000);
		if (round & 1) {
			DO(cuStreamSynchronize(s));
		} else {
			DO(cuEventCreate(&e, 0));
			DO(cuEventRecord(e, s));
			DO(cuEventSynchronize(e));
			DO(cuEventDestroy_v2(e));
		}
		host_words(what, host);
	}
}

/* Two kernels on different halves; what the host wrote elsewhere stays. */
static void halves(unsigned *host, CUdeviceptr device, CUstream s)
{
	memset(host, 0, N * 4);
	launch(fill, s, device, 100, 5);
	launch(fill, s, device + N * 2, 100, 7);
	host[N - 1] = 99;
	DO(cuCtxSynchronize());
	host_words("halves", host);
}

/* The flag that a copy brings says that the copies before it are complete, without any call. */
static void spin_on_a_flag(CUstream s)
{
	CUdeviceptr p = device_words(MANY), q = device_words(1);
	unsigned *words, wrong = 0;
	_Atomic unsigned *flag;

	DO(cuMemHostAlloc((void **)&words, MANY * 4, 0));
	DO(cuMemHostAlloc((void **)&flag, 4, 0));
	for (unsigned round = 1; round <= 10; round++) {
		DO(cuMemsetD32Async(p, round, MANY, s));
		DO(cuMemsetD32Async(q, round, 1, s));
		DO(cuMemcpyDtoHAsync_v2(words, p, MANY * 4, s));
		DO(cuMemcpyDtoHAsync_v2((void *)flag, q, 4, s));
		while (atomic_load(flag) != round)
			sched_yield();
		for (unsigned i = 0; i < MANY; i += 1000)
			wrong += words[i] != round;
		DO(cuStreamSynchronize(s));
	}
	printf("behind a flag: %u wrong\n", wrong);
	DO(cuMemFreeHost(words));
	DO(cuMemFreeHost((void *)flag));
	DO(cuMemFree_v2(p));
	DO(cuMemFree_v2(q));
}

/* Kernels find the memory by an address that was copied to the device. */
static void behind_pointers(CUfunction add_behind, CUstream s)
{
	struct {
		unsigned long long what;
		unsigned *where;
	} node = {7, NULL};
	CUdeviceptr p, at;
	unsigned n = N, value = 4;
	void *args[] = {&at, &n, &value};

	DO(cuMemHostAlloc((void **)&node.where, N * 4, CU_MEMHOSTALLOC_DEVICEMAP));
	for (unsigned i = 0; i < N; i++)
		node.where[i] = i;
	p = device_words(4);
	at = p + 8;
	DO(cuMemcpyHtoD_v2(p, &node, sizeof(node)));
	DO(cuCtxSynchronize());
	for (int i = 0; i < 2; i++) {
		DO(launch_over(add_behind, N, s, args));
		DO(cuStreamSynchronize(s));
		host_words("behind a pointer", node.where);
		node.where[0] = 1000;
	}
	DO(cuMemFree_v2(p));
	DO(cuMemFreeHost(node.where));
}

static void wrong(void)
{
	CUdeviceptr device;
	int local;
	void *p;

	SAY(cuMemHostAlloc(&p, 0, 0));
	SAY(cuMemHostAlloc(&p, 16, 0x100));
	SAY(cuMemHostAlloc(NULL, 16, 0));
	SAY(cuMemFreeHost(&local));
	SAY(cuMemFreeHost(NULL));
	SAY(cuMemHostGetDevicePointer_v2(&device, &local, 0));
}

/* It has a range as device memory has, and is nobody's to register. */
static void ranges(void)
{
	CUdeviceptr base = 0;
	size_t size = 0;
	char *p;

	DO(cuMemHostAlloc((void **)&p, 1 << 20, CU_MEMHOSTALLOC_DEVICEMAP));
	SAY(cuMemGetAddressRange_v2(&base, &size, (CUdeviceptr)(size_t)p + 5000));
	printf("range: offset %lld size %zu\n", (long long)((size_t)p + 5000 - base), size);
	SAY(cuMemHostRegister_v2(p, 4096, 0));
	SAY(cuMemHostUnregister(p));
	DO(cuMemFreeHost(p));
}

int main(void)
{
	CUdeviceptr device;
	unsigned flags = 99;
	CUstream s;
	CUmodule m;
	void *p, *q;

	program_begin();
	m = program_load();
	fill = program_kernel(m, "fill");
	add = program_kernel(m, "add");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc(&p, N * 4, CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_PORTABLE));
	DO(cuMemHostGetDevicePointer_v2(&device, p, 0));
	printf("same address on the device: %s\n", device == (size_t)p ? "yes" : "no");
	DO(cuMemHostGetFlags(&flags, p));
	printf("flags %u\n", flags);
	both_ways("allocated", p, device, s);
	halves(p, device, s);
	DO(cuMemHostAlloc(&q, N * 4, 0));
	launch(fill, s, (CUdeviceptr)(size_t)q, N, 3);
	DO(cuStreamSynchronize(s));
	host_words("by its host address", q);
	DO(cuMemFreeHost(q));
	DO(cuMemAllocHost_v2(&q, N * 4));
	DO(cuMemHostGetDevicePointer_v2(&device, (char *)q + 400, 0));
	launch(fill, NULL, device, N - 100, 1);
	DO(cuCtxSynchronize());
	printf("by an inner address: %u %u\n", ((unsigned *)q)[100], ((unsigned *)q)[N - 1]);
	DO(cuMemFreeHost(q));
	SAY(cuMemFreeHost(q));
	behind_pointers(program_kernel(m, "add_behind"), s);
	spin_on_a_flag(s);
	wrong();
	ranges();
	DO(cuMemFreeHost(p));
	return 0;
}
