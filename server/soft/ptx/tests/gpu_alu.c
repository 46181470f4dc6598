/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run the lines of an alu.txt on a GPU through its driver library and write
 * them with new hashes: ptx_gpu_alu LIBCUDA IN OUT [RESULTS]. RESULTS gets all
 * stored values, for a comparison in detail.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alu.h"

typedef int (*driver_call)();

static void *library;

static driver_call find(const char *name)
{
	driver_call f = (driver_call)dlsym(library, name);

	if (!f) {
		fprintf(stderr, "no %s\n", name);
		exit(1);
	}
	return f;
}

static void check(int result, const char *what)
{
	if (!result)
		return;
	fprintf(stderr, "%s: error %d\n", what, result);
	exit(1);
}

static void *load(const char *text)
{
	static char log[65536];
	int options[] = {5, 6};		/* CU_JIT_ERROR_LOG_BUFFER and its size */
	void *values[] = {log, (void *)sizeof(log)};
	void *module;

	if (find("cuModuleLoadDataEx")(&module, text, 2, options, values)) {
		fprintf(stderr, "%s\n", log);
		exit(1);
	}
	return module;
}

static void run_line(void *module, const struct alu_line *line, int n, uint64_t *results)
{
	static uint64_t inputs[4 * ALU_THREADS];
	static uint64_t in, out;
	void *params[] = {&in, &out}, *function;
	char name[32];

	if (!in) {
		check(find("cuMemAlloc_v2")(&in, sizeof(inputs)), "cuMemAlloc");
		check(find("cuMemAlloc_v2")(&out, (size_t)ALU_THREADS * 8), "cuMemAlloc");
	}
	alu_inputs(line, inputs);
	check(find("cuMemcpyHtoD_v2")(in, inputs, sizeof(inputs)), "copy");
	snprintf(name, sizeof(name), "k%d", n);
	check(find("cuModuleGetFunction")(&function, module, name), name);
	check(find("cuLaunchKernel")(function, ALU_THREADS / ALU_BLOCK, 1, 1, ALU_BLOCK, 1, 1, 0,
		      NULL, params, NULL), "launch");
	check(find("cuMemcpyDtoH_v2")(results, out, (size_t)ALU_THREADS * 8), line->code);
}

int main(int argc, char **argv)
{
	static struct alu_line lines[ALU_LINES];
	static uint64_t results[ALU_THREADS];
	FILE *out, *all = NULL;
	void *context, *module;
	int count, device;

	if (argc < 4 || !(library = dlopen(argv[1], RTLD_NOW)))
		return 2;
	count = alu_read(argv[2], lines);
	out = fopen(argv[3], "w");
	if (argc > 4)
		all = fopen(argv[4], "wb");
	if (count < 0 || !out)
		return 2;
	check(find("cuInit")(0), "cuInit");
	check(find("cuDeviceGet")(&device, 0), "cuDeviceGet");
	check(find("cuDevicePrimaryCtxRetain")(&context, device), "context");
	check(find("cuCtxSetCurrent")(context), "context");
	module = load(alu_text(lines, count));
	for (int n = 0; n < count; n++) {
		run_line(module, &lines[n], n, results);
		if (all)
			fwrite(results, sizeof(results), 1, all);
		fprintf(out, "%016" PRIx64 " %s %s\n", alu_hash(results), lines[n].letters,
			lines[n].code);
	}
	if (all)
		fclose(all);
	return fclose(out);
}
