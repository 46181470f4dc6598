/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approximations come close to what they approximate, and have the special
 * values that PTX promises.
 */
#include <math.h>

#include "support.h"

#define COUNT 256

static double reciprocal(double v)
{
	return 1 / v;
}

static double reciprocal_root(double v)
{
	return 1 / sqrt(v);
}

static const struct {
	const char *name;
	double (*function)(double);
	float low, high;
} functions[] = {
	{"sin.approx.f32", sin, -3, 3}, {"cos.approx.f32", cos, -3, 3},
	{"ex2.approx.f32", exp2, -20, 20}, {"lg2.approx.ftz.f32", log2, 0.1f, 100},
	{"tanh.approx.f32", tanh, -4, 4}, {"rcp.approx.ftz.f32", reciprocal, 0.01f, 1000},
	{"rsqrt.approx.f32", reciprocal_root, 0.01f, 1000}, {"sqrt.approx.f32", sqrt, 0, 1000},
};

static void open_function(struct gpu *g, const char *name)
{
	char text[1024];

	snprintf(text, sizeof(text),
		".version 7.5\n.target sm_75\n.address_size 64\n.entry k(.param .u64 p)\n{\n"
		".reg .u64 p0, at;\n.reg .u32 t;\n.reg .f32 v;\nld.param.u64 p0, [p];\n"
		"mov.u32 t, %%tid.x;\nmad.wide.u32 at, t, 4, p0;\nld.global.f32 v, [at];\n"
		"%s v, v;\nst.global.f32 [at], v;\nret;\n}\n", name);
	gpu_open_text(g, text);
}

static void test_close(void **state)
{
	for (size_t n = 0; n < sizeof(functions) / sizeof(*functions); n++) {
		float low = functions[n].low, step = (functions[n].high - low) / COUNT;
		struct gpu g;
		float *v;

		open_function(&g, functions[n].name);
		v = gpu_memory(&g, COUNT * sizeof(*v));
		for (int i = 0; i < COUNT; i++)
			v[i] = low + step * (float)i;
		assert_int_equal(RUN(&g, "k", 1, COUNT, P(v)), 0);
		for (int i = 0; i < COUNT; i++) {
			double right = functions[n].function(low + step * (float)i);

			assert_true(fabs(v[i] - right) <= 1e-6 + 1e-6 * fabs(right));
		}
		gpu_close(&g);
	}
}

static float apply(const char *name, float input)
{
	struct gpu g;
	float *v, result;

	open_function(&g, name);
	v = gpu_memory(&g, sizeof(*v));
	*v = input;
	assert_int_equal(RUN(&g, "k", 1, 1, P(v)), 0);
	result = *v;
	gpu_close(&g);
	return result;
}

static void test_special(void **state)
{
	assert_true(isnan(apply("sin.approx.f32", INFINITY)));
	assert_true(apply("ex2.approx.f32", -INFINITY) == 0);
	assert_true(apply("lg2.approx.f32", 0) == -INFINITY);
	assert_true(isnan(apply("lg2.approx.f32", -1)));
	assert_true(apply("rcp.approx.f32", -INFINITY) == 0);
	assert_true(signbit(apply("rcp.approx.f32", -INFINITY)));
	assert_true(apply("rcp.approx.ftz.f32", 1e-40f) == INFINITY);
	assert_true(apply("rsqrt.approx.f32", 0) == INFINITY);
	assert_true(isnan(apply("sqrt.approx.f32", -1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_special),
	};

	return cmocka_run_group_tests_name("ptx_math", tests, NULL, NULL);
}
