/* SPDX-License-Identifier: Apache-2.0 */
/* The application's own memory, registered: kernels read and write it, copies use it, and errors.
 */
#include "program.h"

enum { N = 20000, LARGEST = 3 << 20 };

static CUfunction add;

static void launch(CUstream s, CUdeviceptr p, unsigned n, unsigned value)
{
	void *parameters[] = { &p, &n, &value };

	DO(launch_over(add, n, s, parameters));
}

static void range(void)
{
	char *p = aligned_alloc(4096, 8192);
	CUdeviceptr base = 0;
	size_t size = 0;

	DO(cuMemHostRegister_v2(p, 8192, 0));
	SAY(cuMemGetAddressRange_v2(&base, &size, (CUdeviceptr)(size_t)p + 5000));
	printf("range: offset %lld size %zu\n", (long long)((size_t)p + 5000 - base), size);
	DO(cuMemHostUnregister(p));
	free(p);
}

/* The host writes, the kernel adds, the host reads; again and again. */
static void both_ways(unsigned *host, CUdeviceptr device, CUstream s)
{
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < N; i += round + 1)
			host[i] = i + round;
		launch(s, device, N, 1000);
		DO(cuStreamSynchronize(s));
		printf("registered: %u %u .. %u, checksum %016llx\n", host[0], host[1], host[N - 1],
		       checksum(host, N * 4));
	}
}

/* Copies that name it as a device's memory is named. */
static void named_devices(unsigned char *host, CUstream s)
{
	static unsigned char other[40000];
	CUdeviceptr a = (CUdeviceptr)(size_t)host, p = device_words(10000);

	pattern(other, 40000, 3);
	SAY(cuMemcpyHtoD_v2(a, other, 40000));
	SAY(cuMemcpyDtoD_v2(p, a, 40000));
	SAY(cuMemcpyDtoD_v2(a + 40000, p, 40000));
	SAY(cuMemcpyDtoH_v2(other, a + 40000, 40000));
	printf("as a device's: %016llx %016llx\n", checksum(other, 40000), checksum(host, 80000));
	pattern(host, 40000, 4);
	SAY(cuMemcpyDtoDAsync_v2(p, a, 40000, s));
	SAY(cuMemcpyDtoDAsync_v2(a + 40000, p, 40000, s));
	DO(cuStreamSynchronize(s));
	printf("as a device's, async: %016llx\n", checksum(host, 80000));
	DO(cuMemFree_v2(p));
}

static void copies(CUstream s)
{
	unsigned char *host = malloc(LARGEST);
	CUdeviceptr p;

	DO(cuMemHostRegister_v2(host, LARGEST, 0));
	DO(cuMemAlloc_v2(&p, LARGEST));
	for (size_t n = LARGEST; n > 100; n /= 7) {
		pattern(host, n, n);
		DO(cuMemcpyHtoDAsync_v2(p, host, n, s));
		DO(cuStreamSynchronize(s));
		memset(host, 0, n);
		DO(cuMemcpyDtoHAsync_v2(host, p, n, s));
		DO(cuStreamSynchronize(s));
		printf("copied %zu: %016llx\n", n, checksum(host, n));
	}
	DO(cuMemFree_v2(p));
	named_devices(host, s);
	DO(cuMemHostUnregister(host));
	free(host);
}

int main(void)
{
	unsigned *p = aligned_alloc(65536, 2 * 65536);
	CUdeviceptr device;
	CUstream s;
	int local;

	program_begin();
	add = program_kernel(program_load(), "add");
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	memset(p, 1, N * 4);
	SAY(cuMemHostUnregister(p));
	SAY(cuMemHostRegister_v2(NULL, 16, 0));
	SAY(cuMemHostRegister_v2(&local, 0, 0));
	DO(cuMemHostRegister_v2(p, N * 4, CU_MEMHOSTREGISTER_DEVICEMAP));
	SAY(cuMemHostRegister_v2(p, N * 4, 0));
	DO(cuMemHostGetDevicePointer_v2(&device, p, 0));
	both_ways(p, device, s);
	DO(cuMemHostUnregister(p));
	SAY(cuMemHostUnregister(p));
	SAY(cuMemHostGetDevicePointer_v2(&device, p, 0));
	copies(s);
	range();
	free(p);
	return 0;
}
