/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of all sizes and directions: pageable and pinned memory, with and without streams. */
#include <stdatomic.h>
#include <unistd.h>

#include "program.h"

enum { LARGEST = 9 << 20 };

static const size_t sizes[] = {
	1, 3, 8, 4095, 4096, 65535, 262144, 262145, 1048576, 1048577, 3 << 20, LARGEST - 5,
};

enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

/* There and back through two buffers on the device. */
static void round_trip(const char *what, unsigned char *host, CUstream stream, int async)
{
	CUdeviceptr a, b;

	DO(cuMemAlloc_v2(&a, LARGEST));
	DO(cuMemAlloc_v2(&b, LARGEST));
	for (int i = 0; i < SIZES; i++) {
		size_t n = sizes[i];

		pattern(host, n, i);
		if (async) {
			DO(cuMemcpyHtoDAsync_v2(a + 1, host, n, stream));
			DO(cuMemcpyDtoDAsync_v2(b + 3, a + 1, n, stream));
			DO(cuStreamSynchronize(stream));
			memset(host, 0, n);
			DO(cuMemcpyDtoHAsync_v2(host, b + 3, n, stream));
			DO(cuStreamSynchronize(stream));
		} else {
			DO(cuMemcpyHtoD_v2(a + 1, host, n));
			DO(cuMemcpyDtoD_v2(b + 3, a + 1, n));
			memset(host, 0, n);
			DO(cuMemcpyDtoH_v2(host, b + 3, n));
		}
		printf("%s %zu: %016llx\n", what, n, checksum(host, n));
	}
	DO(cuMemFree_v2(a));
	DO(cuMemFree_v2(b));
}

/* The source of a pageable copy is the caller's again as soon as the call returns. */
static void reused_source(CUstream stream)
{
	enum { N = 300000, COPIES = 24 };
	static unsigned char host[N], back[N];
	unsigned long long h = 0;
	CUdeviceptr p;

	DO(cuMemAlloc_v2(&p, (size_t)N * COPIES));
	for (int i = 0; i < COPIES; i++) {
		memset(host, i + 1, N);
		DO(cuMemcpyHtoDAsync_v2(p + (size_t)i * N, host, N, stream));
	}
	memset(host, 0xee, N);
	for (int i = 0; i < COPIES; i++) {
		DO(cuMemcpyDtoHAsync_v2(back, p + (size_t)i * N, N, stream));
		h = h * 31 + checksum(back, N);
	}
	DO(cuStreamSynchronize(stream));
	printf("source used again at once: %016llx\n", h);
	DO(cuMemFree_v2(p));
}

static void unified(void)
{
	enum { N = 100000 };
	static unsigned char host[N], back[N];
	CUdeviceptr p;

	pattern(host, N, 5);
	DO(cuMemAlloc_v2(&p, N));
	DO(cuMemcpy(p, (CUdeviceptr)(size_t)host, N));
	DO(cuMemcpy((CUdeviceptr)(size_t)back, p, N));
	printf("unified: %s\n", memcmp(host, back, N) ? "DIFFERENT" : "equal");
	memset(back, 0, N);
	DO(cuMemcpyAsync(p, (CUdeviceptr)(size_t)host + 1, N - 1, NULL));
	DO(cuMemcpyAsync((CUdeviceptr)(size_t)back, p, N - 1, NULL));
	DO(cuCtxSynchronize());
	printf("unified, async: %s\n", memcmp(host + 1, back, N - 1) ? "DIFFERENT" : "equal");
	DO(cuMemFree_v2(p));
}

/* Names of calls say less than addresses: pinned memory is where a device's is expected, too. */
static void named_otherwise(unsigned char *pinned, CUstream s)
{
	static unsigned char host[LARGEST];
	unsigned char *second = pinned + LARGEST;
	CUdeviceptr a = (CUdeviceptr)(size_t)pinned, b = (CUdeviceptr)(size_t)second, p;

	DO(cuMemAlloc_v2(&p, LARGEST));
	for (int i = 0; i < SIZES; i++) {
		size_t n = sizes[i];

		pattern(host, n, i + 100);
		DO(cuMemcpyHtoD_v2(a, host, n));
		DO(cuMemcpyDtoD_v2(p, a, n));
		memset(pinned, 0, n);
		DO(cuMemcpyDtoD_v2(b, p, n));
		DO(cuMemcpyDtoD_v2(a, b, n));
		memset(host, 0, n);
		DO(cuMemcpyDtoH_v2(host, a, n));
		printf("%zu by other names: %016llx\n", n, checksum(host, n));
		pattern(host, n, i + 200);
		DO(cuMemcpyHtoDAsync_v2(a, host, n, s));
		DO(cuMemcpyDtoDAsync_v2(p, a, n, s));
		DO(cuMemcpyDtoDAsync_v2(b, p, n, s));
		DO(cuMemcpyDtoDAsync_v2(a, b, n, s));
		DO(cuMemsetD8Async(p, 0, n, s));
		DO(cuMemcpyDtoHAsync_v2(host, a, n, s));
		DO(cuStreamSynchronize(s));
		printf("%zu by other names, async: %016llx\n", n, checksum(host, n));
	}
	DO(cuMemFree_v2(p));
}

static void CUDAAPI wait_for(void *flag)
{
	while (!atomic_load((atomic_int *)flag))
		usleep(1000);
}

/* No call waits for the stream, and what comes before in it is seen. */
static void named_otherwise_held(unsigned char *pinned, CUstream s)
{
	CUdeviceptr a = (CUdeviceptr)(size_t)pinned, p = device_words(1000), q = device_words(1000);
	atomic_int go = 0;

	memset(pinned, 1, 4000);
	DO(cuLaunchHostFunc(s, wait_for, &go));
	DO(cuMemsetD32Async(p, 77, 1000, s));
	DO(cuMemcpyDtoDAsync_v2(a, p, 4000, s));
	DO(cuMemcpyDtoDAsync_v2(q, a, 4000, s));
	DO(cuMemcpyDtoDAsync_v2(p, q, 2000, s));
	printf("not yet: %016llx\n", checksum(pinned, 4000));
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(s));
	printf("then: %016llx\n", checksum(pinned, 4000));
	say_words("and on the device", q, 1000);
	DO(cuMemFree_v2(p));
	DO(cuMemFree_v2(q));
}

static void named_otherwise_captured(unsigned char *pinned, CUstream s)
{
	CUdeviceptr a = (CUdeviceptr)(size_t)pinned, b = a + 8000, p = device_words(1000);
	CUgraphExec exec;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuMemcpyDtoDAsync_v2(p, a, 4000, s));
	SAY(cuMemcpyDtoDAsync_v2(b, p, 4000, s));
	SAY(cuMemcpyDtoDAsync_v2(b + 4000, b, 4000, s));
	SAY(cuMemcpyHtoDAsync_v2(b + 8000, pinned + 8000, 4000, s));
	SAY(cuMemcpyDtoHAsync_v2(pinned + 20000, b, 4000, s));
	DO(cuStreamEndCapture(s, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (int i = 0; i < 2; i++) {
		pattern(pinned, 24000, i);
		DO(cuGraphLaunch(exec, s));
		DO(cuStreamSynchronize(s));
		printf("captured by other names: %016llx\n", checksum(pinned, 24000));
	}
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
	DO(cuMemFree_v2(p));
}

static void rectangles(void)
{
	enum { WIDTH = 100, HEIGHT = 37 };
	static unsigned char host[HEIGHT][160], back[HEIGHT][130];
	CUDA_MEMCPY2D in = { .srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = host, .srcPitch = 160,
			     .srcXInBytes = 7, .srcY = 1, .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			     .WidthInBytes = WIDTH, .Height = HEIGHT - 1 };
	CUDA_MEMCPY2D out = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstHost = back,
		.dstPitch = 130,
		.dstMemoryType = CU_MEMORYTYPE_HOST,
		.dstXInBytes = 2,
		.WidthInBytes = WIDTH,
		.Height = HEIGHT - 1};
	CUdeviceptr p;
	size_t pitch;

	pattern(&host[0][0], sizeof(host), 9);
	DO(cuMemAllocPitch_v2(&p, &pitch, WIDTH, HEIGHT, 4));
	printf("pitch is %s\n", pitch >= WIDTH && pitch % 4 == 0 ? "good" : "TOO SMALL");
	in.dstDevice = out.srcDevice = p;
	in.dstPitch = out.srcPitch = pitch;
	DO(cuMemcpy2D_v2(&in));
	DO(cuMemcpy2D_v2(&out));
	printf("rectangle: %016llx\n", checksum(back, sizeof(back)));
	DO(cuMemcpy2DAsync_v2(&in, NULL));
	DO(cuMemcpy2DUnaligned_v2(&out));
	printf("rectangle, async: %016llx\n", checksum(back, sizeof(back)));
	in.srcPitch = 10;
	SAY(cuMemcpy2D_v2(&in));
	DO(cuMemFree_v2(p));
}

static void wrong(void)
{
	unsigned char host[64];
	CUdeviceptr p;

	DO(cuMemAlloc_v2(&p, 1024));
	SAY(cuMemcpyHtoD_v2(p, host, 0));
	SAY(cuMemcpyHtoD_v2(0, host, 16));
	SAY(cuMemcpyHtoD_v2(p, NULL, 16));
	SAY(cuMemcpyDtoH_v2(NULL, p, 16));
	SAY(cuMemcpyDtoH_v2(host, 0, 16));
	SAY(cuMemcpyDtoD_v2(p, 0, 16));
	SAY(cuMemFree_v2(p));
	SAY(cuMemFree_v2(p));
	SAY(cuMemFree_v2(p + 8));
	SAY(cuMemFree_v2(0));
	SAY(cuMemAlloc_v2(&p, 0));
	SAY(cuMemAlloc_v2(&p, (size_t)1 << 50));
}

int main(void)
{
	unsigned char *pageable = malloc(LARGEST);
	CUstream stream;
	void *pinned;

	program_begin();
	DO(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	DO(cuMemHostAlloc(&pinned, 2 * LARGEST, CU_MEMHOSTALLOC_DEVICEMAP));
	round_trip("pageable", pageable, NULL, 0);
	round_trip("pageable, async", pageable, stream, 1);
	round_trip("pinned", pinned, NULL, 0);
	round_trip("pinned, async", pinned, stream, 1);
	reused_source(stream);
	unified();
	rectangles();
	wrong();
	named_otherwise(pinned, stream);
	named_otherwise_held(pinned, stream);
	named_otherwise_captured(pinned, stream);
	DO(cuMemFreeHost(pinned));
	free(pageable);
	return 0;
}
