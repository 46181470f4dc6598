/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the samples of one run. Every measurement is a function that is called
 * and timed again and again, after some calls to warm up and until there are
 * enough samples or its share of time is spent. Copies are checked: bytes that
 * did not arrive would make any figure meaningless.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "library.h"
#include "measure.h"

enum {
	BURST = 1000, /* launches; below the depth at which the driver's queue makes them wait */
	WARM_UP = 5,
	SAMPLES_MAX = 2000,
	SAMPLES_MIN = 5,
	LARGE = 16 << 20,
	LARGE_SAMPLES = 10,
	COPY_SAMPLES = 50,
};

static const double budget_ns = 1e9; /* for one measurement in one run */

static const char empty_ptx[] = ".version 6.3\n"
				".target sm_75\n"
				".address_size 64\n"
				".visible .entry empty(.param .u32 unused)\n"
				"{\n"
				"\tret;\n"
				"}\n";

struct bench {
	struct library lib;
	FILE *out;
	CUfunction empty;
	CUevent event;
	CUdeviceptr device;
	char *host;   /* what copies read and write: pageable or pinned */
	size_t bytes; /* per copy */
};

typedef CUresult step(struct bench *b);

struct measurement {
	const char *name;
	step *once;	/* timed */
	step *settle;	/* after each sample, not timed; may be NULL */
	unsigned inner; /* calls per sample */
	unsigned samples;
};

static CUresult launch(struct bench *b)
{
	int unused = 0;
	void *parameters[] = {&unused};

	return b->lib.cuLaunchKernel(b->empty, 1, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL);
}

static CUresult synchronize(struct bench *b)
{
	return b->lib.cuCtxSynchronize();
}

static CUresult launch_synchronize(struct bench *b)
{
	CUresult r = launch(b);

	return r ? r : synchronize(b);
}

static CUresult copy_in(struct bench *b)
{
	return b->lib.cuMemcpyHtoD_v2(b->device, b->host, b->bytes);
}

static CUresult copy_out(struct bench *b)
{
	return b->lib.cuMemcpyDtoH_v2(b->host, b->device, b->bytes);
}

static CUresult allocate_free(struct bench *b)
{
	CUdeviceptr p;
	CUresult r = b->lib.cuMemAlloc_v2(&p, 1 << 20);

	return r ? r : b->lib.cuMemFree_v2(p);
}

static CUresult stream_create_destroy(struct bench *b)
{
	CUstream s;
	CUresult r = b->lib.cuStreamCreate(&s, CU_STREAM_DEFAULT);

	return r ? r : b->lib.cuStreamDestroy_v2(s);
}

static CUresult event_record_query(struct bench *b)
{
	CUresult r = b->lib.cuEventRecord(b->event, NULL);

	if (r)
		return r;
	r = b->lib.cuEventQuery(b->event);
	return r == CUDA_ERROR_NOT_READY ? CUDA_SUCCESS : r;
}

static const struct measurement latencies[] = {
	{"launch, burst of 1000", launch, synchronize, BURST, 20},
	{"launch + synchronize", launch_synchronize, NULL, 1, SAMPLES_MAX},
	{"synchronize, idle", synchronize, NULL, 1, SAMPLES_MAX},
	{"copy 4 B to device", copy_in, NULL, 1, SAMPLES_MAX},
	{"copy 4 B to host", copy_out, NULL, 1, SAMPLES_MAX},
	{"alloc + free 1 MiB", allocate_free, NULL, 1, 500},
	{"stream create + destroy", stream_create_destroy, NULL, 1, 500},
	{"event record + query", event_record_query, synchronize, 1, SAMPLES_MAX},
};

static CUresult sample(struct bench *b, const struct measurement *m, double *ns)
{
	double start = clock_ns();

	for (unsigned i = 0; i < m->inner; i++) {
		CUresult r = m->once(b);

		if (r)
			return r;
	}
	*ns = (clock_ns() - start) / m->inner;
	return m->settle ? m->settle(b) : CUDA_SUCCESS;
}

static int run_measurement(struct bench *b, const struct measurement *m, size_t unit_bytes)
{
	static double ns[SAMPLES_MAX];
	unsigned count = 0, warm = m->inner > 1 ? 1 : WARM_UP;
	double start;
	CUresult r = CUDA_SUCCESS;

	for (unsigned i = 0; i < warm && !r; i++)
		r = sample(b, m, &ns[0]);
	start = clock_ns();
	while (!r && count < m->samples) {
		r = sample(b, m, &ns[count++]);
		if (count >= SAMPLES_MIN && clock_ns() - start > budget_ns)
			break;
	}
	if (r) {
		fprintf(stderr, "rgpu-bench: %s: %s\n", m->name, library_error(&b->lib, r));
		return 1;
	}
	fprintf(b->out, "result %s|%zu|%u", m->name, unit_bytes, count);
	for (unsigned i = 0; i < count; i++)
		fprintf(b->out, " %.0f", ns[i]);
	fputc('\n', b->out);
	return 0;
}

static int measure_latency(struct bench *b)
{
	int failed = 0;

	b->bytes = 4;
	b->host = calloc(1, b->bytes);
	if (!b->host)
		return 1;
	for (size_t i = 0; i < sizeof(latencies) / sizeof(*latencies) && !failed; i++)
		failed = run_measurement(b, &latencies[i], 0);
	free(b->host);
	return failed;
}

static void fill(char *p, size_t bytes, unsigned seed)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (char)(i * 31 + i / 4096 + seed);
}

/* Both directions from and to b->host, then a look at what came back. */
static int measure_copies(struct bench *b, const char *memory)
{
	char name[NAME_SIZE];
	struct measurement m = {
		name, NULL, NULL, 1, b->bytes >= LARGE ? LARGE_SAMPLES : COPY_SAMPLES};
	char *expected = malloc(b->bytes);
	int failed = 1;

	if (!expected)
		return 1;
	fill(expected, b->bytes, 1);
	memcpy(b->host, expected, b->bytes);
	snprintf(name, sizeof(name), "to device, %s", memory);
	m.once = copy_in;
	if (run_measurement(b, &m, b->bytes))
		goto out;
	memset(b->host, 0, b->bytes);
	snprintf(name, sizeof(name), "to host, %s", memory);
	m.once = copy_out;
	if (run_measurement(b, &m, b->bytes))
		goto out;
	failed = memcmp(b->host, expected, b->bytes) != 0;
	if (failed)
		fprintf(stderr, "rgpu-bench: %zu bytes came back changed (%s)\n", b->bytes, memory);
out:
	free(expected);
	return failed;
}

static int measure_size(struct bench *b, size_t bytes)
{
	void *pinned;
	CUresult r = b->lib.cuMemAllocHost_v2(&pinned, bytes);
	int failed;

	if (r) {
		fprintf(stderr, "rgpu-bench: %zu bytes of pinned memory: %s\n", bytes,
			library_error(&b->lib, r));
		return 1;
	}
	b->bytes = bytes;
	b->host = pinned;
	failed = measure_copies(b, "pinned");
	b->lib.cuMemFreeHost(pinned);
	if (failed)
		return 1;
	b->host = malloc(bytes);
	if (!b->host)
		return 1;
	failed = measure_copies(b, "pageable");
	free(b->host);
	return failed;
}

static int measure_bandwidth(struct bench *b, const struct plan *plan)
{
	for (unsigned i = 0; i < plan->size_count; i++) {
		if (measure_size(b, plan->sizes[i]))
			return 1;
	}
	return 0;
}

static size_t device_bytes(const struct plan *plan)
{
	size_t most = 4096;

	for (unsigned i = 0; i < plan->size_count; i++) {
		if (plan->sizes[i] > most)
			most = plan->sizes[i];
	}
	return most;
}

static CUresult set_up(struct bench *b, size_t bytes, CUdevice *device)
{
	struct library *lib = &b->lib;
	CUcontext context;
	CUmodule module;
	CUresult r;

	if ((r = lib->cuInit(0)) || (r = lib->cuDeviceGet(device, 0)) ||
		(r = lib->cuDevicePrimaryCtxRetain(&context, *device)) ||
		(r = lib->cuCtxSetCurrent(context)) ||
		(r = lib->cuModuleLoadData(&module, empty_ptx)) ||
		(r = lib->cuModuleGetFunction(&b->empty, module, "empty")) ||
		(r = lib->cuEventCreate(&b->event, CU_EVENT_DEFAULT)))
		return r;
	return lib->cuMemAlloc_v2(&b->device, bytes);
}

static void introduce(struct bench *b, CUdevice device, const char *found)
{
	char name[256] = "";
	int version = 0;

	b->lib.cuDeviceGetName(name, sizeof(name), device);
	b->lib.cuDriverGetVersion(&version);
	fprintf(b->out, "library %s\ndevice %s\ndriver %d\n", found, name, version);
}

int measure(const struct plan *plan, const char *path, FILE *out)
{
	static struct bench b;
	char found[PATH_MAX];
	CUdevice device;
	CUresult r;
	double start;
	int failed;

	b.out = out;
	if (library_open(&b.lib, path, found) < 0)
		return 1;
	start = clock_ns();
	r = set_up(&b, device_bytes(plan), &device);
	if (r) {
		fprintf(stderr, "rgpu-bench: %s: %s\n", found, library_error(&b.lib, r));
		return 1;
	}
	start = clock_ns() - start;
	introduce(&b, device, found);
	if (!plan->bandwidth)
		fprintf(out, "result start to ready|0|1 %.0f\n", start);
	failed = plan->bandwidth ? measure_bandwidth(&b, plan) : measure_latency(&b);
	b.lib.cuMemFree_v2(b.device);
	b.lib.cuEventDestroy_v2(b.event);
	b.lib.cuDevicePrimaryCtxRelease_v2(device);
	return failed;
}
