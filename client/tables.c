/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private tables: arrays of functions that CUDA's runtimes and libraries fetch by
 * UUID. Slot 0 says the table's size in bytes (but for storage, which has none);
 * sizes are those of the 580 driver. Every table is constant for the life of the
 * process, since two addresses are part of the integrity check. All answers are
 * local: runtimes ask some of them before every call. A slot that nothing known
 * uses answers NOT_SUPPORTED, so that a surprise is an error and not a crash.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "integrity.h"
#include "log.h"
#include "module.h"
#include "storage.h"
#include "stream.h"
#include "tables.h"

enum {
	HOOK_CALLS = 1024, /* runtimes refuse a driver that tells less */
	HOOK_EVENTS = 14,
};

/* Variadic tails and pointers to anything: what a slot holds is known to its callers only. */
static CUresult unsupported(void)
{
	log_write(LOG_DEBUG, "a function of a private table that is not supported was called "
		  "from %p", __builtin_return_address(0));
	return CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult runtime_load(CUmodule *out, const void *wrapper)
{
	return module_load_image(wrapper, out);
}

static CUresult runtime_load_with(CUmodule *out, const void *wrapper, void *a, void *b, unsigned c)
{
	return module_load_image(wrapper, out);
}

static CUresult runtime_load_fatbin(const void *image, CUmodule *out, void *a, void *b, unsigned c)
{
	return module_load_image(image, out);
}

/* The handle that a later retain gives; the context stays as inactive as it is. */
static CUresult runtime_primary_context(CUcontext *out, CUdevice device)
{
	return context_primary_handle(device, out);
}

/* A fat binary's memory may go now. Images were shipped when they were loaded. */
static void runtime_fatbin_gone(const void *wrapper)
{
}

/*
 * Enable flags of the profilers' callbacks, by number. They stay zero: no profiler
 * is supported, and then the runtimes call no other slot of this table.
 */
static uint32_t hook_calls[HOOK_CALLS];
static uint32_t hook_events[HOOK_EVENTS];

static void hooks_calls(uint32_t **flags, size_t *count)
{
	*flags = hook_calls;
	*count = HOOK_CALLS;
}

static void hooks_events(uint32_t **flags, size_t *count)
{
	*flags = hook_events;
	*count = HOOK_EVENTS;
}

static CUresult tls_context(CUcontext *out)
{
	*out = context_current();
	return CUDA_SUCCESS;
}

/* Flag 1 would tell the caller to go on with *other in the context's place. */
static CUresult checks_context(CUcontext context, uint32_t *flag, CUcontext *other)
{
	*flag = 0;
	return CUDA_SUCCESS;
}

static unsigned checks_mode(void)
{
	return 0;
}

static CUresult blas_context_id(CUcontext context, uint64_t *id)
{
	uint64_t found = context_id(context);

	if (!found)
		return CUDA_ERROR_INVALID_CONTEXT;
	*id = found;
	return CUDA_SUCCESS;
}

static CUresult blas_stream_id(CUcontext context, void *object, uint64_t *id)
{
	if (!object)
		return CUDA_ERROR_INVALID_HANDLE;
	*id = stream_object_id(object);
	return CUDA_SUCCESS;
}

static CUresult blas_stream(CUcontext context, CUstream stream, void **object, int per_thread)
{
	return stream_resolve_object(context, stream, per_thread, object);
}

struct each_function {
	void (*each)(void *user, CUfunction function);
	void *user;
	int count;
};

static void fft_function(void *user, CUfunction function)
{
	struct each_function *e = user;

	e->count++;
	e->each(e->user, function);
}

/* How many functions the module has. cuFFT's modules have one, and it takes 1 for success. */
static int fft_functions(CUcontext context, CUmodule module,
			 void (*each)(void *user, CUfunction function), void *user)
{
	struct each_function e = { each, user, 0 };

	return module_each_function(module, fft_function, &e) == CUDA_SUCCESS ? e.count : 0;
}

static CUresult integrity_check(uint32_t version, uint64_t seconds, uint8_t out[INTEGRITY_ANSWER]);

#define SIZE(bytes) (const void *)(bytes)

static const void *const runtime_table[] = {
	[0] = SIZE(104),
	[1] = runtime_load,
	[2] = runtime_primary_context,
	[3 ... 5] = unsupported,
	[6] = runtime_load_with,
	[7] = runtime_fatbin_gone,
	[8] = runtime_load_fatbin,
	[9 ... 12] = unsupported,
};

static const void *const hooks_table[] = {
	[0] = SIZE(56),
	[1] = unsupported,
	[2] = hooks_calls,
	[3 ... 5] = unsupported,
	[6] = hooks_events,
};

static const void *const tls_table[] = {
	[0] = SIZE(24),
	[1] = unsupported,
	[2] = tls_context,
};

static const void *const storage_table[] = {
	[0] = storage_put,
	[1] = storage_remove,
	[2] = storage_get,
	[3] = unsupported,
};

static const void *const integrity_table[] = {
	[0] = SIZE(24),
	[1] = integrity_check,
	[2] = unsupported,
};

static const void *const checks_table[] = {
	[0] = SIZE(120),
	[1] = unsupported,
	[2] = checks_context,
	[3] = checks_mode,
	[4 ... 14] = unsupported,
};

static const void *const log_table[] = {
	[0] = SIZE(24),
	[1 ... 2] = unsupported,
};

static const void *const blas_table[] = {
	[0] = SIZE(744),
	[1 ... 3] = unsupported,
	[4] = blas_context_id,
	[5 ... 38] = unsupported,
	[39] = blas_stream_id,
	[40 ... 50] = unsupported,
	[51] = blas_stream,
	[52 ... 92] = unsupported,
};

static const void *const fft_table[] = {
	[0] = SIZE(792),
	[1 ... 6] = unsupported,
	[7] = fft_functions,
	[8 ... 98] = unsupported,
};

/* Slot 4 is asked by cuBLASLt for the layout of SMs; it takes a refusal, but no lack of a table. */
static const void *const topology_table[] = {
	[0] = SIZE(128),
	[1 ... 15] = unsupported,
};

static const void *const jit_table[] = {
	[0] = SIZE(56),
	[1 ... 6] = unsupported,
};

static const void *const nvml_table[] = {
	[0] = SIZE(272),
	[1 ... 33] = unsupported,
};

static const void *const device_table[] = {
	[0] = SIZE(248),
	[1 ... 30] = unsupported,
};

static const void *const bypass_table[] = {
	[0] = SIZE(16),
	[1] = unsupported,
};

#define TABLE(table, ...) { #table, { __VA_ARGS__ }, sizeof(table##_table), table##_table }

static const struct table_info tables[] = {
	TABLE(runtime, 0x6b, 0xd5, 0xfb, 0x6c, 0x5b, 0xf4, 0xe7, 0x4a, 0x89, 0x87, 0xd9, 0x39,
	      0x12, 0xfd, 0x9d, 0xf9),
	TABLE(hooks, 0xa0, 0x94, 0x79, 0x8c, 0x2e, 0x74, 0x2e, 0x74, 0x93, 0xf2, 0x08, 0x00,
	      0x20, 0x0c, 0x0a, 0x66),
	TABLE(tls, 0x42, 0xd8, 0x5a, 0x81, 0x23, 0xf6, 0xcb, 0x47, 0x82, 0x98, 0xf6, 0xe7,
	      0x8a, 0x3a, 0xec, 0xdc),
	TABLE(storage, 0xc6, 0x93, 0x33, 0x6e, 0x11, 0x21, 0xdf, 0x11, 0xa8, 0xc3, 0x68, 0xf3,
	      0x55, 0xd8, 0x95, 0x93),
	TABLE(integrity, 0xd4, 0x08, 0x20, 0x55, 0xbd, 0xe6, 0x70, 0x4b, 0x8d, 0x34, 0xba, 0x12,
	      0x3c, 0x66, 0xe1, 0xf2),
	TABLE(checks, 0x26, 0x3e, 0x88, 0x60, 0x7c, 0xd2, 0x61, 0x43, 0x92, 0xf6, 0xbb, 0xd5,
	      0x00, 0x6d, 0xfa, 0x7e),
	TABLE(log, 0xf8, 0xcf, 0xf9, 0x51, 0x21, 0x46, 0x8b, 0x4e, 0xb9, 0xe2, 0xfb, 0x46,
	      0x9e, 0x7c, 0x0d, 0xd9),
	TABLE(blas, 0x21, 0x31, 0x8c, 0x60, 0x97, 0x14, 0x32, 0x48, 0x8c, 0xa6, 0x41, 0xff,
	      0x73, 0x24, 0xc8, 0xf2),
	TABLE(fft, 0x6e, 0x16, 0x3f, 0xbe, 0xb9, 0x58, 0x44, 0x4d, 0x83, 0x5c, 0xe1, 0x82,
	      0xaf, 0xf1, 0x99, 0x1e),
	TABLE(topology, 0x17, 0x34, 0xdc, 0x26, 0x80, 0x0d, 0x47, 0x45, 0x87, 0x26, 0xc0, 0xf1,
	      0xe7, 0xdd, 0x8b, 0xca),
	TABLE(jit, 0xda, 0x91, 0x51, 0xd3, 0x3a, 0xe6, 0xcc, 0x41, 0xa5, 0xc0, 0x4f, 0x26,
	      0xd5, 0x33, 0xe3, 0x28),
	TABLE(nvml, 0x69, 0xa2, 0x8e, 0x9f, 0x24, 0x49, 0x8b, 0x47, 0xb0, 0x30, 0xc5, 0xda,
	      0x33, 0x0e, 0xa4, 0xe9),
	TABLE(device, 0xb1, 0x05, 0x41, 0xe1, 0xf7, 0xc7, 0xc7, 0x4a, 0x9f, 0x64, 0xf2, 0x23,
	      0xbe, 0x99, 0xf1, 0xe2),
	TABLE(bypass, 0x0c, 0xa5, 0x0b, 0x8c, 0x10, 0x04, 0x92, 0x9a, 0x89, 0xa7, 0xd0, 0xdf,
	      0x10, 0xe7, 0x72, 0x86),
};

const struct table_info *tables_list(size_t *count)
{
	*count = sizeof(tables) / sizeof(*tables);
	return tables;
}

static CUresult integrity_device(struct integrity_device *out, CUdevice device)
{
	CUuuid uuid;
	CUresult r;

	/* Not the _v2 UUID, which differs under MIG: this is the one that runtimes hash. */
	r = client_cuDeviceGetUuid(&uuid, device);
	if (r)
		return r;
	memcpy(out->uuid, &uuid, sizeof(out->uuid));
	r = client_cuDeviceGetAttribute(
		&out->pci_domain, CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, device);
	if (r)
		return r;
	r = client_cuDeviceGetAttribute(&out->pci_bus, CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, device);
	if (r)
		return r;
	return client_cuDeviceGetAttribute(&out->pci_device, CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID,
					   device);
}

static CUresult integrity_check(uint32_t version, uint64_t seconds, uint8_t out[INTEGRITY_ANSWER])
{
	struct integrity_device device[CLIENT_MAX_DEVICES];
	struct integrity_question q = {
		.version = version,
		.pid = getpid(), /* asked for each time: the process may have forked */
		.thread = (uint32_t)pthread_self(),
		.runtime_table = (uintptr_t)runtime_table,
		.integrity_table = (uintptr_t)integrity_table,
		.integrity_function = (uintptr_t)integrity_check,
		.seconds = seconds,
	};
	int driver_version = 0, devices = client.device_count;
	CUresult r;

	r = client_cuDriverGetVersion(&driver_version);
	if (r)
		return r;
	q.driver_version = driver_version;
	for (int i = 0; i < devices; i++) {
		r = integrity_device(&device[i], i);
		if (r)
			return r;
	}
	integrity_answer(&q, device, devices, out);
	return CUDA_SUCCESS;
}

/* Allowed before cuInit. */
CUresult client_cuGetExportTable(const void **ppExportTable, const CUuuid *pExportTableId)
{
	const unsigned char *id = (const unsigned char *)pExportTableId;

	if (!ppExportTable || !id)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (memcmp(tables[i].id, id, sizeof(tables[i].id)) == 0) {
			*ppExportTable = tables[i].slots;
			return CUDA_SUCCESS;
		}
	}
	log_write(LOG_DEBUG, "private table %02x%02x%02x%02x-%02x%02x.. is not known", id[0], id[1],
		  id[2], id[3], id[4], id[5]);
	*ppExportTable = NULL;
	return CUDA_ERROR_INVALID_VALUE;
}
