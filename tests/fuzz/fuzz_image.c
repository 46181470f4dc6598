/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code images as an application hands them over, without a size: the input ends
 * where readable memory ends, so that one byte read too far is a crash.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "image.h"

static const unsigned architectures[] = {75, 90};

static int look_at(void *user, const char *name, const struct param_layout *layout)
{
	size_t *bytes = user;

	*bytes += strlen(name);
	for (unsigned i = 0; i < layout->count; i++)
		*bytes += layout->param[i].size;
	return 0;
}

static void read_code(const struct image *image, unsigned architecture)
{
	struct code code;
	size_t bytes = 0;

	if (image_code(image, architecture, &code) < 0)
		return;
	code_each_kernel(&code, look_at, &bytes);
	code_close(&code);
}

static void read_image(const void *data)
{
	struct image image;

	if (image_open(&image, data) < 0)
		return;
	for (size_t i = 0; i < sizeof(architectures) / sizeof(*architectures); i++) {
		image_has_cubin(&image, architectures[i]);
		read_code(&image, architectures[i]);
	}
	image_close(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + 8 + page - 1) / page * page;
	uint8_t *map, *start;

	/* Where cudart's wrapper would point anywhere, its pointers are the application's own
	 * affair. */
	if (size >= 4 && !memcmp(data, "\xb1\x43\x62\x46", 4))
		return 0;
	map = mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return 0;
	mprotect(map + pages, page, PROT_NONE);
	start = map + ((pages - size) & ~(size_t)7);
	memcpy(start, data, size);
	read_image(start);
	munmap(map, pages + page);
	return 0;
}
