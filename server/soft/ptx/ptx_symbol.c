/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and the scopes they are known in, labels that are used before they are
 * defined, and the parser's memory. Symbols live in the module's arena; a
 * scope that closes takes its names out of the table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_parser.h"

int parser_grow(struct parser *p, void **array, uint32_t *capacity, uint32_t count, size_t size)
{
	uint32_t wanted = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return 0;
	if (p->err)
		return p->err;
	grown = wanted > 1u << 28 ? NULL : realloc(*array, wanted * size);
	if (!grown) {
		p->err = -ENOMEM;
		p->token.kind = TOKEN_END;
		return p->err;
	}
	memset((char *)grown + *capacity * size, 0, (wanted - *capacity) * size);
	*array = grown;
	*capacity = wanted;
	return 0;
}

void *parser_get(struct parser *p, size_t size)
{
	void *memory = p->err ? NULL : arena_get(p->m, size);

	if (!memory && !p->err) {
		p->err = -ENOMEM;
		p->token.kind = TOKEN_END;
	}
	return memory;
}

char *parser_copy(struct parser *p, struct text t)
{
	char *s = parser_get(p, t.size + 1);

	if (s)
		memcpy(s, t.at, t.size);
	return s;
}

static unsigned hash(struct text t)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < t.size; i++)
		h = (h ^ (unsigned char)t.at[i]) * 16777619u;
	return (h ^ h >> 15) % SYMBOL_BUCKETS;
}

struct symbol *symbol_find(struct parser *p, struct text name)
{
	struct symbol *s;

	for (s = p->buckets[hash(name)]; s; s = s->next)
		if (text_equal(s->name, name))
			return s;
	return NULL;
}

struct symbol *symbol_add(struct parser *p, struct text name, enum symbol_kind kind)
{
	struct symbol **bucket = &p->buckets[hash(name)];
	struct symbol *s;

	for (s = *bucket; s && s->depth == p->depth; s = s->next) {
		if (text_equal(s->name, name)) {
			parse_error(p, "'%.*s' is defined twice", (int)name.size, name.at);
			return NULL;
		}
	}
	s = parser_get(p, sizeof(*s));
	if (!s)
		return NULL;
	s->name = name;
	s->kind = kind;
	s->depth = p->depth;
	s->next = *bucket;
	s->older = p->newest;
	*bucket = p->newest = s;
	return s;
}

struct symbol *symbol_find_register(struct parser *p, struct text name, uint32_t *number)
{
	struct symbol *s = symbol_find(p, name);
	struct text family = name;
	uint64_t n = 0, scale = 1;

	*number = 0;
	if (s)
		return s->kind == SYMBOL_REGISTER && !s->count ? s : NULL;
	while (family.size && scale <= 1000000000 && family.at[family.size - 1] >= '0' &&
	       family.at[family.size - 1] <= '9') {
		n += scale * (uint64_t)(family.at[--family.size] - '0');
		scale *= 10;
		s = symbol_find(p, family);
		if (s && s->kind == SYMBOL_REGISTER && n < s->count) {
			*number = (uint32_t)n;
			return s;
		}
	}
	return NULL;
}

void scope_open(struct parser *p)
{
	p->depth++;
}

void scope_close(struct parser *p)
{
	while (p->newest && p->newest->depth == p->depth) {
		struct symbol *s = p->newest;

		p->buckets[hash(s->name)] = s->next;
		p->newest = s->older;
	}
	p->depth--;
}

void fixup_add(struct parser *p, struct fixup f)
{
	f.resolved = UINT32_MAX;
	if (!parser_grow(p, (void **)&p->fixups, &p->fixup_capacity, p->fixup_count, sizeof(f)))
		p->fixups[p->fixup_count++] = f;
}

/* The scope that is about to close knows its labels: resolve what names them. */
void fixups_close(struct parser *p, uint32_t first)
{
	for (uint32_t i = first; i < p->fixup_count; i++) {
		struct fixup *f = &p->fixups[i];
		struct symbol *s;

		if (f->resolved != UINT32_MAX || f->resolved_table)
			continue;
		s = symbol_find(p, f->label);
		if (!s || s->depth != p->depth)
			continue;
		if (f->kind == FIXUP_TABLE && s->kind == SYMBOL_TARGETS)
			f->resolved_table = s->table;
		else if (f->kind != FIXUP_TABLE && s->kind == SYMBOL_LABEL)
			f->resolved = s->first;
	}
}

/* The function is complete and its code lies where it stays. */
void fixups_finish(struct parser *p)
{
	for (uint32_t i = 0; i < p->fixup_count && !p->err; i++) {
		struct fixup *f = &p->fixups[i];

		if (f->resolved == UINT32_MAX && !f->resolved_table)
			parse_error_at(p, f->line, "label '%.*s' is not defined",
				(int)f->label.size, f->label.at);
		else if (f->kind == FIXUP_TARGET)
			p->f->code[f->insn].target = p->f->code + f->resolved;
		else if (f->kind == FIXUP_TABLE)
			p->f->code[f->insn].table = f->resolved_table;
		else
			f->table->targets[f->entry] = p->f->code + f->resolved;
	}
	p->fixup_count = 0;
}
