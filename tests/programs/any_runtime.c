/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives any libcudart.so, 11.0 or later, as a program linked with it would:
 *   any_runtime /path/to/libcudart.so.N
 * Registers a fat binary made here from PTX, launches from it, uses streams and
 * events, resets the device and does it again. Needs no toolkit to build.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernels.ptx.h"

enum { N = 5000, HOST_TO_DEVICE = 1, DEVICE_TO_HOST = 2, NO_TIMING = 2 };

struct dim3 {
	unsigned x, y, z;
};

static struct {
	int (*runtime_version)(int *);
	int (*device_count)(int *);
	int (*set_device)(int);
	int (*get_attribute)(int *, int, int);
	int (*alloc)(void **, size_t);
	int (*alloc_host)(void **, size_t);
	int (*free_device)(void *);
	int (*free_host)(void *);
	int (*copy)(void *, const void *, size_t, int);
	int (*copy_async)(void *, const void *, size_t, int, void *);
	int (*set)(void *, int, size_t);
	int (*stream_create)(void **);
	int (*stream_destroy)(void *);
	int (*stream_synchronize)(void *);
	int (*event_create)(void **, unsigned);
	int (*event_record)(void *, void *);
	int (*event_synchronize)(void *);
	int (*event_destroy)(void *);
	int (*synchronize)(void);
	int (*reset)(void);
	int (*last_error)(void);
	const char *(*error_name)(int);
	int (*launch)(const void *, struct dim3, struct dim3, void **, size_t, void *);
	void **(*register_binary)(void *);
	void (*register_end)(void **);
	void (*register_function)(void **, const char *, char *, const char *, int, void *, void *,
		void *, void *, int *);
	void (*unregister_binary)(void **);
} cuda;

static const struct {
	void *member;
	const char *name;
} names[] = {
	{ &cuda.runtime_version, "cudaRuntimeGetVersion" },
	{ &cuda.device_count, "cudaGetDeviceCount" },
	{ &cuda.set_device, "cudaSetDevice" },
	{ &cuda.get_attribute, "cudaDeviceGetAttribute" },
	{ &cuda.alloc, "cudaMalloc" },
	{ &cuda.alloc_host, "cudaMallocHost" },
	{ &cuda.free_device, "cudaFree" },
	{ &cuda.free_host, "cudaFreeHost" },
	{ &cuda.copy, "cudaMemcpy" },
	{ &cuda.copy_async, "cudaMemcpyAsync" },
	{ &cuda.set, "cudaMemset" },
	{ &cuda.stream_create, "cudaStreamCreate" },
	{ &cuda.stream_destroy, "cudaStreamDestroy" },
	{ &cuda.stream_synchronize, "cudaStreamSynchronize" },
	{ &cuda.event_create, "cudaEventCreateWithFlags" },
	{ &cuda.event_record, "cudaEventRecord" },
	{ &cuda.event_synchronize, "cudaEventSynchronize" },
	{ &cuda.event_destroy, "cudaEventDestroy" },
	{ &cuda.synchronize, "cudaDeviceSynchronize" },
	{ &cuda.reset, "cudaDeviceReset" },
	{ &cuda.last_error, "cudaGetLastError" },
	{ &cuda.error_name, "cudaGetErrorName" },
	{ &cuda.launch, "cudaLaunchKernel" },
	{ &cuda.register_binary, "__cudaRegisterFatBinary" },
	{ &cuda.register_end, "__cudaRegisterFatBinaryEnd" },
	{ &cuda.register_function, "__cudaRegisterFunction" },
	{ &cuda.unregister_binary, "__cudaUnregisterFatBinary" },
};

#define DO(call) must((call), #call)

static void must(int r, const char *call)
{
	if (r == 0)
		return;
	printf("FAILED %s: %d %s\n", call, r, cuda.error_name(r));
	fflush(stdout);
	exit(1);
}

static void open_runtime(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	if (!library) {
		printf("FAILED %s\n", dlerror());
		exit(1);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *f = dlsym(library, names[i].name);

		if (!f) {
			printf("FAILED there is no %s\n", names[i].name);
			exit(1);
		}
		memcpy(names[i].member, &f, sizeof(f));
	}
}

/* A fat binary with one entry: PTX as it is. */
static struct {
	struct {
		uint32_t magic;
		uint16_t version, header_size;
		uint64_t body_size;
	} header;
	struct {
		uint16_t kind, version;
		uint32_t header_size;
		uint64_t payload_size;
		uint32_t packed_size, options;
		uint16_t minor, major;
		uint32_t arch, name, name_size;
		uint64_t flags, zero, unpacked_size;
	} entry;
	uint64_t option_string[2]; /* its offset in the entry, and the empty string */
	char ptx[(sizeof(kernels_ptx) + 7) / 8 * 8];
} binary;

static struct {
	uint32_t magic, version;
	const void *data;
	void *name;
} wrapper = { 0x466243b1, 1, &binary, NULL };

static void make_binary(void)
{
	binary.header.magic = 0xba55ed50;
	binary.header.version = 1;
	binary.header.header_size = sizeof(binary.header);
	binary.header.body_size = sizeof(binary) - sizeof(binary.header);
	binary.entry.kind = 1;
	binary.entry.version = 0x101;
	binary.entry.header_size = sizeof(binary.entry) + sizeof(binary.option_string);
	binary.entry.options = sizeof(binary.entry);
	binary.option_string[0] = sizeof(binary.entry) + sizeof(binary.option_string[0]);
	binary.entry.payload_size = sizeof(binary.ptx);
	binary.entry.major = 6;
	binary.entry.minor = 3;
	binary.entry.arch = 75;
	binary.entry.flags = 0x11; /* 64 bits, Linux */
	memcpy(binary.ptx, kernels_ptx, sizeof(kernels_ptx));
}

/* Their addresses stand for the kernels, as those of nvcc's stubs do. */
static char fill, add;

static void launch(const void *kernel, void *p, unsigned value, void *stream)
{
	struct dim3 grid = { (N + 127) / 128, 1, 1 }, block = { 128, 1, 1 };
	unsigned n = N;
	void *parameters[] = { &p, &n, &value };

	DO(cuda.launch(kernel, grid, block, parameters, 0, stream));
}

static void queries(void)
{
	int count = -1, warp = -1, major = -1;

	DO(cuda.device_count(&count));
	DO(cuda.set_device(0));
	DO(cuda.get_attribute(&warp, 10, 0));
	DO(cuda.get_attribute(&major, 75, 0));
	printf("%s, warps of %d, capability %s\n", count > 0 ? "devices" : "NO DEVICE", warp,
	       major >= 7 ? "good" : "TOO OLD");
	printf("wrong device: %s\n", cuda.error_name(cuda.set_device(1000)));
	printf("last error: %s\n", cuda.error_name(cuda.last_error()));
	printf("then: %s\n", cuda.error_name(cuda.last_error()));
}

static void work(void)
{
	static unsigned host[N];
	void *p, *pinned, *stream, *event;

	DO(cuda.alloc(&p, sizeof(host)));
	DO(cuda.alloc_host(&pinned, sizeof(host)));
	DO(cuda.stream_create(&stream));
	DO(cuda.event_create(&event, NO_TIMING));
	DO(cuda.set(p, 1, sizeof(host)));
	DO(cuda.copy(host, p, sizeof(host), DEVICE_TO_HOST));
	printf("memset: %#x\n", host[N - 1]);
	for (int i = 0; i < N; i++)
		host[i] = i;
	DO(cuda.copy(p, host, sizeof(host), HOST_TO_DEVICE));
	launch(&add, p, 7, NULL);
	DO(cuda.copy(host, p, sizeof(host), DEVICE_TO_HOST));
	printf("add: %u %u\n", host[0], host[N - 1]);
	launch(&fill, p, 100, stream);
	launch(&add, p, 1000, stream);
	DO(cuda.copy_async(pinned, p, sizeof(host), DEVICE_TO_HOST, stream));
	DO(cuda.event_record(event, stream));
	DO(cuda.event_synchronize(event));
	printf("stream: %u %u\n", ((unsigned *)pinned)[0], ((unsigned *)pinned)[N - 1]);
	DO(cuda.stream_synchronize(stream));
	DO(cuda.event_destroy(event));
	DO(cuda.stream_destroy(stream));
	DO(cuda.free_host(pinned));
	DO(cuda.free_device(p));
	DO(cuda.synchronize());
}

int main(int argc, char **argv)
{
	int version = 0;
	void **handle;

	if (argc != 2) {
		printf("usage: any_runtime LIBCUDART\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_runtime(argv[1]);
	make_binary();
	handle = cuda.register_binary(&wrapper);
	cuda.register_function(handle, &fill, "fill", "fill", -1, NULL, NULL, NULL, NULL, NULL);
	cuda.register_function(handle, &add, "add", "add", -1, NULL, NULL, NULL, NULL, NULL);
	cuda.register_end(handle);
	DO(cuda.runtime_version(&version));
	printf("runtime %s\n", version >= 11000 ? "answers" : "IS TOO OLD");
	queries();
	work();
	DO(cuda.reset());
	printf("after reset\n");
	work();
	cuda.unregister_binary(handle);
	return 0;
}
