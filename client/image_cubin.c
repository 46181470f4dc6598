/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels and their parameter layouts from a cubin: an ELF file in which section
 * .nv.info.KERNEL lists a kernel's attributes. Only memory inside [data, data +
 * size) is read, whatever the headers say.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "image_format.h"

enum {
	ABI_CUDA_13 = 8,	/* e_ident[EI_ABIVERSION] from which the flags moved */
	STO_CUDA_ENTRY = 0x10,	/* st_other: a kernel, not a device function */
	INFO_SIZED = 4,		/* record format: the value is a payload's size */
	INFO_PARAM_CBANK = 0x0a,
	INFO_KPARAM = 0x17,
	INFO_PARAM_SIZE = 0x19,
	INFO_KPARAM_WIDE = 0x45,
	KPARAM_BYTES = 12,
	PARAMS_MAX = PARAM_BYTES_MAX, /* each has a byte at least */
};

#define INFO_PREFIX ".nv.info."

struct elf {
	const uint8_t *data;
	size_t size;
	const uint8_t *sections;
	size_t count;
	const char *names;
	size_t names_size;
};

static bool elf_inside(const struct elf *e, uint64_t offset, uint64_t size)
{
	return offset <= e->size && size <= e->size - offset;
}

static Elf64_Shdr elf_section(const struct elf *e, size_t i)
{
	Elf64_Shdr s;

	memcpy(&s, e->sections + i * sizeof(s), sizeof(s));
	return s;
}

static int elf_names(struct elf *e, uint32_t index)
{
	Elf64_Shdr s;

	if (index == SHN_XINDEX && e->count)
		index = elf_section(e, 0).sh_link;
	if (index >= e->count)
		return -EINVAL;
	s = elf_section(e, index);
	if (!elf_inside(e, s.sh_offset, s.sh_size))
		return -EINVAL;
	e->names = (const char *)e->data + s.sh_offset;
	e->names_size = s.sh_size;
	return 0;
}

static int elf_open(struct elf *e, const uint8_t *data, size_t size)
{
	Elf64_Ehdr h;

	*e = (struct elf){ .data = data, .size = size };
	if (size < sizeof(h))
		return -EINVAL;
	memcpy(&h, data, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shoff == 0 ||
	    !elf_inside(e, h.e_shoff, sizeof(Elf64_Shdr)))
		return -EINVAL;
	e->sections = data + h.e_shoff;
	e->count = h.e_shnum ? h.e_shnum : elf_section(e, 0).sh_size;
	if (e->count > (size - h.e_shoff) / sizeof(Elf64_Shdr))
		return -EINVAL;
	return elf_names(e, h.e_shstrndx);
}

/* NULL when the name does not end inside the table. */
static const char *elf_name(const struct elf *e, uint32_t offset)
{
	if (offset >= e->names_size || !memchr(e->names + offset, 0, e->names_size - offset))
		return NULL;
	return e->names + offset;
}

unsigned cubin_arch(const uint8_t *data, size_t size, bool *specific)
{
	Elf64_Ehdr h;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	if (h.e_ident[EI_ABIVERSION] >= ABI_CUDA_13) {
		*specific = h.e_flags & 0x8;
		return h.e_flags >> 8 & 0xff;
	}
	*specific = h.e_flags & 0x800;
	return h.e_flags & 0xff;
}

struct record {
	uint8_t format;
	uint8_t attribute;
	uint16_t value; /* the datum, or its size when the format is INFO_SIZED */
	const uint8_t *payload;
};

struct info {
	const uint8_t *pos;
	const uint8_t *end;
};

/* 1: *r is filled; 0: the end; -EINVAL: a record reaches past it. */
static int info_next(struct info *i, struct record *r)
{
	size_t left = i->end - i->pos;

	if (left < 4)
		return left ? -EINVAL : 0;
	r->format = i->pos[0];
	r->attribute = i->pos[1];
	memcpy(&r->value, i->pos + 2, sizeof(r->value));
	r->payload = i->pos + 4;
	i->pos += 4;
	if (r->format != INFO_SIZED)
		return 1;
	if (r->value > left - 4)
		return -EINVAL;
	i->pos += r->value;
	return 1;
}

static bool is_param(const struct record *r)
{
	return r->format == INFO_SIZED && r->value >= KPARAM_BYTES &&
	       (r->attribute == INFO_KPARAM || r->attribute == INFO_KPARAM_WIDE);
}

/* How many parameters the records list, and how large they say the buffer is. */
static int info_count(struct info i, unsigned *count, unsigned *size)
{
	struct record r;
	uint16_t total;
	int more;

	*count = *size = 0;
	while ((more = info_next(&i, &r)) > 0) {
		if (is_param(&r)) {
			++*count;
		} else if (r.attribute == INFO_PARAM_SIZE && r.format != INFO_SIZED) {
			*size = r.value;
		} else if (r.attribute == INFO_PARAM_CBANK && r.format == INFO_SIZED &&
			   r.value >= 8) {
			memcpy(&total, r.payload + 6, sizeof(total));
			*size = total;
		}
	}
	if (more < 0 || *count > PARAMS_MAX || *size > PARAM_BYTES_MAX)
		return -EINVAL;
	return 0;
}

static int info_fill(struct info i, struct param_layout *l)
{
	struct record r;

	while (info_next(&i, &r) > 0) {
		uint16_t ordinal, offset;
		uint32_t last, size;

		if (!is_param(&r))
			continue;
		memcpy(&ordinal, r.payload + 4, sizeof(ordinal));
		memcpy(&offset, r.payload + 6, sizeof(offset));
		memcpy(&last, r.payload + 8, sizeof(last));
		size = r.attribute == INFO_KPARAM ? last >> 18 : last & 0xffff;
		if (ordinal >= l->count || size == 0 || l->param[ordinal].size)
			return -EINVAL;
		l->param[ordinal] = (struct param){ offset, size };
	}
	return 0;
}

/* Every parameter is there, after the one before it, and inside the buffer. */
static int layout_check(const struct param_layout *l)
{
	unsigned end = 0;

	for (unsigned i = 0; i < l->count; i++) {
		const struct param *p = &l->param[i];

		if (p->size == 0 || p->offset < end)
			return -EINVAL;
		end = p->offset + p->size;
	}
	return end <= l->size ? 0 : -EINVAL;
}

static int layout_read(const struct elf *e, const Elf64_Shdr *s, struct param_layout **out)
{
	struct param_layout *l;
	unsigned count, size;
	struct info i;
	int err;

	if (!elf_inside(e, s->sh_offset, s->sh_size))
		return -EINVAL;
	i.pos = e->data + s->sh_offset;
	i.end = i.pos + s->sh_size;
	err = info_count(i, &count, &size);
	if (err < 0)
		return err;
	l = calloc(1, sizeof(*l) + count * sizeof(l->param[0]));
	if (!l)
		return -ENOMEM;
	l->count = count;
	l->size = size;
	err = info_fill(i, l);
	if (err == 0)
		err = layout_check(l);
	if (err < 0) {
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

/* The name of the function whose attributes section @s holds; NULL: another kind of section. */
static const char *info_function(const struct elf *e, const Elf64_Shdr *s)
{
	const char *name = elf_name(e, s->sh_name);

	if (!name || strncmp(name, INFO_PREFIX, strlen(INFO_PREFIX)) != 0)
		return NULL;
	return name + strlen(INFO_PREFIX);
}

int cubin_layout(const struct code *code, const char *kernel, struct param_layout **out)
{
	struct elf e;
	int err;

	err = elf_open(&e, code->data, code->size);
	if (err < 0)
		return err;
	for (size_t i = 0; i < e.count; i++) {
		Elf64_Shdr s = elf_section(&e, i);
		const char *name = info_function(&e, &s);

		if (name && strcmp(name, kernel) == 0)
			return layout_read(&e, &s, out);
	}
	return -ENOENT;
}

/* Mark the sections of code that a kernel's symbol lies in. */
static void mark_symbols(const struct elf *e, const Elf64_Shdr *table, bool *kernel)
{
	const uint8_t *p;

	if (!elf_inside(e, table->sh_offset, table->sh_size))
		return;
	p = e->data + table->sh_offset;
	for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym s;

		memcpy(&s, p + i * sizeof(s), sizeof(s));
		if (ELF64_ST_TYPE(s.st_info) == STT_FUNC && s.st_other & STO_CUDA_ENTRY &&
		    s.st_shndx < e->count)
			kernel[s.st_shndx] = true;
	}
}

static bool *elf_kernels(const struct elf *e)
{
	bool *kernel = calloc(e->count, sizeof(*kernel));

	for (size_t i = 0; kernel && i < e->count; i++) {
		Elf64_Shdr s = elf_section(e, i);

		if (s.sh_type == SHT_SYMTAB)
			mark_symbols(e, &s, kernel);
	}
	return kernel;
}

int cubin_each_kernel(const struct code *code, code_kernel *each, void *user)
{
	bool *kernel;
	struct elf e;
	int err;

	err = elf_open(&e, code->data, code->size);
	if (err < 0)
		return err;
	kernel = elf_kernels(&e);
	if (!kernel)
		return -ENOMEM;
	for (size_t i = 0; i < e.count && err == 0; i++) {
		Elf64_Shdr s = elf_section(&e, i);
		const char *name = info_function(&e, &s);
		struct param_layout *layout;

		if (!name || s.sh_info >= e.count || !kernel[s.sh_info] ||
		    layout_read(&e, &s, &layout) < 0)
			continue;
		err = each(user, name, layout);
		free(layout);
	}
	free(kernel);
	return err;
}
