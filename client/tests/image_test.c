/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: lengths, choice of code and parameter layouts on images made by nvcc, and
 * that truncated and altered ones end in an error. Each copy ends where its memory
 * ends, so that one byte read too far is a crash. Argument: the folder of images.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "image_format.h"

enum { PAGE = 4096 };

static const char *folder;

/* Memory of @size bytes, up to an inaccessible page. */
struct guarded {
	uint8_t *map, *data;
	size_t mapped, size;
};

static struct guarded guarded_make(const void *bytes, size_t size)
{
	size_t pages = (size + PAGE - 1) / PAGE * PAGE;
	struct guarded g = { .mapped = pages + PAGE, .size = size };

	g.map = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g.map != MAP_FAILED);
	assert_int_equal(mprotect(g.map + pages, PAGE, PROT_NONE), 0);
	g.data = g.map + pages - size;
	memcpy(g.data, bytes, size);
	return g;
}

static void guarded_free(struct guarded *g)
{
	munmap(g->map, g->mapped);
}

/* With one zero after it, as text needs; not counted in the size. */
static struct guarded file_read(const char *name, bool text)
{
	static uint8_t buffer[1 << 20];
	char path[4096];
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	size = fread(buffer, 1, sizeof(buffer) - 1, f);
	fclose(f);
	buffer[size] = 0;
	return guarded_make(buffer, size + text);
}

static const struct {
	const char *name;
	enum image_kind kind;
} image_files[] = {
	{ "kernels.sm90.cubin", IMAGE_CUBIN },
	{ "kernels.zstd.fatbin", IMAGE_FATBIN },
	{ "kernels.lz4.fatbin", IMAGE_FATBIN },
	{ "kernels.ptx", IMAGE_PTX },
};

enum { FILES = sizeof(image_files) / sizeof(*image_files) };

static void test_lengths(void **state)
{
	for (int i = 0; i < FILES; i++) {
		struct guarded g = file_read(image_files[i].name, image_files[i].kind == IMAGE_PTX);
		struct image image;

		assert_int_equal(image_open(&image, g.data), 0);
		assert_int_equal(image.count, 1);
		assert_int_equal(image.wrapper, 0);
		assert_int_equal(image.piece[0].kind, image_files[i].kind);
		assert_int_equal(image.piece[0].size, g.size);
		image_close(&image);
		guarded_free(&g);
	}
}

static void test_wrappers(void **state)
{
	struct guarded fat = file_read("kernels.lz4.fatbin", false);
	struct guarded elf = file_read("kernels.sm90.cubin", false);
	struct guarded ptx = file_read("kernels.ptx", true);
	const void *list[] = { elf.data, ptx.data, NULL };
	struct fatbin_wrapper w = { WRAPPER_MAGIC, 1, fat.data, (void *)"a file's name" };
	struct image image;

	assert_int_equal(image_open(&image, &w), 0);
	assert_int_equal(image.wrapper, 1);
	assert_int_equal(image.count, 1);
	assert_ptr_equal(image.piece[0].data, fat.data);
	image_close(&image);

	w.version = 2;
	w.pieces = list;
	assert_int_equal(image_open(&image, &w), 0);
	assert_int_equal(image.wrapper, 2);
	assert_int_equal(image.count, 3);
	assert_ptr_equal(image.piece[0].data, fat.data);
	assert_int_equal(image.piece[1].kind, IMAGE_CUBIN);
	assert_int_equal(image.piece[1].size, elf.size);
	assert_int_equal(image.piece[2].kind, IMAGE_PTX);
	image_close(&image);

	list[0] = NULL;
	assert_int_equal(image_open(&image, &w), 0);
	assert_int_equal(image.count, 1);
	image_close(&image);

	list[0] = "\x01not an image";
	assert_int_equal(image_open(&image, &w), -EINVAL);
	list[0] = (void *)16;
	assert_int_equal(image_open(&image, &w), -EFAULT);
	w.pieces = (void *)(fat.map + fat.mapped - PAGE);
	assert_int_equal(image_open(&image, &w), -EFAULT);
	w.version = 3;
	assert_int_equal(image_open(&image, &w), -EINVAL);
	w.version = 1;
	w.data = &w; /* wrappers do not nest */
	assert_int_equal(image_open(&image, &w), -EINVAL);
	w.data = NULL;
	assert_int_equal(image_open(&image, &w), -EINVAL);
	guarded_free(&fat);
	guarded_free(&elf);
	guarded_free(&ptx);
}

static void test_no_images(void **state)
{
	static const uint64_t zeros[16], ones[16] = { ~(uint64_t)0 };
	struct guarded text = guarded_make("open end", 8);
	struct guarded nul = guarded_make("x", 2);
	struct image image;

	assert_int_equal(image_open(&image, NULL), -EINVAL);
	assert_int_equal(image_open(&image, (void *)8), -EFAULT);
	assert_int_equal(image_open(&image, (void *)0x7fffffffffff0000), -EFAULT);
	assert_int_equal(image_open(&image, (void *)-8), -EFAULT);
	assert_int_equal(image_open(&image, zeros), -EINVAL);
	assert_int_equal(image_open(&image, ones), -EINVAL);
	assert_int_equal(image_open(&image, "\x7f" "ELF of no kind that is known, long enough "
					    "for a header of 64 bytes"), -EINVAL);
	assert_int_equal(image_open(&image, text.data), -EFAULT);
	assert_int_equal(image_open(&image, text.data + 7), -EFAULT);
	assert_int_equal(image_open(&image, text.data + 8), -EFAULT);
	assert_int_equal(image_open(&image, nul.data), 0);
	assert_int_equal(image.piece[0].size, 2);
	image_close(&image);
	guarded_free(&text);
	guarded_free(&nul);
}

static const struct {
	const char *name;
	struct {
		unsigned count, size;
	} layout;
	struct param param[5];
} layouts[] = {
	{ "none", { 0, 0 }, { { 0 } } },
	{ "mixed", { 5, 36 }, { { 0, 1 }, { 8, 8 }, { 16, 2 }, { 24, 8 }, { 32, 4 } } },
	{ "structs", { 4, 4032 }, { { 0, 4000 }, { 4000, 4 }, { 4008, 16 }, { 4024, 8 } } },
	{ "wide", { 3, 24016 }, { { 0, 24000 }, { 24000, 4 }, { 24008, 8 } } },
	{ "device_call", { 2, 12 }, { { 0, 8 }, { 8, 4 } } },
	{ "_Z9templatedIiEvPT_S0_", { 2, 12 }, { { 0, 8 }, { 8, 4 } } },
	{ "_Z9templatedIdEvPT_S0_", { 2, 16 }, { { 0, 8 }, { 8, 8 } } },
};

enum { KERNELS = sizeof(layouts) / sizeof(*layouts) };

static void check_layout(const char *name, const struct param_layout *l)
{
	for (int i = 0; i < KERNELS; i++) {
		if (strcmp(layouts[i].name, name) != 0)
			continue;
		assert_int_equal(l->count, layouts[i].layout.count);
		assert_int_equal(l->size, layouts[i].layout.size);
		assert_memory_equal(l->param, layouts[i].param, l->count * sizeof(*l->param));
		return;
	}
	fail_msg("kernel %s is not expected", name);
}

static int count_kernel(void *user, const char *name, const struct param_layout *l)
{
	check_layout(name, l);
	++*(int *)user;
	return 0;
}

static int stop_kernel(void *user, const char *name, const struct param_layout *l)
{
	return 5;
}

static void check_code(const struct code *code)
{
	struct param_layout *l;
	int count = 0;

	for (int i = 0; i < KERNELS; i++) {
		assert_int_equal(code_layout(code, layouts[i].name, &l), 0);
		check_layout(layouts[i].name, l);
		free(l);
	}
	assert_int_equal(code_layout(code, "_Z6squarei", &l), -ENOENT);
	assert_int_equal(code_layout(code, "", &l), -ENOENT);
	assert_int_equal(code_each_kernel(code, count_kernel, &count), 0);
	assert_int_equal(count, KERNELS);
	assert_int_equal(code_each_kernel(code, stop_kernel, NULL), 5);
}

static void check_choice(const char *file, unsigned arch, enum image_kind kind)
{
	struct guarded g = file_read(file, strstr(file, ".ptx"));
	struct image image;
	struct code code;
	int err;

	assert_int_equal(image_open(&image, g.data), 0);
	assert_int_equal(image_has_cubin(&image, arch), kind == IMAGE_CUBIN);
	err = image_code(&image, arch, &code);
	if (err == -ENOTSUP) {
		print_message("no zstd on this machine\n");
	} else if (kind == 0) {
		assert_int_equal(err, -ENOENT);
	} else {
		assert_int_equal(err, 0);
		assert_int_equal(code.kind, kind);
		check_code(&code);
		code_close(&code);
	}
	image_close(&image);
	guarded_free(&g);
}

static void test_choice(void **state)
{
	static const char *const fat[] = { "kernels.lz4.fatbin", "kernels.zstd.fatbin" };

	for (int i = 0; i < 2; i++) {
		check_choice(fat[i], 70, 0);
		check_choice(fat[i], 75, IMAGE_CUBIN);
		check_choice(fat[i], 80, IMAGE_PTX);
		check_choice(fat[i], 90, IMAGE_CUBIN);
		check_choice(fat[i], 100, IMAGE_PTX);
	}
	check_choice("kernels.sm90.cubin", 90, IMAGE_CUBIN);
	check_choice("kernels.sm90.cubin", 89, 0);
	check_choice("kernels.sm90.cubin", 100, 0);
	check_choice("kernels.ptx", 75, IMAGE_PTX);
}

static void check_ptx(const char *text, int want, unsigned count, unsigned size)
{
	struct code code = { IMAGE_PTX, (const uint8_t *)text, strlen(text), NULL };
	struct param_layout *l = NULL;
	int err = code_layout(&code, "k", &l);

	assert_int_equal(err, want);
	if (err == 0) {
		assert_int_equal(l->count, count);
		assert_int_equal(l->size, size);
		free(l);
	}
}

static void test_ptx(void **state)
{
	check_ptx(".entry k{ret;}", 0, 0, 0);
	check_ptx(".visible .entry k ( ) { ret; }", 0, 0, 0);
	check_ptx(
		".entry kk(.param .u64 a) {} .weak .entry k(.param.u8 a,.param.u64 b){}", 0, 2, 16);
	check_ptx(
		"// .entry k(.param .u32 a)\n/* .entry k() */.entry/**/k(.param .u64 a)", 0, 1, 8);
	check_ptx(".file 1 \".entry k(.param .u16 a)\"\n.entry k(.param .u64 a)", 0, 1, 8);
	/* The alignment after .ptr is the pointee's. */
	check_ptx(".entry k(.param .u32 n, .param .u64 .ptr .global .align 1 p)", 0, 2, 16);
	check_ptx(".entry k(.param .u8 n, .param .align 4 .b8 s[6][2], .param .b16 e)", 0, 3, 18);
	check_ptx(".entry k(.param .u32 n, .param .v4 .f32 v, .param .f16x2 h)", 0, 3, 36);
	check_ptx(".entry k(.param .u32 n, .param .texref t, .param .b128 q)", 0, 3, 32);
	check_ptx(".entry k(.param .align 0x10 .b8 s[32748], .param .u64 p)", 0, 2, 32760);
	check_ptx(".entry k(.param .align 4 .b8 s[32760], .param .u64 p)", -EINVAL, 0, 0);
	check_ptx(".entry k(.param .b8 s[4294967295])", -EINVAL, 0, 0);
	check_ptx(".entry k(.param .b64 s[30000][30000][30000])", -EINVAL, 0, 0);
	check_ptx(".entry k(.param .align 3 .b8 s[3])", -EINVAL, 0, 0);
	check_ptx(".entry k(.param .pred p)", -EINVAL, 0, 0);
	check_ptx(".entry k(.param .u64 a, ", -EINVAL, 0, 0);
	check_ptx(".entry k(.param", -EINVAL, 0, 0);
	check_ptx(".entry k(", -EINVAL, 0, 0);
	check_ptx(".entry k", 0, 0, 0);
	check_ptx(".entry", -ENOENT, 0, 0);
	check_ptx(".entry j /*", -ENOENT, 0, 0);
	check_ptx("", -ENOENT, 0, 0);
}

/* Whatever comes of it, nothing outside the memory is read; results are only looked at. */
static int ignore_kernel(void *user, const char *name, const struct param_layout *l)
{
	unsigned end = 0;

	for (unsigned i = 0; i < l->count; i++) {
		assert_true(l->param[i].offset >= end);
		end = l->param[i].offset + l->param[i].size;
	}
	assert_true(end <= l->size && l->size <= PARAM_BYTES_MAX);
	return 0;
}

static void read_all(const void *p)
{
	struct param_layout *l;
	struct image image;
	struct code code;

	if (image_open(&image, p) < 0)
		return;
	for (unsigned arch = 75; arch <= 90; arch += 5) {
		image_has_cubin(&image, arch);
		if (image_code(&image, arch, &code) < 0)
			continue;
		code_each_kernel(&code, ignore_kernel, NULL);
		if (code_layout(&code, "mixed", &l) == 0)
			free(l);
		code_close(&code);
	}
	image_close(&image);
}

static void test_truncated(void **state)
{
	for (int i = 0; i < FILES; i++) {
		struct guarded g = file_read(image_files[i].name, image_files[i].kind == IMAGE_PTX);
		size_t step = g.size > 10000 ? 61 : 1;

		for (size_t size = 1; size < g.size; size += step) {
			struct guarded cut = guarded_make(g.data, size);
			struct image image;

			assert_true(image_open(&image, cut.data) < 0);
			guarded_free(&cut);
		}
		guarded_free(&g);
	}
}

/* A part of the code of known size: what a fat binary's entry or a lying header leaves. */
static void test_truncated_code(void **state)
{
	for (int i = 0; i < FILES; i++) {
		struct guarded g = file_read(image_files[i].name, false);

		if (image_files[i].kind == IMAGE_FATBIN) {
			guarded_free(&g);
			continue;
		}
		for (size_t size = 0; size < g.size; size += g.size > 10000 ? 61 : 1) {
			struct guarded cut = guarded_make(g.data, size);
			struct code code = { image_files[i].kind, cut.data, size, NULL };
			struct param_layout *l;

			code_each_kernel(&code, ignore_kernel, NULL);
			if (code_layout(&code, "wide", &l) == 0)
				free(l);
			guarded_free(&cut);
		}
		guarded_free(&g);
	}
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Headers lie at both ends and are altered most. */
static size_t random_place(uint32_t *seed, size_t size)
{
	size_t r = random_next(seed);

	switch (random_next(seed) % 4) {
	case 0:
		return r % (size < 128 ? size : 128);
	case 1:
		return size - 1 - r % (size < 4096 ? size : 4096);
	default:
		return r % size;
	}
}

static void test_altered(void **state)
{
	static const uint8_t value[] = { 0, 1, 0x7f, 0x80, 0xff };
	const char *rounds = getenv("IMAGE_TEST_ROUNDS");
	uint32_t seed = 1;

	for (int i = 0; i < FILES; i++) {
		struct guarded g = file_read(image_files[i].name, image_files[i].kind == IMAGE_PTX);
		struct guarded copy = guarded_make(g.data, g.size);

		for (int n = rounds ? atoi(rounds) : 1500; n > 0; n--) {
			unsigned changes = 1 + random_next(&seed) % 4;

			memcpy(copy.data, g.data, g.size);
			for (unsigned c = 0; c < changes; c++) {
				uint32_t r = random_next(&seed);
				size_t at = random_place(&seed, g.size);

				copy.data[at] = r & 1 ? value[r / 2 % sizeof(value)] : r >> 4;
			}
			read_all(copy.data);
		}
		guarded_free(&copy);
		guarded_free(&g);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),	  cmocka_unit_test(test_wrappers),
		cmocka_unit_test(test_no_images), cmocka_unit_test(test_choice),
		cmocka_unit_test(test_ptx),	  cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_truncated_code), cmocka_unit_test(test_altered),
	};

	folder = argc > 1 ? argv[1] : "images";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
