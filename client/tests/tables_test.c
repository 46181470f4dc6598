/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private tables as a runtime sees them: sizes, stability, no empty slot, and
 * the slots that are used, over a fake of the rest of the client.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "integrity.h"
#include "log.h"
#include "module.h"
#include "stream.h"
#include "tables.h"

#define CONTEXT ((CUcontext)0x1000)

struct client client = {.device_count = 2};

void log_write(enum log_level level, const char *format, ...)
{
}

CUcontext context_current(void)
{
	return CONTEXT;
}

uint64_t context_id(CUcontext handle)
{
	return !handle || handle == CONTEXT ? 42 : 0;
}

CUresult context_primary_handle(CUdevice device, CUcontext *out)
{
	if (device >= 2)
		return CUDA_ERROR_INVALID_DEVICE;
	*out = CONTEXT;
	return CUDA_SUCCESS;
}

CUresult stream_resolve_object(CUcontext context, CUstream stream, int per_thread, void **object)
{
	*object = (void *)(uintptr_t)(per_thread ? 14 : 7);
	return CUDA_SUCCESS;
}

uint64_t stream_object_id(void *object)
{
	return (uintptr_t)object;
}

CUresult module_load_image(const void *image, CUmodule *out)
{
	*out = (CUmodule)image;
	return CUDA_SUCCESS;
}

CUresult module_each_function(CUmodule module, void (*each)(void *user, CUfunction function),
			      void *user)
{
	if (!module)
		return CUDA_ERROR_INVALID_HANDLE;
	each(user, (CUfunction)0x30);
	return CUDA_SUCCESS;
}

CUresult client_cuDriverGetVersion(int *driverVersion)
{
	*driverVersion = 13000;
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	memset(uuid, 0x50 + dev, sizeof(*uuid));
	return CUDA_SUCCESS;
}

CUresult client_cuDeviceGetAttribute(int *pi, CUdevice_attribute attrib, CUdevice dev)
{
	*pi = attrib * 100 + dev;
	return CUDA_SUCCESS;
}

static const void *const *table(const char *name)
{
	const struct table_info *list;
	const void *got = NULL;
	size_t count;

	list = tables_list(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) != 0)
			continue;
		assert_int_equal(client_cuGetExportTable(&got, (const CUuuid *)list[i].id),
				 CUDA_SUCCESS);
		assert_ptr_equal(got, list[i].slots);
		return got;
	}
	fail();
	return NULL;
}

static void test_sizes(void **state)
{
	static const struct {
		const char *name;
		size_t bytes;
	} want[] = {
		{ "runtime", 104 }, { "hooks", 56 }, { "tls", 24 }, { "integrity", 24 },
		{ "checks", 120 }, { "log", 24 }, { "blas", 744 }, { "fft", 792 },
		{ "topology", 128 }, { "jit", 56 }, { "nvml", 272 }, { "device", 248 },
		{ "bypass", 16 },
	};
	const struct table_info *list;
	size_t count;

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert_int_equal((uintptr_t)table(want[i].name)[0], want[i].bytes);
	list = tables_list(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, "storage") != 0)
			assert_int_equal(list[i].bytes, (uintptr_t)list[i].slots[0]);
		for (size_t k = 0; k < list[i].bytes / sizeof(void *); k++)
			assert_non_null(list[i].slots[k]);
	}
}

static void test_refusals(void **state)
{
	CUuuid id = { { 1 } };
	const void *got = &id;

	assert_int_equal(client_cuGetExportTable(&got, &id), CUDA_ERROR_INVALID_VALUE);
	assert_null(got);
	assert_int_equal(client_cuGetExportTable(NULL, &id), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(client_cuGetExportTable(&got, NULL), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(((int (*)(void *, void *))table("topology")[4])(&id, &got), 801);
	assert_int_equal(((int (*)(void))table("jit")[1])(), 801);
}

static void test_hooks(void **state)
{
	const void *const *hooks = table("hooks");
	uint32_t *flags = NULL;
	size_t count = 0;

	((void (*)(uint32_t **, size_t *))hooks[2])(&flags, &count);
	assert_int_equal(count, 1024);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(flags[i], 0);
	((void (*)(uint32_t **, size_t *))hooks[6])(&flags, &count);
	assert_int_equal(count, 14);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(flags[i], 0);
}

static void test_contexts(void **state)
{
	CUcontext c = NULL, other = NULL;
	uint32_t flag = 9;
	uint64_t id = 0;

	assert_int_equal(((int (*)(CUcontext *, int))table("runtime")[2])(&c, 0), 0);
	assert_ptr_equal(c, CONTEXT);
	assert_int_equal(((int (*)(CUcontext *, int))table("runtime")[2])(&c, 2), 101);
	c = NULL;
	assert_int_equal(((int (*)(CUcontext *))table("tls")[2])(&c), 0);
	assert_ptr_equal(c, CONTEXT);
	assert_int_equal(((int (*)(CUcontext, uint32_t *, CUcontext *))table("checks")[2])(
				 c, &flag, &other), 0);
	assert_int_equal(flag, 0);
	assert_int_equal(((unsigned (*)(void))table("checks")[3])(), 0);
	assert_int_equal(((int (*)(CUcontext, uint64_t *))table("blas")[4])(c, &id), 0);
	assert_int_equal(id, 42);
	assert_int_equal(
		((int (*)(CUcontext, uint64_t *))table("blas")[4])((CUcontext)8, &id), 201);
}

static void test_streams(void **state)
{
	const void *const *blas = table("blas");
	void *object = NULL;
	uint64_t id = 0;

	assert_int_equal(((int (*)(CUcontext, CUstream, void **, int))blas[51])(
				 CONTEXT, (CUstream)2, &object, 1), 0);
	assert_int_equal(
		((int (*)(CUcontext, void *, uint64_t *))blas[39])(CONTEXT, object, &id), 0);
	assert_int_equal(id, 14);
	assert_int_equal(
		((int (*)(CUcontext, void *, uint64_t *))blas[39])(CONTEXT, NULL, &id), 400);
}

static void each(void *user, CUfunction function)
{
	*(CUfunction *)user = function;
}

static void test_modules(void **state)
{
	typedef int enumerate(CUcontext, CUmodule, void (*)(void *, CUfunction), void *);
	const void *const *runtime = table("runtime");
	enumerate *list = (enumerate *)table("fft")[7];
	CUfunction f = NULL;
	CUmodule m = NULL;

	assert_int_equal(((int (*)(CUmodule *, const void *, void *, void *, unsigned))runtime[6])(
				 &m, &f, NULL, NULL, 0), 0);
	assert_ptr_equal(m, &f);
	m = NULL;
	assert_int_equal(((int (*)(const void *, CUmodule *, void *, void *, unsigned))runtime[8])(
				 &f, &m, NULL, NULL, 0), 0);
	assert_ptr_equal(m, &f);
	m = NULL;
	assert_int_equal(((int (*)(CUmodule *, const void *))runtime[1])(&m, &f), 0);
	assert_ptr_equal(m, &f);
	((void (*)(const void *))runtime[7])(&f);
	assert_int_equal(list(CONTEXT, m, each, &f), 1);
	assert_ptr_equal(f, (CUfunction)0x30);
	assert_int_equal(list(CONTEXT, NULL, each, &f), 0);
}

/* What a runtime does: compute the answer from what it was told, and compare. */
static int integrity_right(unsigned version, uint64_t seconds)
{
	const void *const *t = table("integrity");
	uint8_t got[INTEGRITY_ANSWER] = { 0 }, want[INTEGRITY_ANSWER];
	struct integrity_device device[2];
	struct integrity_question q = {
		13000, version, getpid(), (uint32_t)pthread_self(), (uintptr_t)table("runtime"),
		(uintptr_t)t, (uintptr_t)t[1], seconds,
	};

	for (int i = 0; i < 2; i++) {
		memset(device[i].uuid, 0x50 + i, sizeof(device[i].uuid));
		device[i].pci_domain = 5000 + i;
		device[i].pci_bus = 3300 + i;
		device[i].pci_device = 3400 + i;
	}
	integrity_answer(&q, device, 2, want);
	return ((int (*)(uint32_t, uint64_t, uint8_t *))t[1])(version, seconds, got) == 0 &&
	       memcmp(got, want, sizeof(got)) == 0;
}

static void test_integrity(void **state)
{
	int status;
	pid_t pid;

	assert_true(integrity_right(11020, 1));
	assert_true(integrity_right(11082, 1700000000));
	assert_true(integrity_right(13002, 1700000000));
	pid = fork();
	if (pid == 0)
		_exit(!integrity_right(13002, 3));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),	 cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_hooks),	 cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_streams),	 cmocka_unit_test(test_modules),
		cmocka_unit_test(test_integrity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
