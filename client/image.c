/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image is and how long, from a bare pointer. Headers are copied out only
 * after asking the kernel whether their page can be read; lengths that come from
 * them are checked for overflow and against the memory map before they are
 * believed. Holds no state.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "image.h"
#include "image_format.h"

enum {
	PAGE = 4096,
	PIECES_MAX = 1 << 16,
	SECTIONS_MAX = 1 << 24,
};

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* of newer headers than the build may have */
#endif

#define IMAGE_MAX ((uint64_t)1 << 32) /* bytes; keeps all sums far from overflow */
#define TEXT_MAX ((size_t)256 << 20)

/*
 * sigprocmask reads the new mask before it looks at what to do with it: with an impossible
 * operation it changes nothing, and EFAULT tells an unreadable address.
 */
static bool word_readable(uintptr_t address)
{
	int saved = errno;
	bool readable;

	readable = syscall(SYS_rt_sigprocmask, -1, address & ~(uintptr_t)7, NULL, 8) == 0 ||
		   errno != EFAULT;
	errno = saved;
	return readable;
}

/*
 * Page by page is slow for large images. A length that reaches into unmapped memory is found
 * by msync, which only walks the map; else one call makes all pages present, as reading the
 * image would. Where that is not known (before Linux 5.14) or fails, each page is asked for.
 */
static bool pages_readable(uintptr_t first, size_t size)
{
	int saved = errno, err;

	err = msync((void *)first, size, MS_ASYNC);
	if (err < 0 && errno == ENOMEM) {
		errno = saved;
		return false;
	}
	err = madvise((void *)first, size, MADV_POPULATE_READ);
	errno = saved;
	for (size_t at = 0; err < 0 && at < size; at += PAGE)
		if (!word_readable(first + at))
			return false;
	return true;
}

static bool readable(const void *p, size_t size)
{
	uintptr_t start = (uintptr_t)p, last = start + size - 1;
	uintptr_t first = start & ~(uintptr_t)(PAGE - 1);

	if (size == 0)
		return true;
	if (last < start || last > INTPTR_MAX || !word_readable(start))
		return false;
	if (last - first < PAGE)
		return true;
	return word_readable(last) && pages_readable(first, last + 1 - first);
}

static int copy_from(void *out, const void *p, size_t size)
{
	if (!readable(p, size))
		return -EFAULT;
	memcpy(out, p, size);
	return 0;
}

static int fatbin_length(const uint8_t *p, size_t *out)
{
	struct fatbin_header h;
	int err;

	err = copy_from(&h, p, sizeof(h));
	if (err < 0)
		return err;
	if (h.version != 1 || h.header_size < sizeof(h) || h.body_size > IMAGE_MAX)
		return -EINVAL;
	*out = h.header_size + h.body_size;
	return 0;
}

/* The ELF rule for more sections than the header's field can say. */
static int section_count(const uint8_t *p, const Elf64_Ehdr *h, uint64_t *out)
{
	Elf64_Shdr first;

	*out = h->e_shnum;
	if (h->e_shnum || !h->e_shoff)
		return 0;
	if (!readable(p, h->e_shoff + sizeof(first)))
		return -EFAULT;
	memcpy(&first, p + h->e_shoff, sizeof(first));
	*out = first.sh_size;
	return *out > SECTIONS_MAX ? -EINVAL : 0;
}

static void grow(size_t *end, uint64_t to)
{
	if (to > *end)
		*end = to;
}

/* The end of the last section that has bytes in the file. */
static int sections_end(const uint8_t *table, uint64_t count, size_t *end)
{
	for (uint64_t i = 0; i < count; i++) {
		Elf64_Shdr s;

		memcpy(&s, table + i * sizeof(s), sizeof(s));
		if (s.sh_type == SHT_NOBITS || s.sh_type == SHT_CUDA_SHARED)
			continue;
		if (s.sh_offset > IMAGE_MAX || s.sh_size > IMAGE_MAX)
			return -EINVAL;
		grow(end, s.sh_offset + s.sh_size);
	}
	return 0;
}

static int cubin_length(const uint8_t *p, size_t *out)
{
	size_t end = sizeof(Elf64_Ehdr);
	uint64_t sections;
	Elf64_Ehdr h;
	int err;

	err = copy_from(&h, p, sizeof(h));
	if (err < 0)
		return err;
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_CUDA ||
	    h.e_phoff > IMAGE_MAX || h.e_shoff > IMAGE_MAX)
		return -EINVAL;
	if (h.e_shoff && h.e_shentsize != sizeof(Elf64_Shdr))
		return -EINVAL;
	err = section_count(p, &h, &sections);
	if (err < 0)
		return err;
	grow(&end, h.e_phoff + (uint64_t)h.e_phnum * h.e_phentsize);
	grow(&end, h.e_shoff + sections * sizeof(Elf64_Shdr));
	/* From the image's start: what lies behind a gap is no part of it. */
	if (!readable(p, end))
		return -EFAULT;
	err = sections_end(p + h.e_shoff, sections, &end);
	if (err < 0)
		return err;
	*out = end;
	return 0;
}

/* Up to the NUL and with it, page by page. */
static int text_length(const uint8_t *p, size_t *out)
{
	size_t size = 0;

	while (size < TEXT_MAX) {
		size_t left = PAGE - ((uintptr_t)(p + size) & (PAGE - 1));
		const uint8_t *end;

		if (!word_readable((uintptr_t)(p + size)))
			return -EFAULT;
		end = memchr(p + size, 0, left);
		if (end) {
			*out = end - p + 1;
			return 0;
		}
		size += left;
	}
	return -EINVAL;
}

static bool is_text(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t';
}

/* What the first bytes say; text may be shorter than a magic number and end with its page. */
static int piece_kind(const uint8_t *p, enum image_kind *out)
{
	uint32_t magic = 0;

	if (!readable(p, 1))
		return -EFAULT;
	copy_from(&magic, p, sizeof(magic));
	if (magic == FATBIN_MAGIC)
		*out = IMAGE_FATBIN;
	else if (magic == ELF_MAGIC)
		*out = IMAGE_CUBIN;
	else if (is_text(*p))
		*out = IMAGE_PTX;
	else
		return -EINVAL;
	return 0;
}

static int piece_open(struct image_piece *out, const void *p)
{
	struct image_piece piece = { .data = p };
	int err;

	err = piece_kind(p, &piece.kind);
	if (err < 0)
		return err;
	if (piece.kind == IMAGE_FATBIN)
		err = fatbin_length(p, &piece.size);
	else if (piece.kind == IMAGE_CUBIN)
		err = cubin_length(p, &piece.size);
	else
		err = text_length(p, &piece.size);
	if (err < 0)
		return err;
	if (!readable(p, piece.size))
		return -EFAULT;
	*out = piece;
	return 0;
}

/* The unlinked pieces of a version 2 wrapper: a list of pointers that ends with NULL. */
static int pieces_count(const void *const *list, unsigned *out)
{
	for (unsigned n = 0; n < PIECES_MAX; n++) {
		const void *piece;
		int err = copy_from(&piece, list + n, sizeof(piece));

		if (err < 0)
			return err;
		if (!piece) {
			*out = n;
			return 0;
		}
	}
	return -EINVAL;
}

static int pieces_open(struct image *image, const void *const *list)
{
	unsigned count = 0;
	int err;

	err = pieces_count(list, &count);
	if (err < 0 || count == 0)
		return err;
	image->piece = calloc(count + 1, sizeof(*image->piece));
	if (!image->piece)
		return -ENOMEM;
	image->piece[0] = image->first;
	for (unsigned i = 0; i < count && err == 0; i++)
		err = piece_open(&image->piece[1 + i], list[i]);
	if (err < 0) {
		free(image->piece);
		return err;
	}
	image->count = count + 1;
	return 0;
}

static int wrapper_open(struct image *image, const struct fatbin_wrapper *w)
{
	int err;

	if ((w->version != 1 && w->version != 2) || !w->data)
		return -EINVAL;
	err = piece_open(&image->first, w->data);
	if (err < 0)
		return err;
	image->wrapper = w->version;
	image->count = 1;
	image->piece = &image->first;
	if (w->version == 2 && w->pieces)
		return pieces_open(image, w->pieces);
	return 0; /* version 1 has a file name there */
}

int image_open(struct image *out, const void *p)
{
	struct image image = { .count = 1 };
	struct fatbin_wrapper w;
	uint32_t magic = 0;
	int err;

	if (!p)
		return -EINVAL;
	err = copy_from(&magic, p, sizeof(magic));
	if (err == 0 && magic == WRAPPER_MAGIC) {
		err = copy_from(&w, p, sizeof(w));
		if (err == 0)
			err = wrapper_open(&image, &w);
	} else {
		err = piece_open(&image.first, p);
	}
	if (err < 0)
		return err;
	*out = image;
	if (out->count == 1)
		out->piece = &out->first;
	return 0;
}

void image_close(struct image *image)
{
	if (image->piece != &image->first)
		free(image->piece);
	memset(image, 0, sizeof(*image));
}
