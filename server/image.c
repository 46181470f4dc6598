/* SPDX-License-Identifier: Apache-2.0 */
/* See image.h. Forms: bare fat binary, cubin (ELF), PTX text, and packs of a version 2 wrapper. */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "bulk.h"
#include "copy.h"
#include "server_calls.h"

enum {
	IMAGE_PADDING = 64,
	IMAGE_PIECES_MAX = 4096,
	IMAGES_MAX = 4096, /* that wait or are being loaded: of so many threads at once */
	FATBIN_HEADER = 16,
	ALIGNMENT = 8,
};

#define FATBIN_MAGIC 0xba55ed50u
#define WRAPPER_MAGIC 0x466243b1u

struct wrapper {
	uint32_t magic, version;
	const void *data;
	const void **extra;
};

struct images {
	pthread_mutex_t lock;
	struct image *first;
	size_t bytes; /* of all that wait or are being loaded */
	unsigned count;
};

int images_create(struct session *s)
{
	s->images = calloc(1, sizeof(*s->images));
	return s->images ? -pthread_mutex_init(&s->images->lock, NULL) : -ENOMEM;
}

void image_free(struct session *s, struct image *image)
{
	if (!image)
		return;
	pthread_mutex_lock(&s->images->lock);
	s->images->bytes -= image->size;
	s->images->count--;
	pthread_mutex_unlock(&s->images->lock);
	free(image->bytes);
	free(image->wrapper);
	free(image->piece);
	free(image);
}

void images_destroy(struct session *s)
{
	while (s->images->first) {
		struct image *image = s->images->first;

		s->images->first = image->next;
		image_free(s, image);
	}
	pthread_mutex_destroy(&s->images->lock);
	free(s->images);
}

struct image *image_take(struct request *q)
{
	struct images *is = q->session->images;
	struct image **p, *image;

	pthread_mutex_lock(&is->lock);
	for (p = &is->first; *p && (*p)->thread != q->thread; p = &(*p)->next)
		;
	image = *p;
	if (image)
		*p = image->next;
	pthread_mutex_unlock(&is->lock);
	return image;
}

static struct image *image_new(struct request *q, size_t bytes)
{
	struct images *is = q->session->images;
	struct image *image;
	bool room;

	pthread_mutex_lock(&is->lock);
	room = bytes <= SESSION_IMAGE_BYTES - is->bytes && is->count < IMAGES_MAX;
	if (room) {
		is->bytes += bytes;
		is->count++;
	}
	pthread_mutex_unlock(&is->lock);
	image = room ? calloc(1, sizeof(*image)) : NULL;
	if (image)
		image->bytes = calloc(1, bytes + IMAGE_PADDING);
	if (image && image->bytes) {
		image->size = bytes;
		image->thread = q->thread;
		return image;
	}
	free(image);
	pthread_mutex_lock(&is->lock);
	is->bytes -= room ? bytes : 0;
	is->count -= room;
	pthread_mutex_unlock(&is->lock);
	return NULL;
}

CUresult server_image_begin(struct request *q, size_t bytes, uint64_t first_chunk,
	const uint8_t *data, size_t inline_bytes)
{
	struct session *s = q->session;
	struct image *image;

	if (inline_bytes ? inline_bytes != bytes : !bytes || bulk_announce(s, bytes) != first_chunk)
		session_fatal(s, CUDA_ERROR_INVALID_VALUE, "an image announces the wrong data");
	/* One that was announced and never loaded. */
	image_free(s, image_take(q));
	image = bytes ? image_new(q, bytes) : NULL;
	if (!inline_bytes) {
		copy_accept(q);
		copy_collect(q, first_chunk, bytes, image ? image->bytes : NULL);
	} else if (image) {
		memcpy(image->bytes, data, bytes);
	}
	if (!image)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&s->images->lock);
	image->next = s->images->first;
	s->images->first = image;
	pthread_mutex_unlock(&s->images->lock);
	return CUDA_SUCCESS;
}

static bool fatbin_fits(const uint8_t *p, size_t size)
{
	uint32_t magic;
	uint16_t header;
	uint64_t body;

	if (size < FATBIN_HEADER)
		return false;
	memcpy(&magic, p, sizeof(magic));
	memcpy(&header, p + 6, sizeof(header));
	memcpy(&body, p + 8, sizeof(body));
	return magic == FATBIN_MAGIC && header >= FATBIN_HEADER && header <= size &&
	       body <= size - header;
}

static bool table_fits(uint64_t offset, uint64_t count, uint64_t entry, size_t size)
{
	return offset <= size && count * entry <= size - offset;
}

static bool elf_fits(const uint8_t *p, size_t size)
{
	Elf64_Ehdr h;

	if (size < sizeof(h))
		return false;
	memcpy(&h, p, sizeof(h));
	return !memcmp(h.e_ident, ELFMAG, SELFMAG) && h.e_ident[EI_CLASS] == ELFCLASS64 &&
	       table_fits(h.e_phoff, h.e_phnum, h.e_phentsize, size) &&
	       table_fits(h.e_shoff, h.e_shnum, h.e_shentsize, size);
}

/* What the driver takes for PTX, and not for a form whose lengths or pointers it follows. */
static bool text_fits(const uint8_t *p, size_t size)
{
	uint32_t magic = 0;

	memcpy(&magic, p, size < sizeof(magic) ? size : sizeof(magic));
	return magic != FATBIN_MAGIC &&
	       ((*p >= ' ' && *p < 0x7f) || *p == '\n' || *p == '\r' || *p == '\t');
}

static bool piece_fits(const uint8_t *p, size_t size)
{
	return fatbin_fits(p, size) || elf_fits(p, size) ||
	       (text_fits(p, size) && memchr(p, '\0', size));
}

/* The wrapper that the pieces came from, made again around them. Each is copied so that it is
 * aligned and zeros follow it. */
static const void *pack_open(struct image *image)
{
	struct cursor in = {image->bytes, image->bytes + image->size, false};
	uint32_t count = get_u32(&in);
	const uint8_t *sizes, *at;
	struct wrapper *w;

	get_u32(&in);
	sizes = count && count <= IMAGE_PIECES_MAX ? get_bytes(&in, count * sizeof(uint64_t))
						   : NULL;
	image->piece = calloc((size_t)count % (IMAGE_PIECES_MAX + 1) + 1, sizeof(*image->piece));
	image->wrapper = w = calloc(1, sizeof(*w));
	if (!sizes || !image->piece || !w)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t size;

		memcpy(&size, sizes + i * sizeof(size), sizeof(size));
		at = size <= (size_t)(in.end - in.pos) ? get_bytes(&in, size) : NULL;
		if (!at || (uintptr_t)at % ALIGNMENT || !(i ? piece_fits : fatbin_fits)(at, size))
			return NULL;
		image->piece[i] = at;
	}
	*w = (struct wrapper){WRAPPER_MAGIC, 2, image->piece[0], image->piece + 1};
	return w;
}

const void *image_data(struct image *image, unsigned kind)
{
	switch (kind) {
	case IMAGE_FATBIN:
		return fatbin_fits(image->bytes, image->size) ? image->bytes : NULL;
	case IMAGE_CUBIN:
		return elf_fits(image->bytes, image->size) ? image->bytes : NULL;
	case IMAGE_PTX:
		return text_fits(image->bytes, image->size) ? image->bytes : NULL;
	case IMAGE_PACK:
		return pack_open(image);
	default:
		return NULL;
	}
}

bool image_linkable(const struct image *image)
{
	uint32_t magic = 0;

	memcpy(&magic, image->bytes, image->size < sizeof(magic) ? image->size : sizeof(magic));
	if (magic == FATBIN_MAGIC)
		return fatbin_fits(image->bytes, image->size);
	if (!memcmp(image->bytes, ELFMAG, SELFMAG))
		return elf_fits(image->bytes, image->size);
	return magic != WRAPPER_MAGIC;
}
