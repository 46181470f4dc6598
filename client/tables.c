/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private tables: arrays of functions that CUDA's runtimes and libraries fetch by
 * UUID. Every table is constant for the life of the process, since two addresses
 * are part of the integrity check. All answers are local: runtimes ask some of
 * them before every call. A slot that nothing known uses answers NOT_SUPPORTED, so
 * that a surprise is an error and not a crash.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "export_tables.h"
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

#define SIZE(bytes) ((const void *)(bytes))

static const void *const runtime_table[] = {
	[0] = SIZE(TABLE_RUNTIME_SIZE),
	[1] = runtime_load,
	[2] = runtime_primary_context,
	[3 ... 5] = unsupported,
	[6] = runtime_load_with,
	[7] = runtime_fatbin_gone,
	[8] = runtime_load_fatbin,
	[9 ... 12] = unsupported,
};

static const void *const hooks_table[] = {
	[0] = SIZE(TABLE_HOOKS_SIZE),
	[1] = unsupported,
	[2] = hooks_calls,
	[3 ... 5] = unsupported,
	[6] = hooks_events,
};

static const void *const tls_table[] = {
	[0] = SIZE(TABLE_TLS_SIZE),
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
	[0] = SIZE(TABLE_INTEGRITY_SIZE),
	[1] = integrity_check,
	[2] = unsupported,
};

static const void *const checks_table[] = {
	[0] = SIZE(TABLE_CHECKS_SIZE),
	[1] = unsupported,
	[2] = checks_context,
	[3] = checks_mode,
	[4 ... 14] = unsupported,
};

static const void *const log_table[] = {
	[0] = SIZE(TABLE_LOG_SIZE),
	[1 ... 2] = unsupported,
};

static const void *const blas_table[] = {
	[0] = SIZE(TABLE_BLAS_SIZE),
	[1 ... 3] = unsupported,
	[4] = blas_context_id,
	[5 ... 38] = unsupported,
	[39] = blas_stream_id,
	[40 ... 50] = unsupported,
	[51] = blas_stream,
	[52 ... 92] = unsupported,
};

static const void *const fft_table[] = {
	[0] = SIZE(TABLE_FFT_SIZE),
	[1 ... 6] = unsupported,
	[7] = fft_functions,
	[8 ... 98] = unsupported,
};

/* Slot 4 is asked by cuBLASLt for the layout of SMs; it takes a refusal, but no lack of a table. */
static const void *const topology_table[] = {
	[0] = SIZE(TABLE_TOPOLOGY_SIZE),
	[1 ... 15] = unsupported,
};

static const void *const jit_table[] = {
	[0] = SIZE(TABLE_JIT_SIZE),
	[1 ... 6] = unsupported,
};

static const void *const nvml_table[] = {
	[0] = SIZE(TABLE_NVML_SIZE),
	[1 ... 33] = unsupported,
};

static const void *const device_table[] = {
	[0] = SIZE(TABLE_DEVICE_SIZE),
	[1 ... 30] = unsupported,
};

static const void *const bypass_table[] = {
	[0] = SIZE(TABLE_BYPASS_SIZE),
	[1] = unsupported,
};

#define TABLE(NAME, table)                                                                         \
	{                                                                                          \
#table, TABLE_##NAME##_ID, sizeof(table##_table), table##_table                    \
	}

static const struct table_info tables[] = {
	TABLE(RUNTIME, runtime),
	TABLE(HOOKS, hooks),
	TABLE(TLS, tls),
	TABLE(STORAGE, storage),
	TABLE(INTEGRITY, integrity),
	TABLE(CHECKS, checks),
	TABLE(LOG, log),
	TABLE(BLAS, blas),
	TABLE(FFT, fft),
	TABLE(TOPOLOGY, topology),
	TABLE(JIT, jit),
	TABLE(NVML, nvml),
	TABLE(DEVICE, device),
	TABLE(BYPASS, bypass),
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
