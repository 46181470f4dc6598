/* SPDX-License-Identifier: Apache-2.0 */
/* Images in all their forms, modules and libraries. */
#include "soft_test.h"

#include <lz4.h>
#include <pthread.h>
#include <zstd.h>

enum {
	FLAG_LZ4 = 0x2000,
	FLAG_ZSTD = 0x8000,
};

struct fatbin {
	uint32_t magic;
	uint16_t version, header_size;
	uint64_t body_size;
	char body[16384];
};

struct entry {
	uint16_t kind, version;
	uint32_t header_size;
	uint64_t payload_size;
	uint32_t packed_size, options;
	uint16_t minor, major;
	uint32_t architecture, name_offset, name_size;
	uint64_t flags, zero, unpacked_size;
};

struct wrapper {
	uint32_t magic, version;
	const void *data;
	const void *const *extra;
};

static void add_entry(struct fatbin *f, unsigned kind, unsigned architecture, uint64_t flags,
	const void *bytes, size_t size)
{
	struct entry e = {.kind = kind,
		.version = 0x101,
		.header_size = sizeof(e),
		.architecture = architecture,
		.flags = flags | 0x11};
	char *at = f->body + f->body_size;
	size_t room = sizeof(f->body) - f->body_size - sizeof(e);

	assert_true(room > size + 1024);
	if (flags & FLAG_LZ4)
		e.packed_size = LZ4_compress_default(bytes, at + sizeof(e), size, room);
	else if (flags & FLAG_ZSTD)
		e.packed_size = ZSTD_compress(at + sizeof(e), room, bytes, size, 3);
	else
		memcpy(at + sizeof(e), bytes, size);
	e.unpacked_size = e.packed_size ? size : 0;
	e.payload_size = ((e.packed_size ? e.packed_size : size) + 7) / 8 * 8;
	memcpy(at, &e, sizeof(e));
	f->body_size += sizeof(e) + e.payload_size;
}

static struct fatbin *new_fatbin(void)
{
	struct fatbin *f = calloc(1, sizeof(*f));

	f->magic = 0xba55ed50;
	f->version = 1;
	f->header_size = 16;
	return f;
}

static void loads(const void *image)
{
	CUmodule module;
	CUfunction f;

	ok(cuModuleLoadData(&module, image));
	ok(cuModuleGetFunction(&f, module, "add"));
	fails(cuModuleGetFunction(&f, module, "nothing"), CUDA_ERROR_NOT_FOUND);
	ok(cuModuleUnload(module));
	fails(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
	fails(cuModuleGetFunction(&f, module, "add"), CUDA_ERROR_INVALID_HANDLE);
}

static void good_images(void **state)
{
	static const uint64_t packing[] = {0, FLAG_LZ4, FLAG_ZSTD};
	struct wrapper wrapper = {0x466243b1, 1, NULL, NULL};
	struct fatbin *f;
	size_t i;

	loads(kernels);
	for (i = 0; i < 3; i++) {
		f = new_fatbin();
		add_entry(f, 2, 75, 0, "\177ELF", 4);
		add_entry(f, 1, 75, packing[i], kernels, strlen(kernels));
		add_entry(f, 1, 90, 0, "not for this device", 19);
		loads(f);
		wrapper.data = f;
		loads(&wrapper);
		free(f);
	}
}

static void bad_images(void **state)
{
	struct wrapper wrapper = {0x466243b1, 1, NULL, NULL};
	struct fatbin *f = new_fatbin();
	struct entry e;
	CUmodule m;

	fails(cuModuleLoadData(&m, NULL), CUDA_ERROR_INVALID_VALUE);
	fails(cuModuleLoadData(&m, ""), CUDA_ERROR_INVALID_IMAGE);
	fails(cuModuleLoadData(&m, "\001\002\003\004"), CUDA_ERROR_INVALID_IMAGE);
	fails(cuModuleLoadData(&m, "this is no PTX"), CUDA_ERROR_INVALID_IMAGE);
	fails(cuModuleLoadData(&m, "\177ELF\002\001\001"), CUDA_ERROR_NO_BINARY_FOR_GPU);
	fails(cuModuleLoadData(&m, &wrapper), CUDA_ERROR_INVALID_IMAGE);
	fails(cuModuleLoad(&m, "/nonexistent"), CUDA_ERROR_FILE_NOT_FOUND);
	add_entry(f, 2, 75, 0, "\177ELF", 4);
	fails(cuModuleLoadData(&m, f), CUDA_ERROR_NO_BINARY_FOR_GPU);
	add_entry(f, 1, 75, FLAG_LZ4, kernels, strlen(kernels));
	memcpy(&e, f->body + sizeof(e) + 8, sizeof(e));
	e.unpacked_size -= 3;
	memcpy(f->body + sizeof(e) + 8, &e, sizeof(e));
	fails(cuModuleLoadData(&m, f), CUDA_ERROR_INVALID_IMAGE);
	e.payload_size = 1 << 20;
	memcpy(f->body + sizeof(e) + 8, &e, sizeof(e));
	fails(cuModuleLoadData(&m, f), CUDA_ERROR_INVALID_IMAGE);
	f->body_size -= 8;
	fails(cuModuleLoadData(&m, f), CUDA_ERROR_INVALID_IMAGE);
	f->version = 9;
	fails(cuModuleLoadData(&m, f), CUDA_ERROR_INVALID_IMAGE);
	free(f);
}

static void error_log(void **state)
{
	char log[256] = "";
	CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)sizeof(log)};
	CUmodule m;

	fails(cuModuleLoadDataEx(&m,
		      ".version 7.0\n.target sm_75\n.address_size 64\n"
		      ".entry k()\n{\n\tfrobnicate.u32 %r1;\n}\n",
		      2, options, values),
		CUDA_ERROR_INVALID_PTX);
	assert_non_null(strstr(log, "frobnicate"));
	assert_int_equal((uintptr_t)values[1], strlen(log));
}

static void globals(void **state)
{
	CUmodule m = load(kernels);
	unsigned word = 0;
	CUdeviceptr p;
	size_t size;

	ok(cuModuleGetGlobal_v2(&p, &size, m, "counter"));
	assert_int_equal(size, 4);
	ok(cuMemcpyDtoH_v2(&word, p, 4));
	assert_int_equal(word, 7);
	ok(cuLaunchKernel(function(m, "count"), 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	ok(cuMemcpyDtoH_v2(&word, p, 4));
	assert_int_equal(word, 8);
	ok(cuModuleGetGlobal_v2(&p, &size, m, "table"));
	assert_int_equal(size, 16);
	ok(cuMemcpyDtoH_v2(&word, p, 4));
	assert_int_equal(word, 0x04030201);
	fails(cuModuleGetGlobal_v2(&p, &size, m, "nothing"), CUDA_ERROR_NOT_FOUND);
	fails(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
	ok(cuModuleUnload(m));
	fails(cuMemcpyDtoH_v2(&word, p, 4), CUDA_ERROR_INVALID_VALUE);
}

static void attributes(void **state)
{
	CUmodule m = load(kernels);
	CUfunction add = function(m, "add"), all[8], same;
	size_t offset, size;
	const char *name;
	unsigned count;
	int value;

	ok(cuModuleGetFunctionCount(&count, m));
	assert_int_equal(count, 7);
	ok(cuModuleEnumerateFunctions(all, 8, m));
	ok(cuModuleGetFunction(&same, m, "add"));
	assert_ptr_equal(same, add);
	ok(cuFuncGetName(&name, add));
	assert_string_equal(name, "add");
	ok(cuFuncGetParamInfo(add, 3, &offset, &size));
	assert_int_equal(offset, 24);
	assert_int_equal(size, 4);
	fails(cuFuncGetParamInfo(add, 4, &offset, &size), CUDA_ERROR_INVALID_VALUE);
	ok(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, add));
	assert_int_equal(value, 1024);
	ok(cuFuncGetAttribute(
		&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, function(m, "bounded")));
	assert_int_equal(value, 64);
	ok(cuFuncSetAttribute(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000));
	ok(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, add));
	assert_int_equal(value, 60000);
	fails(cuFuncSetAttribute(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 70000),
		CUDA_ERROR_INVALID_VALUE);
	ok(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, add, 256, 0));
	assert_int_equal(value, 4);
	ok(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, add, 256, 40000));
	assert_int_equal(value, 1);
	ok(cuModuleUnload(m));
	fails(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, add),
		CUDA_ERROR_INVALID_HANDLE);
}

static void libraries(void **state)
{
	CUcontext second;
	CUkernel kernel, all[8];
	CUfunction a, b;
	CUlibrary library;
	CUmodule module;
	unsigned count, word = 0;
	CUdeviceptr p, other;
	size_t size;

	ok(cuLibraryLoadData(&library, kernels, NULL, NULL, 0, NULL, NULL, 0));
	ok(cuLibraryGetKernelCount(&count, library));
	assert_int_equal(count, 7);
	ok(cuLibraryEnumerateKernels(all, 5, library));
	ok(cuLibraryGetKernel(&kernel, library, "count"));
	fails(cuLibraryGetKernel(&kernel, library, "nothing"), CUDA_ERROR_NOT_FOUND);
	ok(cuLaunchKernel((CUfunction)kernel, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	ok(cuKernelGetFunction(&a, kernel));
	ok(cuLaunchKernel(a, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	ok(cuLibraryGetGlobal(&p, &size, library, "counter"));
	ok(cuMemcpyDtoH_v2(&word, p, 4));
	assert_int_equal(word, 9);
	ok(cuCtxCreate_v2(&second, 0, 1));
	ok(cuKernelGetFunction(&b, kernel));
	assert_ptr_not_equal(a, b);
	fails(cuLaunchKernel(a, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL), CUDA_ERROR_INVALID_HANDLE);
	ok(cuLaunchKernel(b, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	ok(cuLibraryGetGlobal(&other, &size, library, "counter"));
	ok(cuMemcpyDtoH_v2(&word, other, 4));
	assert_int_equal(word, 8);
	ok(cuCtxDestroy_v2(second));
	ok(cuLibraryGetModule(&module, library));
	fails(cuModuleUnload(module), CUDA_ERROR_NOT_PERMITTED);
	ok(cuLibraryUnload(library));
	fails(cuLibraryUnload(library), CUDA_ERROR_INVALID_HANDLE);
	fails(cuKernelGetFunction(&a, kernel), CUDA_ERROR_INVALID_HANDLE);
	fails(cuModuleGetFunction(&a, module, "add"), CUDA_ERROR_INVALID_HANDLE);
}

static void linking(void **state)
{
	static char first[] = ".version 7.0\n.target sm_75\n.address_size 64\n"
			      ".visible .global .align 4 .u32 shared_word;\n"
			      ".visible .func (.param .b32 r) seven()\n{\n"
			      "	.reg .b32 %r<2>;\n	mov.u32 %r1, 7;\n"
			      "	st.param.b32 [r], %r1;\n	ret;\n}\n";
	static char second[] = ".version 7.0\n.target sm_75\n.address_size 64\n"
			       ".extern .func (.param .b32 r) seven();\n"
			       ".extern .global .align 4 .u32 shared_word;\n"
			       ".visible .entry give()\n{\n"
			       "	.reg .b32 %r<2>;\n	.reg .b64 %rd<2>;\n"
			       "	{\n	.param .b32 v;\n	call (v), seven;\n"
			       "	ld.param.b32 %r1, [v];\n	}\n"
			       "	mov.u64 %rd1, shared_word;\n"
			       "	st.global.u32 [%rd1], %r1;\n	ret;\n}\n";
	unsigned word = 0;
	CUlinkState link;
	CUdeviceptr p;
	CUmodule m;
	void *image;
	size_t size;

	ok(cuLinkCreate_v2(0, NULL, NULL, &link));
	ok(cuLinkAddData_v2(link, CU_JIT_INPUT_PTX, first, sizeof(first), "a", 0, NULL, NULL));
	ok(cuLinkAddData_v2(link, CU_JIT_INPUT_PTX, second, sizeof(second), "b", 0, NULL, NULL));
	ok(cuLinkComplete(link, &image, &size));
	ok(cuModuleLoadData(&m, image));
	ok(cuLinkDestroy(link));
	fails(cuLinkDestroy(link), CUDA_ERROR_INVALID_HANDLE);
	ok(cuLaunchKernel(function(m, "give"), 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	ok(cuModuleGetGlobal_v2(&p, &size, m, "shared_word"));
	ok(cuMemcpyDtoH_v2(&word, p, 4));
	assert_int_equal(word, 7);
	ok(cuModuleUnload(m));
}

static void *add_elsewhere(void *link)
{
	static char text[] = ".version 7.0\n.target sm_75\n.address_size 64\n";

	fails(cuLinkAddData_v2(link, CU_JIT_INPUT_PTX, text, sizeof(text), "a", 0, NULL, NULL),
		CUDA_ERROR_INVALID_HANDLE);
	fails(cuLinkDestroy(link), CUDA_ERROR_INVALID_HANDLE);
	return NULL;
}

static void link_of_another_thread(void **state)
{
	CUlinkState link;
	pthread_t thread;

	ok(cuLinkCreate_v2(0, NULL, NULL, &link));
	assert_int_equal(pthread_create(&thread, NULL, add_elsewhere, link), 0);
	pthread_join(thread, NULL);
	ok(cuLinkDestroy(link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(good_images), TEST(bad_images), TEST(error_log),
		TEST(globals), TEST(attributes), TEST(libraries), TEST(linking),
		TEST(link_of_another_thread)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
