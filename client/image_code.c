/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which code of an image a GPU would run: the walk through a fat binary's entries,
 * the driver's rule of choice, and unpacking. Every field of an entry is checked
 * against what is left of the container before it is used; a damaged entry ends
 * the walk, since nothing after it can be found.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "image_format.h"

#define UNPACKED_MAX ((uint64_t)1 << 30)

struct entry {
	struct fatbin_entry head;
	const uint8_t *payload;
};

struct walk {
	const uint8_t *pos;
	const uint8_t *end;
};

static void walk_begin(struct walk *w, const struct image_piece *fatbin)
{
	struct fatbin_header h;

	memcpy(&h, fatbin->data, sizeof(h));
	w->end = fatbin->data + fatbin->size;
	w->pos = h.header_size <= fatbin->size ? fatbin->data + h.header_size : w->end;
}

static bool walk_next(struct walk *w, struct entry *out)
{
	size_t left = w->end - w->pos;
	struct fatbin_entry *h = &out->head;

	if (left < sizeof(*h))
		return false;
	memcpy(h, w->pos, sizeof(*h));
	if (h->header_size < sizeof(*h) || h->header_size > left ||
	    h->payload_size > left - h->header_size)
		return false;
	out->payload = w->pos + h->header_size;
	w->pos = out->payload + h->payload_size;
	return true;
}

/* Whether code for @arch runs on a GPU of capability @gpu, as a cubin or after compilation. */
static bool arch_fits(enum image_kind kind, unsigned arch, uint64_t flags, unsigned gpu)
{
	if (flags & FATBIN_SPECIFIC)
		return arch == gpu;
	if (arch > gpu)
		return false;
	return (kind == IMAGE_PTX && !(flags & FATBIN_FAMILY)) || arch / 10 == gpu / 10;
}

static enum image_kind entry_kind(const struct entry *e)
{
	if (e->head.kind == FATBIN_CUBIN)
		return IMAGE_CUBIN;
	return e->head.kind == FATBIN_PTX ? IMAGE_PTX : 0;
}

/* A cubin before PTX, then the nearest architecture. */
static bool entry_better(const struct entry *a, const struct entry *b)
{
	if (entry_kind(a) != entry_kind(b))
		return entry_kind(a) == IMAGE_CUBIN;
	return a->head.arch > b->head.arch;
}

static bool fatbin_choose(const struct image_piece *fatbin, unsigned gpu, struct entry *best)
{
	bool found = false;
	struct entry e;
	struct walk w;

	walk_begin(&w, fatbin);
	while (walk_next(&w, &e)) {
		enum image_kind kind = entry_kind(&e);

		if (!kind || !arch_fits(kind, e.head.arch, e.head.flags, gpu))
			continue;
		if (!found || entry_better(&e, best))
			*best = e;
		found = true;
	}
	return found;
}

static int entry_unpack(const struct entry *e, struct code *out)
{
	size_t room = e->head.unpacked_size, packed = e->head.packed_size;
	uint8_t *to;
	int err;

	if (room == 0 || room > UNPACKED_MAX || packed > e->head.payload_size)
		return -EINVAL;
	to = malloc(room);
	if (!to)
		return -ENOMEM;
	if (e->head.flags & FATBIN_LZ4)
		err = unpack_lz4(e->payload, packed, to, room);
	else
		err = unpack_zstd(e->payload, packed, to, room);
	if (err < 0) {
		free(to);
		return err;
	}
	*out = (struct code){ entry_kind(e), to, room, to };
	return 0;
}

static int entry_code(const struct entry *e, struct code *out)
{
	if (e->head.flags & (FATBIN_LZ4 | FATBIN_ZSTD))
		return entry_unpack(e, out);
	*out = (struct code){ entry_kind(e), e->payload, e->head.payload_size, NULL };
	return 0;
}

static bool cubin_fits(const struct image_piece *p, unsigned gpu)
{
	bool specific = false;
	unsigned arch = cubin_arch(p->data, p->size, &specific);

	return arch && arch_fits(IMAGE_CUBIN, arch, specific ? FATBIN_SPECIFIC : 0, gpu);
}

bool image_has_cubin(const struct image *image, unsigned arch)
{
	const struct image_piece *p = &image->piece[0];
	struct entry e;

	if (p->kind == IMAGE_CUBIN)
		return cubin_fits(p, arch);
	return p->kind == IMAGE_FATBIN && fatbin_choose(p, arch, &e) &&
	       entry_kind(&e) == IMAGE_CUBIN;
}

int image_code(const struct image *image, unsigned arch, struct code *out)
{
	const struct image_piece *p = &image->piece[0];
	struct entry e;

	if (p->kind == IMAGE_FATBIN)
		return fatbin_choose(p, arch, &e) ? entry_code(&e, out) : -ENOENT;
	if (p->kind == IMAGE_CUBIN && !cubin_fits(p, arch))
		return -ENOENT;
	*out = (struct code){ p->kind, p->data, p->size, NULL };
	return 0;
}

void code_close(struct code *code)
{
	free(code->unpacked);
	memset(code, 0, sizeof(*code));
}

int code_layout(const struct code *code, const char *kernel, struct param_layout **out)
{
	return code->kind == IMAGE_CUBIN ? cubin_layout(code, kernel, out) :
					   ptx_layout(code, kernel, out);
}

int code_each_kernel(const struct code *code, code_kernel *each, void *user)
{
	return code->kind == IMAGE_CUBIN ? cubin_each_kernel(code, each, user) :
					   ptx_each_kernel(code, each, user);
}
