/* SPDX-License-Identifier: Apache-2.0 */
/* Images that say to be one thing and are another: the driver goes by the first bytes, and follows
 * the lengths and pointers that it finds behind them. And more images
 * than anybody would announce. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image.h"
#include "server_calls.h"

static _Alignas(8) uint8_t bytes[4096];
static struct image image;

/* As the driver finds it: zeros follow. */
static void put(const void *data, size_t size)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, data, size);
	image = (struct image){.size = size, .bytes = bytes};
}

/* What cudart passes, whose pointer would be one of this process. */
static void put_wrapper(void)
{
	const struct {
		uint32_t magic, version;
		const void *data, *unused;
	} wrapper = {0x466243b1, 1, bytes, NULL};

	put(&wrapper, sizeof(wrapper));
}

static void put_fatbin(uint64_t body)
{
	const struct {
		uint32_t magic;
		uint16_t version, header;
		uint64_t body;
	} head = {0xba55ed50, 1, 16, body};

	put(&head, sizeof(head));
}

static void put_elf(uint64_t sections)
{
	Elf64_Ehdr head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64},
		.e_shoff = sizeof(head),
		.e_shnum = sections,
		.e_shentsize = sizeof(Elf64_Shdr)};

	put(&head, sizeof(head));
}

static void as_text(void **state)
{
	put_wrapper();
	assert_null(image_data(&image, IMAGE_PTX));
	put_fatbin(1 << 20);
	assert_null(image_data(&image, IMAGE_PTX));
	put_elf(100);
	assert_null(image_data(&image, IMAGE_PTX));
	put("\n.version 7.0", 13);
	assert_ptr_equal(image_data(&image, IMAGE_PTX), bytes);
	put("P", 1);
	assert_ptr_equal(image_data(&image, IMAGE_PTX), bytes);
}

static void for_the_linker(void **state)
{
	put_wrapper();
	assert_false(image_linkable(&image));
	put_fatbin(1);
	assert_false(image_linkable(&image));
	put_fatbin(0);
	assert_true(image_linkable(&image));
	put_elf(1);
	assert_false(image_linkable(&image));
	put_elf(0);
	assert_true(image_linkable(&image));
	put("//", 2);
	assert_true(image_linkable(&image));
}

/* Whether the driver would be given it. */
static bool is_good(enum image_kind kind)
{
	bool good = image_data(&image, kind) != NULL;

	free(image.wrapper);
	free(image.piece);
	return good;
}

/* A pack of a first piece of @size bytes, whose header says that @body follow, and a second. */
static bool pack(uint64_t size, uint64_t body, const char *second)
{
	const struct {
		uint32_t magic;
		uint16_t version, header;
		uint64_t body;
	} head = {0xba55ed50, 1, 16, body};
	uint64_t sizes[2] = {size, 8};
	uint32_t count = 2;

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &count, sizeof(count));
	memcpy(bytes + 8, sizes, sizeof(sizes));
	memcpy(bytes + 24, &head, sizeof(head));
	memcpy(bytes + 24 + size, second, strlen(second));
	image = (struct image){.size = 24 + size + 8, .bytes = bytes};
	return is_good(IMAGE_PACK);
}

static void pieces(void **state)
{
	assert_true(pack(32, 16, "// ptx"));
	/* The first goes on behind the end of all. */
	assert_false(pack(32, 40, "// ptx"));
	assert_false(pack(32, 17, "// ptx"));
	assert_false(pack(32, 16, "\xb1\x43\x62\x46\x01"));
	assert_false(pack(32, 16, "\x50\xed\x55\xba\x01"));
}

static CUresult announce(struct session *s, uint32_t thread)
{
	struct request q = {.session = s, .thread = thread};

	return server_image_begin(&q, 1, 0, (const uint8_t *)"/", 1);
}

static void by_many_threads(void **state)
{
	static struct session s;
	uint32_t thread = 0;

	assert_int_equal(images_create(&s), 0);
	while (thread < 10000 && !announce(&s, thread))
		thread++;
	assert_in_range(thread, 1000, 9999);
	/* Each has room for its next. */
	assert_int_equal(announce(&s, 7), CUDA_SUCCESS);
	assert_int_equal(announce(&s, thread), CUDA_ERROR_OUT_OF_MEMORY);
	images_destroy(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_text),
		cmocka_unit_test(for_the_linker),
		cmocka_unit_test(pieces),
		cmocka_unit_test(by_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
