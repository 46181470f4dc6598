/* SPDX-License-Identifier: Apache-2.0 */
/* Launches in all forms: parameters by pointers, by a buffer, with attributes; grids, blocks,
 * shared memory. */
#include "program.h"

struct mixed {
	char a;
	CUdeviceptr out;
	short b;
	double d;
	int e;
};

static CUmodule module;

static void by_pointers(void)
{
	struct mixed v = { -3, device_words(8), -300, 1234.5, -70000 };
	void *parameters[] = { &v.a, &v.out, &v.b, &v.d, &v.e };

	DO(cuLaunchKernel(
		program_kernel(module, "mixed"), 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
	say_words("by pointers", v.out, 8);
}

static void by_buffer(void)
{
	struct mixed v = { 3, device_words(8), 300, 2.5, 70000 };
	size_t size = offsetof(struct mixed, e) + sizeof(v.e);
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &v, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	CUfunction f = program_kernel(module, "mixed");
	void *parameters[] = { &v.a, &v.out, &v.b, &v.d, &v.e };

	DO(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
	say_words("by a buffer", v.out, 8);
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, extra));
	/* Too short a buffer is no error, too long a one is. */
	v.a = 9;
	size = offsetof(struct mixed, e);
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
	say_words("short", v.out, 4);
	size = sizeof(v);
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
	say_words("long", v.out, 4);
	size = 0;
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
}

static void with_attributes(void)
{
	struct { unsigned value[32]; } block;
	CUdeviceptr out = device_words(32);
	void *parameters[] = { &block, &out };
	CUlaunchAttribute attribute = { .id = CU_LAUNCH_ATTRIBUTE_PRIORITY, .value.priority = 0 };
	CUlaunchConfig config = {.gridDimX = 1,
		.gridDimY = 1,
		.gridDimZ = 1,
		.blockDimX = 32,
		.blockDimY = 1,
		.blockDimZ = 1,
		.attrs = &attribute,
		.numAttrs = 1};
	CUfunction f = program_kernel(module, "by_value");

	for (int i = 0; i < 32; i++)
		block.value[i] = i * i;
	DO(cuLaunchKernelEx(&config, f, parameters, NULL));
	memset(&block, 0, sizeof(block)); /* parameters were copied */
	say_words("with an attribute", out, 32);
	config.numAttrs = 0;
	config.attrs = NULL;
	DO(cuLaunchKernelEx(&config, f, parameters, NULL));
	say_words("with a configuration", out, 32);
	SAY(cuLaunchKernelEx(NULL, f, parameters, NULL));
	config.gridDimX = 0;
	SAY(cuLaunchKernelEx(&config, f, parameters, NULL));
}

static void shapes(void)
{
	static const unsigned shape[][6] = {
		{1, 1, 1, 1, 1, 1},
		{5, 1, 1, 64, 1, 1},
		{3, 4, 2, 8, 4, 2},
		{1, 1, 7, 2, 2, 2},
		{2, 2, 2, 1, 1, 64},
		{1, 1, 1, 1024, 1, 1},
	};
	CUfunction f = program_kernel(module, "where");

	for (size_t i = 0; i < sizeof(shape) / sizeof(*shape); i++) {
		const unsigned *s = shape[i];
		size_t n = (size_t)s[0] * s[1] * s[2] * s[3] * s[4] * s[5];
		CUdeviceptr out = device_words(n);
		void *parameters[] = { &out };

		DO(cuMemsetD32_v2(out, 0xffffffff, n));
		DO(cuLaunchKernel(
			f, s[0], s[1], s[2], s[3], s[4], s[5], 0, NULL, parameters, NULL));
		say_words("shape", out, n);
		DO(cuMemFree_v2(out));
	}
}

static void shared_memory(void)
{
	CUfunction f = program_kernel(module, "reverse"), fill = program_kernel(module, "fill");
	unsigned n = 256, first = 0;
	CUdeviceptr p = device_words(n);
	void *fill_parameters[] = { &p, &n, &first }, *parameters[] = { &p };

	DO(launch_over(fill, n, NULL, fill_parameters));
	DO(cuLaunchKernel(f, 1, 1, 1, n, 1, 1, n * 4, NULL, parameters, NULL));
	say_words("reversed", p, n);
	SAY(cuLaunchKernel(f, 1, 1, 1, n, 1, 1, 1 << 20, NULL, parameters, NULL));
}

static void beyond_limits(void)
{
	CUdeviceptr p = device_words(4);
	CUfunction f = program_kernel(module, "count");
	void *parameters[] = { &p };

	DO(cuMemsetD32_v2(p, 0, 4));
	SAY(cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 0, 1, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1025, 1, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 64, 32, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 65536, 1, 1, 1, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 65536, 1, 1, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	SAY(cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
	SAY(cuLaunchCooperativeKernel(f, 1 << 20, 1, 1, 32, 1, 1, 0, NULL, parameters));
	DO(cuLaunchCooperativeKernel(f, 2, 1, 1, 32, 1, 1, 0, NULL, parameters));
	DO(cuLaunchKernel(f, 100, 1, 1, 64, 1, 1, 0, NULL, parameters, NULL));
	say_words("counted", p, 1);
}

/* More launches than a driver queues. */
static void many(void)
{
	CUdeviceptr p = device_words(4);
	CUfunction f = program_kernel(module, "count");
	void *parameters[] = { &p };

	DO(cuMemsetD32_v2(p, 0, 4));
	for (int i = 0; i < 3000; i++)
		DO(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
	say_words("many launches", p, 1);
}

int main(void)
{
	program_begin();
	module = program_load();
	by_pointers();
	by_buffer();
	with_attributes();
	shapes();
	shared_memory();
	beyond_limits();
	many();
	return 0;
}
