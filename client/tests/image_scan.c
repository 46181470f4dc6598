/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the fat binaries inside real libraries and checks what image.c and its
 * neighbours rest on: the chain of entries ends where the container ends, a
 * cubin's computed length is its true one, and every kernel's parameters can be read.
 *   image_scan [-n CUBINS_PER_FILE] FILE...
 * Exit status 77 (skipped) when there is no file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "image_format.h"

struct counts {
	unsigned long containers, cubins, ptx, other, kernels, params, wrong;
};

static long cubins_max = 300;

static int count_kernel(void *user, const char *name, const struct param_layout *l)
{
	struct counts *n = user;
	unsigned end = l->count ? l->param[l->count - 1].offset + l->param[l->count - 1].size : 0;

	n->kernels++;
	n->params += l->count;
	if (end != l->size) {
		printf("  %s: parameters end at %u, stated %u\n", name, end, l->size);
		n->wrong++;
	}
	return 0;
}

/* Kernels whose layout is damaged would be left out: compare with the sections' count. */
static void check_code(struct counts *n, const struct code *code, size_t size)
{
	struct image image;

	if (code->kind == IMAGE_CUBIN) {
		if (image_open(&image, code->data) < 0 || image.piece[0].size > size ||
		    size - image.piece[0].size > 8) {
			printf("  a cubin of %zu bytes has the wrong length\n", size);
			n->wrong++;
		} else {
			image_close(&image);
		}
	}
	if (code_each_kernel(code, count_kernel, n) < 0) {
		printf("  a damaged cubin or PTX\n");
		n->wrong++;
	}
}

/* A container of its own around one entry. */
static void check_entry(struct counts *n, const struct fatbin_entry *e)
{
	struct fatbin_header h = { FATBIN_MAGIC, 1, sizeof(h), e->header_size + e->payload_size };
	uint8_t *box = malloc(sizeof(h) + h.body_size);
	struct image image;
	struct code code;
	int err;

	if (!box)
		abort();
	memcpy(box, &h, sizeof(h));
	memcpy(box + sizeof(h), e, h.body_size);
	err = image_open(&image, box);
	if (err == 0)
		err = image_code(&image, e->arch, &code);
	if (err == 0) {
		check_code(n, &code, code.size);
		code_close(&code);
	} else if (err != -ENOTSUP) {
		printf("  an entry (flags %#lx) cannot be read: %s\n", (long)e->flags,
		       strerror(-err));
		n->wrong++;
	}
	if (err == 0 || err == -ENOTSUP)
		image_close(&image);
	free(box);
}

static void check_container(struct counts *n, const uint8_t *p, const uint8_t *end)
{
	struct fatbin_entry e;

	for (p += sizeof(struct fatbin_header); (size_t)(end - p) >= sizeof(e);
	     p += e.header_size + e.payload_size) {
		memcpy(&e, p, sizeof(e));
		if (e.header_size < sizeof(e) || e.header_size + e.payload_size > (size_t)(end - p))
			break;
		if (e.kind == FATBIN_CUBIN)
			n->cubins++;
		else if (e.kind == FATBIN_PTX)
			n->ptx++;
		else
			n->other++;
		if (e.kind == FATBIN_CUBIN || e.kind == FATBIN_PTX)
			check_entry(n, (const struct fatbin_entry *)p);
	}
	if (p != end) {
		printf("  a chain of entries that does not end with its container\n");
		n->wrong++;
	}
}

static unsigned long scan(const char *path, const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size;
	struct counts n = { 0 };
	struct fatbin_header h;

	for (; (size_t)(end - p) > sizeof(h) && (long)n.cubins < cubins_max; p += 8) {
		memcpy(&h, p, sizeof(h));
		if (h.magic != FATBIN_MAGIC || h.version != 1 || h.header_size != sizeof(h) ||
		    h.body_size > (size_t)(end - p) - sizeof(h))
			continue;
		n.containers++;
		check_container(&n, p, p + sizeof(h) + h.body_size);
	}
	printf("%s: %lu containers, %lu cubins, %lu ptx, %lu other, %lu kernels, %lu parameters, "
	       "%lu wrong\n", path, n.containers, n.cubins, n.ptx, n.other, n.kernels, n.params,
	       n.wrong);
	return n.wrong;
}

/* 0 good, 1 wrong, -1 not there. */
static int scan_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	int result = -1;
	struct stat st;
	void *map;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0) {
		map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			result = scan(path, map, st.st_size) > 0;
			munmap(map, st.st_size);
		}
	}
	close(fd);
	return result;
}

int main(int argc, char **argv)
{
	int found = 0, wrong = 0, option;

	while ((option = getopt(argc, argv, "n:")) == 'n')
		cubins_max = atol(optarg);
	for (int i = optind; i < argc; i++) {
		int r = scan_file(argv[i]);

		found += r >= 0;
		wrong += r > 0;
	}
	if (!found) {
		printf("skipped: none of the libraries is there\n");
		return 77;
	}
	return wrong > 0;
}
