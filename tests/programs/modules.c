/* SPDX-License-Identifier: Apache-2.0 */
/* Modules and libraries: variables, functions, attributes, parameter layouts, images that are none.
 */
#include "program.h"

static void variables(CUmodule m)
{
	unsigned value[4] = { 0 };
	CUdeviceptr p = 0, out = device_words(4);
	void *parameters[] = { &out };
	size_t bytes = 0;

	DO(cuModuleGetGlobal_v2(&p, &bytes, m, "counter"));
	printf("counter has %zu bytes\n", bytes);
	DO(cuMemcpyDtoH_v2(value, p, sizeof(value)));
	printf("at first %u %u %u %u\n", value[0], value[1], value[2], value[3]);
	for (int i = 0; i < 2; i++)
		DO(cuLaunchKernel(program_kernel(m, "use_variables"), 1, 1, 1, 4, 1, 1, 0, NULL,
				  parameters, NULL));
	say_words("times the constant", out, 4);
	DO(cuMemcpyDtoH_v2(value, p, sizeof(value)));
	printf("then %u %u %u %u\n", value[0], value[1], value[2], value[3]);
	DO(cuModuleGetGlobal_v2(&p, NULL, m, "factor"));
	value[0] = 1000;
	DO(cuMemcpyHtoD_v2(p, value, 4));
	DO(cuLaunchKernel(program_kernel(m, "use_variables"), 1, 1, 1, 4, 1, 1, 0, NULL, parameters,
			  NULL));
	say_words("times a new constant", out, 4);
	SAY(cuModuleGetGlobal_v2(&p, &bytes, m, "no such variable"));
}

static void layout(CUmodule m, const char *name)
{
	CUfunction f = program_kernel(m, name);
	size_t offset = 0, size = 0;
	const char *got = NULL;
	CUresult r;

	DO(cuFuncGetName(&got, f));
	printf("%s:", got);
	for (size_t i = 0; (r = cuFuncGetParamInfo(f, i, &offset, &size)) == CUDA_SUCCESS; i++)
		printf(" %zu+%zu", offset, size);
	printf(" then %s\n", result_name(r));
}

static void functions(CUmodule m)
{
	CUfunction f = program_kernel(m, "mixed"), again = program_kernel(m, "mixed"), none;
	CUmodule of = NULL;
	int value = -1;

	printf("asked twice: %s handle\n", f == again ? "same" : "another");
	DO(cuFuncGetModule(&of, f));
	printf("module: %s\n", of == m ? "right" : "WRONG");
	DO(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, f));
	printf("static shared memory %d\n", value);
	DO(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, f));
	printf("threads per block %s\n", value > 0 && value <= 1024 ? "sensible" : "ODD");
	DO(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 4096));
	DO(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, f));
	printf("dynamic shared memory %d\n", value);
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100 << 20));
	SAY(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, 1));
	SAY(cuFuncGetAttribute(&value, 99, f));
	SAY(cuModuleGetFunction(&none, m, "no such kernel"));
	SAY(cuModuleGetFunction(&none, m, ""));
	SAY(cuModuleGetFunction(&none, m, "counter"));
	SAY(cuFuncSetCacheConfig(f, CU_FUNC_CACHE_PREFER_L1));
}

static void libraries(int wild)
{
	unsigned n = 10, value = 5, count = 0;
	CUdeviceptr p = device_words(n), variable;
	void *parameters[] = { &p, &n, &value };
	CUlibrary library;
	CUfunction f;
	CUkernel k;
	CUmodule m;
	size_t bytes;

	DO(cuLibraryLoadData(&library, kernels_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DO(cuLibraryGetKernelCount(&count, library));
	printf("%u kernels\n", count);
	DO(cuLibraryGetKernel(&k, library, "fill"));
	DO(launch_over((CUfunction)k, n, NULL, parameters));
	say_words("launched by kernel", p, n);
	DO(cuKernelGetFunction(&f, k));
	value = 50;
	DO(launch_over(f, n, NULL, parameters));
	say_words("launched by function", p, n);
	DO(cuLibraryGetModule(&m, library));
	value = 500;
	DO(launch_over(program_kernel(m, "fill"), n, NULL, parameters));
	say_words("launched by module", p, n);
	DO(cuLibraryGetGlobal(&variable, &bytes, library, "counter"));
	say_words("variable", variable, 4);
	SAY(cuLibraryGetKernel(&k, library, "no such kernel"));
	SAY(cuLibraryUnload(library));
	if (wild) {
		SAY(cuLibraryUnload(library));
		SAY(cuLibraryGetKernel(&k, library, "fill"));
	}
}

static void no_images(void)
{
	static const unsigned zeros[64];
	static const char wrong_ptx[] = ".version 6.3\n.target sm_75\n.address_size 64\n"
					".visible .entry k() { no.such.instruction; }\n";
	char log[1000] = "", errors[1000] = "";
	CUjit_option option[] = { CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
				  CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES };
	void *value[] = { log, (void *)sizeof(log), errors, (void *)sizeof(errors) };
	CUmodule m;

	SAY(cuModuleLoadData(&m, zeros));
	SAY(cuModuleLoadData(&m, NULL));
	SAY(cuModuleLoadData(&m, "this is not PTX"));
	SAY(cuModuleLoadData(&m, wrong_ptx));
	SAY(cuModuleLoadDataEx(&m, wrong_ptx, 4, option, value));
	printf("the error log is %s\n", errors[0] ? "filled" : "EMPTY");
	SAY(cuModuleLoadDataEx(&m, kernels_ptx, 4, option, value));
	/* A number is used again when many others have failed. */
	for (int i = 0; i < 600; i++) {
		if (cuModuleLoadData(&m, wrong_ptx) == CUDA_SUCCESS)
			printf("loaded\n");
	}
	DO(cuModuleLoadData(&m, kernels_ptx));
}

int main(int argc, char **argv)
{
	int wild = program_wild(argc, argv);
	CUfunction f;
	CUmodule m;

	program_begin();
	m = program_load();
	variables(m);
	layout(m, "mixed");
	layout(m, "by_value");
	layout(m, "reverse");
	functions(m);
	libraries(wild);
	no_images();
	SAY(cuModuleUnload(m));
	if (wild) {
		SAY(cuModuleUnload(m));
		SAY(cuModuleGetFunction(&f, m, "fill"));
	}
	return 0;
}
