/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private tables that CUDA's runtimes fetch from a driver by UUID, so that
 * programs of the runtime API run straight on this library too. Slot 0 is the
 * table's size in bytes, but for storage. Slots that no runtime calls answer
 * NOT_SUPPORTED. The runtimes check a keyed hash over what they were told.
 */
#include "tables.h"

#include <string.h>
#include <unistd.h>

#include "export_tables.h"
#include "integrity.h"

static CUresult unsupported(void)
{
	return CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult load(CUmodule *out, const void *image)
{
	return cuModuleLoadData(out, image);
}

static CUresult load_with(CUmodule *out, const void *image, void *a, void *b, unsigned c)
{
	return cuModuleLoadData(out, image);
}

/* The handle that a retain gives; the context stays as it is. */
static CUresult primary_context(CUcontext *out, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		*out = (CUcontext)d->primary->base.handle;
	return leave(result);
}

static void image_gone(const void *image)
{
}

/* Flags of the profilers' callbacks: none is ever on. */
static uint32_t call_flags[1024], event_flags[14];

static void get_call_flags(uint32_t **flags, size_t *count)
{
	*flags = call_flags;
	*count = sizeof(call_flags) / sizeof(call_flags[0]);
}

static void get_event_flags(uint32_t **flags, size_t *count)
{
	*flags = event_flags;
	*count = sizeof(event_flags) / sizeof(event_flags[0]);
}

static CUresult get_current(CUcontext *out)
{
	*out = current_context();
	return CUDA_SUCCESS;
}

static CUresult check_context(CUcontext context, uint32_t *flag, CUcontext *other)
{
	*flag = 0;
	return CUDA_SUCCESS;
}

static unsigned check_mode(void)
{
	return 0;
}

static CUresult context_id(CUcontext handle, uint64_t *id)
{
	struct context *c;
	CUresult result = enter_device();

	if (result)
		return result;
	result = context_find(handle, &c);
	if (!result)
		*id = c->id;
	return leave(result);
}

/* A stream's object is its id here: all that is asked of one. */
static CUresult stream_object(CUcontext context, CUstream stream, void **out, int per_thread)
{
	unsigned long long id;
	CUresult result = cuStreamGetId(stream, &id);

	if (!result)
		*out = (void *)(uintptr_t)id;
	return result;
}

static CUresult stream_id(CUcontext context, void *object, uint64_t *id)
{
	*id = (uintptr_t)object;
	return CUDA_SUCCESS;
}

static int functions(
	CUcontext context, CUmodule module, void (*each)(void *user, CUfunction f), void *user)
{
	CUfunction found[64];
	unsigned i, count = 0;

	if (cuModuleGetFunctionCount(&count, module) || count > 64 ||
		cuModuleEnumerateFunctions(found, count, module))
		return 0;
	for (i = 0; i < count; i++)
		each(user, found[i]);
	return count;
}

static CUresult integrity(uint32_t version, uint64_t seconds, uint8_t out[INTEGRITY_ANSWER]);

#define SIZE(bytes) ((const void *)(bytes))

static const void *const runtime_table[13] = {SIZE(TABLE_RUNTIME_SIZE), load, primary_context,
	unsupported, unsupported, unsupported, load_with, image_gone, [8 ... 12] = unsupported};
static const void *const hooks_table[7] = {SIZE(TABLE_HOOKS_SIZE), unsupported, get_call_flags,
	[3 ... 5] = unsupported, [6] = get_event_flags};
static const void *const tls_table[3] = {SIZE(TABLE_TLS_SIZE), unsupported, get_current};
static const void *const storage_table[4] = {storage_put, storage_remove, storage_get, unsupported};
static const void *const integrity_table[3] = {SIZE(TABLE_INTEGRITY_SIZE), integrity, unsupported};
static const void *const checks_table[15] = {
	SIZE(TABLE_CHECKS_SIZE), unsupported, check_context, check_mode, [4 ... 14] = unsupported};
static const void *const blas_table[93] = {SIZE(TABLE_BLAS_SIZE),
	[1 ... 3] = unsupported, [4] = context_id, [5 ... 38] = unsupported, [39] = stream_id,
	[40 ... 50] = unsupported, [51] = stream_object, [52 ... 92] = unsupported};
static const void *const fft_table[99] = {
	SIZE(TABLE_FFT_SIZE), [1 ... 6] = unsupported, [7] = functions, [8 ... 98] = unsupported};
static const void *const topology_table[16] = {SIZE(TABLE_TOPOLOGY_SIZE), [1 ... 15] = unsupported};

static const struct {
	uint8_t id[16];
	const void *const *table;
} tables[] = {
	{TABLE_RUNTIME_ID, runtime_table},
	{TABLE_HOOKS_ID, hooks_table},
	{TABLE_TLS_ID, tls_table},
	{TABLE_STORAGE_ID, storage_table},
	{TABLE_INTEGRITY_ID, integrity_table},
	{TABLE_CHECKS_ID, checks_table},
	{TABLE_BLAS_ID, blas_table},
	{TABLE_FFT_ID, fft_table},
	{TABLE_TOPOLOGY_ID, topology_table},
};

static CUresult integrity(uint32_t version, uint64_t seconds, uint8_t out[INTEGRITY_ANSWER])
{
	struct integrity_question q = {.driver_version = DRIVER_VERSION,
		.version = version,
		.pid = getpid(),
		.thread = (uint32_t)pthread_self(),
		.runtime_table = (uintptr_t)runtime_table,
		.integrity_table = (uintptr_t)integrity_table,
		.integrity_function = (uintptr_t)integrity,
		.seconds = seconds};
	struct integrity_device devices[DEVICES_MAX];
	CUuuid uuid;
	unsigned i;

	for (i = 0; i < gpu.devices_count; i++) {
		cuDeviceGetUuid(&uuid, i);
		memcpy(devices[i].uuid, uuid.bytes, sizeof(devices[i].uuid));
		cuDeviceGetAttribute(&devices[i].pci_domain, CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, i);
		cuDeviceGetAttribute(&devices[i].pci_bus, CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, i);
		cuDeviceGetAttribute(&devices[i].pci_device, CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, i);
	}
	integrity_answer(&q, devices, gpu.devices_count, out);
	return CUDA_SUCCESS;
}

CUresult cuGetExportTable(const void **out, const CUuuid *id)
{
	size_t i;

	if (!out || !id)
		return CUDA_ERROR_INVALID_VALUE;
	*out = NULL;
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (memcmp(tables[i].id, id->bytes, sizeof(tables[i].id)) == 0)
			*out = tables[i].table;
	return *out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
