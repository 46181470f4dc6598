/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser accepts and how it refuses: messages name the line and the
 * instruction, and no broken text does harm.
 */
#include "support.h"

#define HEAD ".version 7.5\n.target sm_75\n.address_size 64\n"
#define KERNEL(body) HEAD ".visible .entry k(.param .u64 p)\n{\n" body "\nret;\n}\n"

static void refuse(const char *text, const char *message)
{
	struct gpu g;

	assert_int_equal(gpu_parse(&g, text), -EINVAL);
	assert_string_equal(g.log, message);
}

static void test_refusals(void **state)
{
	refuse("", "line 1: no PTX: it must start with .version");
	refuse("\x7f" "ELF", "line 1: no PTX: it must start with .version");
	refuse(KERNEL("foo.bar.u32 a, b;"), "line 6: instruction 'foo.bar.u32' is not supported");
	refuse(KERNEL("add.u99 a, b, c;"), "line 6: instruction 'add.u99' is not supported");
	refuse(KERNEL("tex.2d.v4.f32.f32 {a,b,c,d}, [t, {x,y}];"),
		"line 6: instruction 'tex.2d.v4.f32.f32' is not supported");
	refuse(KERNEL(".reg .b32 a;\nadd.u32 a, b, a;"),
		"line 7: operand 'b' of 'add.u32' is not known");
	refuse(KERNEL(".reg .b64 a;\nadd.u32 a, a, 1;"),
		"line 7: operand 'a' of 'add.u32' has the wrong type");
	refuse(KERNEL(".reg .b32 a;\nadd.u32 a, a;"),
		"line 7: 'add.u32' has the wrong number of operands");
	refuse(KERNEL("bra nowhere;"), "line 6: label 'nowhere' is not defined");
	refuse(KERNEL(".reg .b32 a;\n.reg .b32 a;"), "line 7: 'a' is defined twice");
	refuse(KERNEL("@p ret;"), "line 6: 'p' is no predicate");
	refuse(KERNEL(".reg .b32 r<4000000000>;"), "line 6: bad number of registers");
	refuse(KERNEL(".local .b8 l[99999999999];"), "line 6: too much local memory");
	refuse(HEAD ".entry k()\n{\ncall f;\n}", "line 6: operand 'f' of 'call' is not known");
	refuse(HEAD ".func f;\n.entry k()\n{\ncall f;\n}", "line 7: function 'f' is not defined");
	refuse(HEAD ".entry k()\n{\n", "line 6: '}' expected at the end");
	refuse(HEAD ".entry k()\n{\n}\n.entry k()\n{\n}\n", "line 8: 'k' is defined twice");
	refuse(HEAD ".global .u64 x = y;", "line 4: 'y' in an initialiser is not known");
	refuse(HEAD ".global .u8 x[2] = {1,2,3};",
		"line 4: initialiser is larger than its variable");
	refuse(HEAD ".address_size 32", "line 4: only 64-bit addresses are supported");
}

static void test_kernel(void **state)
{
	static const char text[] = HEAD
		".visible .entry first(.param .u32 a, .param .u64 b, .param .align 16 .b8 c[20])\n"
		".maxntid 256, 2, 1\n.minnctapersm 3\n{\n.shared .align 8 .b8 s[40];\n"
		".local .align 4 .b8 l[12];\n.reg .b32 r;\nmov.u32 r, s;\nret;\n}\n"
		".entry second() .reqntid 32 { ret; }\n"
		".const .align 4 .b8 c1[100];\n.global .align 8 .u64 g1 = generic(c1)+4;\n"
		".extern .global .align 4 .b8 e1[];\n";
	const struct ptx_kernel *k;
	struct gpu g;

	gpu_open_text(&g, text);
	assert_int_equal(ptx_module_version(g.module), 75);
	assert_int_equal(ptx_module_target(g.module), 75);
	k = ptx_module_kernel(g.module, 0);
	assert_string_equal(k->name, "first");
	assert_int_equal(k->parameter_count, 3);
	assert_int_equal(k->parameters[1].offset, 8);
	assert_int_equal(k->parameters[2].offset, 16);
	assert_int_equal(k->parameters[2].size, 20);
	assert_int_equal(k->parameter_bytes, 36);
	assert_int_equal(k->shared_bytes, 40);
	assert_int_equal(k->local_bytes, 12);
	assert_int_equal(k->const_bytes, 100);
	assert_int_equal(k->max_block[0] * k->max_block[1] * k->max_block[2], 512);
	assert_int_equal(k->min_blocks, 3);
	assert_int_equal(ptx_module_find_kernel(g.module, "second")->required_block[0], 32);
	assert_null(ptx_module_find_kernel(g.module, "third"));
	assert_null(ptx_module_kernel(g.module, 2));
	assert_true(*(uint64_t *)gpu_variable(&g, "g1") == P(gpu_variable(&g, "c1")) + 4);
	assert_true(ptx_module_find_variable(g.module, "e1")->is_extern);
	assert_true(ptx_module_find_variable(g.module, "c1")->is_const);
	gpu_close(&g);
}

static void test_initialisers(void **state)
{
	static const char text[] = HEAD
		".global .align 4 .u32 a[2][3] = {{1, 2}, {4, 0x5, 06}};\n"
		".global .f32 f[4] = {1.5, 0f40490FDB, -2, 1e3};\n"
		".global .f64 d = 0d3FF8000000000000;\n"
		".global .u64 e[3] = {(1 << 40) + 3 * 4 - 1, ~0, 7 > 3 ? 5 : 6};\n"
		".global .align 8 .b8 m[10] = {0xFF(d), 0xFF00(d), 0xFF0000(d), 0xFF000000(d),"
		" 0xFF00000000(d), 0xFF0000000000(d), 0xFF000000000000(d),"
		" 0xFF00000000000000(d), 9};\n";
	static const uint32_t a[6] = {1, 2, 0, 4, 5, 6};
	uint64_t address;
	struct gpu g;
	float *f;

	gpu_open_text(&g, text);
	assert_memory_equal(gpu_variable(&g, "a"), a, sizeof(a));
	f = gpu_variable(&g, "f");
	assert_true(f[0] == 1.5f && f[1] > 3.14159f && f[1] < 3.1416f);
	assert_true(f[2] == -2 && f[3] == 1000);
	assert_true(*(double *)gpu_variable(&g, "d") == 1.5);
	assert_true(((uint64_t *)gpu_variable(&g, "e"))[0] == (1ull << 40) + 11);
	assert_true(((uint64_t *)gpu_variable(&g, "e"))[1] == ~0ull);
	assert_int_equal(((uint64_t *)gpu_variable(&g, "e"))[2], 5);
	memcpy(&address, gpu_variable(&g, "m"), 8);
	assert_true(address == P(gpu_variable(&g, "d")));
	assert_int_equal(((uint8_t *)gpu_variable(&g, "m"))[8], 9);
	gpu_close(&g);
}

static void test_old_style(void **state)
{
	static const char text[] = HEAD
		".func (.reg .u32 r) twice(.reg .u32 a, .reg .u64 b)\n{\n.reg .u32 t;\n"
		"cvt.u32.u64 t, b;\nmad.lo.u32 r, a, 2, t;\nret;\n}\n"
		".entry k(.param .u64 p)\n{\n.reg .u64 q, w;\n.reg .u32 x, y;\n.reg .pred c;\n"
		"ld.param.u64 q, [p];\nmov.u32 x, %tid.x;\nmov.u64 w, 1000;\n"
		"call (y), twice, (x, w);\n"
		"{ .reg .u32 x; mov.u32 x, 3; add.u32 y, y, x; bra.uni inside; inside: }\n"
		"targets: .branchtargets one, two, three;\n"
		"rem.u32 x, x, 3;\nbrx.idx x, targets;\n"
		"one: add.u32 y, y, 10;\nbra done;\ntwo: add.u32 y, y, 20;\nbra done;\n"
		"three: add.u32 y, y, 30;\ndone:\n"
		"mov.u32 x, %tid.x;\nmad.wide.u32 q, x, 4, q;\nst.global.u32 [q], y;\nexit;\n}\n";
	struct gpu g;
	uint32_t *out;

	gpu_open_text(&g, text);
	out = gpu_memory(&g, 64 * sizeof(*out));
	assert_int_equal(RUN(&g, "k", 1, 64, P(out)), 0);
	for (unsigned t = 0; t < 64; t++)
		assert_int_equal(out[t], 2 * t + 1003 + (t % 3 + 1) * 10);
	gpu_close(&g);
}

static void test_runaway(void **state)
{
	static const char text[] = HEAD
		".func f(.param .b32 n)\n{\n.reg .b32 r;\nld.param.u32 r, [n];\nadd.u32 r, r, 1;\n"
		"{ .param .b32 p0; st.param.b32 [p0], r; call f, (p0); }\nret;\n}\n"
		".entry k(.param .u32 n)\n{\n.reg .b32 r;\nld.param.u32 r, [n];\n"
		"{ .param .b32 p0; st.param.b32 [p0], r; call f, (p0); }\nret;\n}\n";
	struct gpu g;

	gpu_open_text(&g, text);
	assert_int_equal(RUN(&g, "k", 1, 128, 0), -EFAULT);
	assert_int_equal(g.fault.kind, PTX_FAULT_STACK);
	gpu_close(&g);
}

static void test_endless_texts(void **state)
{
	static char text[100000];
	struct gpu g;

	strcpy(text, HEAD ".global .u64 x = ");
	memset(text + strlen(text), '(', 50000);
	assert_int_equal(gpu_parse(&g, text), -EINVAL);
	memset(text, 0, sizeof(text));
	strcpy(text, HEAD ".global .u64 x = ");
	memset(text + strlen(text), '{', 50000);
	assert_int_equal(gpu_parse(&g, text), -EINVAL);
	memset(text, 0, sizeof(text));
	strcpy(text, HEAD ".entry k() ");
	memset(text + strlen(text), '{', 50000);
	assert_int_equal(gpu_parse(&g, text), -EINVAL);
}

static char *read_kernels(const char *name, size_t *size)
{
	char path[512], *text;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("PTX_KERNELS"), name);
	f = fopen(path, "rb");
	assert_non_null(f);
	text = malloc(1 << 20);
	assert_non_null(text);
	*size = fread(text, 1, 1 << 20, f);
	fclose(f);
	return text;
}

/* Must not crash; that most of it is refused is of no interest. */
static void parse_copy(const char *text, size_t size)
{
	struct ptx_module *m = NULL;
	char *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, text, size);
	if (!ptx_module_parse(copy, size, &m, NULL, 0))
		ptx_module_destroy(m);
	free(copy);
}

static void test_broken_texts(void **state)
{
	static const char *const names[] = {"basic.ptx", "language.ptx", "threads.ptx"};
	static const char signs[] = "%.,;:{}[]()<>@!|+-0123456789abfprx_ \n\"";
	uint64_t seed = 3;

	for (size_t n = 0; n < 3; n++) {
		size_t size, step;
		char *text = read_kernels(names[n], &size);

		step = size / 150 + 1;
		for (size_t cut = 0; cut < size; cut += step)
			parse_copy(text, cut);
		for (int i = 0; i < 300; i++) {
			size_t at = test_random(&seed) % size, other = test_random(&seed) % size;
			char kept = text[at], kept_other = text[other];

			text[at] = signs[test_random(&seed) % (sizeof(signs) - 1)];
			text[other] = (char)test_random(&seed);
			parse_copy(text, size);
			text[at] = kept;
			text[other] = at == other ? kept : kept_other;
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_initialisers),
		cmocka_unit_test(test_old_style),
		cmocka_unit_test(test_runaway),
		cmocka_unit_test(test_endless_texts),
		cmocka_unit_test(test_broken_texts),
	};

	return cmocka_run_group_tests_name("ptx_parse", tests, NULL, NULL);
}
