/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd and wrong arguments of calls about code: modules, functions, launches, libraries, the linker.
 * The kernel does nothing but take parameters, so a launch that works changes nothing.
 */
#include "program.h"

static const char ptx[] =
	".version 7.8\n"
	".target sm_75\n"
	".address_size 64\n"
	".visible .global .align 4 .u32 v[16];\n"
	".visible .const .align 4 .u32 cc[4];\n"
	".visible .entry k(.param .u64 a, .param .u32 b, .param .align 8 .b8 s[24])\n"
	"{\n"
	"	.reg .b64 r;\n"
	"	.shared .align 4 .b8 sh[1024];\n"
	"	.local .align 4 .b8 lo[64];\n"
	"	ld.param.u64 r, [a];\n"
	"	ret;\n"
	"}\n"
	".visible .entry e0() { ret; }\n"
	".visible .entry bounded() .maxntid 128, 1, 1 .minnctapersm 2 { ret; }\n";

enum { BIG = 1 << 20, NO_ATTRIBUTE = 99 };

static void loading(void)
{
	/* Longer than any magic number that may be looked for. */
	static const char empty[8] = "";
	CUmodule module;

	SAY(cuModuleLoadData(&module, NULL));
	SAY(cuModuleLoadData(&module, empty));
	SAY(cuModuleLoadData(&module, "garbage"));
	SAY(cuModuleLoad(&module, "/nonexistent"));
	SAY(cuModuleLoad(&module, NULL));
}

static void modules(CUmodule m)
{
	CUfunction f = NULL;
	CUdeviceptr p = 0;
	unsigned n = 77;
	size_t size = 0;

	SAY(cuModuleGetFunction(&f, m, "nope"));
	SAY(cuModuleGetFunction(&f, m, ""));
	SAY(cuModuleGetGlobal_v2(&p, &size, m, "nope"));
	SAY(cuModuleGetGlobal_v2(NULL, &size, m, "v"));
	printf("size %zu\n", size);
	SAY(cuModuleGetGlobal_v2(&p, NULL, m, "v"));
	printf("given: %d\n", p != 0);
	SAY(cuModuleGetGlobal_v2(NULL, NULL, m, "v"));
	SAY(cuModuleGetGlobal_v2(&p, &size, m, "cc"));
	printf("size %zu\n", size);
	SAY(cuModuleGetFunctionCount(&n, m));
	printf("functions %u\n", n);
	SAY(cuModuleEnumerateFunctions(&f, 1, m));
	printf("given: %d\n", f != NULL);
}

static int told(CUfunction f, CUfunction_attribute attribute)
{
	int value = 77;

	DO(cuFuncGetAttribute(&value, attribute, f));
	return value;
}

static void attributes(CUfunction f, CUfunction bounded)
{
	int value = 77;

	printf("constants %d\n", told(f, CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES));
	printf("PTX %d\n", told(f, CU_FUNC_ATTRIBUTE_PTX_VERSION));
	printf("cache %d\n", told(f, CU_FUNC_ATTRIBUTE_CACHE_MODE_CA));
	printf("carveout %d\n", told(f, CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT));
	printf("must have clusters %d\n", told(f, CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET));
	printf("of width %d\n", told(f, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH));
	printf("of height %d\n", told(f, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT));
	printf("of depth %d\n", told(f, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH));
	printf("any size %d\n", told(f, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED));
	printf("policy %d\n", told(f, CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE));
	printf("bound %d\n", told(bounded, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK));
	SAY(cuFuncGetAttribute(&value, (CUfunction_attribute)NO_ATTRIBUTE, f));
	SAY(cuFuncGetAttribute(NULL, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, f));
}

static void settings(CUfunction f)
{
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1));
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, BIG));
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, -1));
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 101));
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, -1));
}

static void functions(CUfunction f, CUmodule m)
{
	CUfunctionLoadingState state = (CUfunctionLoadingState)77;
	size_t offset = 77, size = 77;
	const char *name = "";
	CUmodule module = NULL;

	SAY(cuFuncGetName(&name, f));
	printf("%s: length %zu\n", name, strlen(name));
	SAY(cuFuncGetModule(&module, f));
	printf("its module: %d\n", module == m);
	SAY(cuFuncGetParamInfo(f, 2, &offset, &size));
	printf("offset, size: %zu %zu\n", offset, size);
	SAY(cuFuncGetParamInfo(f, 3, &offset, &size));
	SAY(cuFuncGetParamInfo(f, 1, &offset, NULL));
	printf("offset %zu\n", offset);
	SAY(cuFuncGetParamInfo(f, 1, NULL, NULL));
	SAY(cuFuncLoad(f));
	SAY(cuFuncIsLoaded(&state, f));
	printf("loaded: %d\n", (int)state);
}

/* One block of one thread unless the dimensions are what is odd. */
static void dimensions(CUfunction f, CUstream s, void **args)
{
	SAY(cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, s, args, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 0, 1, 1, 0, s, args, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 2048, 1, 1, 0, s, args, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 128, 0, s, args, NULL));
	SAY(cuLaunchKernel(f, 1, 70000, 1, 1, 1, 1, 0, s, args, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, BIG, s, args, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 60000, s, args, NULL));
	SAY(cuLaunchCooperativeKernel(f, 100000, 1, 1, 1024, 1, 1, 0, s, args));
	SAY(cuLaunchCooperativeKernel(f, 1, 1, 1, 32, 1, 1, 0, s, args));
	SAY(cuCtxSynchronize());
}

/* The parameters in a buffer, of which so many bytes are said to be there. */
static CUresult buffer_of(CUfunction f, CUstream s, size_t size)
{
	static unsigned char bytes[64];
	void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, bytes, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
		CU_LAUNCH_PARAM_END};

	return cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, extra);
}

static void parameters(CUfunction f, CUstream s)
{
	void *end[] = {CU_LAUNCH_PARAM_END};

	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, end));
	SAY(buffer_of(f, s, 8));
	SAY(buffer_of(f, s, 40));
	SAY(buffer_of(f, s, 64));
	SAY(cuCtxSynchronize());
}

static void configured(CUfunction f, CUstream s, void **args)
{
	CUlaunchAttribute attribute = {
		.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE, .value = {.cooperative = 1}};
	CUlaunchConfig config = {.gridDimX = 1,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = 1,
		.blockDimY = 1,
		.blockDimZ = 1,
		.hStream = s,
		.numAttrs = 1};

	SAY(cuLaunchKernelEx(NULL, f, args, NULL));
	SAY(cuLaunchKernelEx(&config, f, args, NULL));
	config.attrs = &attribute;
	SAY(cuLaunchKernelEx(&config, f, args, NULL));
	attribute.id = CU_LAUNCH_ATTRIBUTE_PRIORITY;
	attribute.value.priority = -3;
	SAY(cuLaunchKernelEx(&config, f, args, NULL));
	SAY(cuCtxSynchronize());
}

static void occupancy(CUfunction f)
{
	int blocks = 77;

	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 0, 0));
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 4096, 0));
	printf("blocks too big: %d\n", blocks);
	blocks = 77;
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 32, BIG));
	printf("too much shared memory: %d\n", blocks);
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, f, 32, 0, 9));
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(NULL, f, 32, 0));
}

static void libraries(CUlibrary library)
{
	CUdeviceptr p = 0;
	CUmodule module = NULL;
	CUkernel any = NULL;
	unsigned n = 77;
	size_t size = 0;

	SAY(cuLibraryLoadData(NULL, ptx, NULL, NULL, 0, NULL, NULL, 0));
	SAY(cuLibraryGetKernel(&any, library, "nope"));
	SAY(cuLibraryGetKernel(&any, library, NULL));
	SAY(cuLibraryGetKernelCount(&n, library));
	printf("kernels %u\n", n);
	SAY(cuLibraryEnumerateKernels(&any, 1, library));
	printf("given: %d\n", any != NULL);
	SAY(cuLibraryGetGlobal(&p, &size, library, "nope"));
	SAY(cuLibraryGetGlobal(&p, &size, library, "v"));
	printf("size %zu\n", size);
	SAY(cuLibraryGetModule(&module, library));
	printf("given: %d\n", module != NULL);
	SAY(cuLibraryGetModule(NULL, library));
}

static void kernels(CUlibrary library, CUkernel k, CUstream s, void **args)
{
	size_t offset = 77, size = 77;
	CUlibrary owner = NULL;
	CUfunction f = NULL;
	const char *name = "";
	int value = 77;

	SAY(cuLaunchKernel((CUfunction)k, 1, 1, 1, 1, 1, 1, 0, s, args, NULL));
	SAY(cuLaunchKernel((CUfunction)k, 1, 1, 1, 2048, 1, 1, 0, s, args, NULL));
	SAY(cuKernelGetName(&name, k));
	printf("%s: length %zu\n", name, strlen(name));
	SAY(cuKernelGetParamInfo(k, 2, &offset, &size));
	printf("offset, size: %zu %zu\n", offset, size);
	SAY(cuKernelGetParamInfo(k, 9, &offset, &size));
	SAY(cuKernelGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, k, 9));
	SAY(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1, k, 0));
	SAY(cuKernelSetCacheConfig(k, CU_FUNC_CACHE_PREFER_SHARED, 0));
	SAY(cuKernelGetLibrary(&owner, k));
	printf("its library: %d\n", owner == library);
	SAY(cuKernelGetFunction(&f, k));
	printf("given: %d\n", f != NULL);
	SAY(cuKernelGetFunction(NULL, k));
	SAY(cuCtxSynchronize());
}

static CUresult add(CUlinkState link, CUjitInputType type, const char *text)
{
	return cuLinkAddData_v2(link, type, (void *)text, strlen(text) + 1, "x", 0, NULL, NULL);
}

static CUlinkState new_link(void)
{
	CUlinkState link;

	DO(cuLinkCreate_v2(0, NULL, NULL, &link));
	return link;
}

static void links(void)
{
	CUlinkState link = new_link();
	void *image = NULL;
	size_t size = 0;

	SAY(cuLinkCreate_v2(0, NULL, NULL, NULL));
	SAY(cuLinkComplete(link, &image, &size));
	DO(cuLinkDestroy(link));
	link = new_link();
	SAY(add(link, (CUjitInputType)99, ptx));
	DO(cuLinkDestroy(link));
	link = new_link();
	SAY(cuLinkAddFile_v2(link, CU_JIT_INPUT_PTX, "/nonexistent", 0, NULL, NULL));
	DO(cuLinkDestroy(link));
	link = new_link();
	SAY(add(link, CU_JIT_INPUT_PTX, "garbage"));
	DO(cuLinkDestroy(link));
	link = new_link();
	SAY(add(link, CU_JIT_INPUT_CUBIN, "garbage"));
	DO(cuLinkDestroy(link));
	link = new_link();
	DO(add(link, CU_JIT_INPUT_PTX, ptx));
	SAY(cuLinkComplete(link, &image, &size));
	DO(cuLinkDestroy(link));
}

int main(void)
{
	unsigned long long a = 0;
	unsigned b = 3;
	char structure[24] = {0};
	void *args[] = {&a, &b, structure};
	CUlibrary library;
	CUfunction f;
	CUmodule m;
	CUkernel k;
	CUstream s;

	program_begin();
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuModuleLoadData(&m, ptx));
	DO(cuLibraryLoadData(&library, ptx, NULL, NULL, 0, NULL, NULL, 0));
	DO(cuLibraryGetKernel(&k, library, "k"));
	f = program_kernel(m, "k");
	loading();
	modules(m);
	attributes(f, program_kernel(m, "bounded"));
	settings(f);
	functions(f, m);
	dimensions(f, s, args);
	parameters(f, s);
	configured(f, s, args);
	occupancy(f);
	libraries(library);
	kernels(library, k, s, args);
	links();
	return 0;
}
