/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels and their parameter layouts from PTX text: the .param declarations of
 * each .entry. A parameter's size follows from its type, vector and array sizes,
 * its offset from the alignment. The text need not end with a NUL and may be
 * anything; what does not read as a parameter list is damaged.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "image_format.h"

struct token {
	const char *s;
	size_t n; /* 0: the end */
};

struct scanner {
	const char *pos;
	const char *end;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '%';
}

/* To the end of a comment that begins at pos, or false if none does. */
static bool skip_comment(struct scanner *s)
{
	const char *stop;

	if (s->end - s->pos < 2 || s->pos[0] != '/')
		return false;
	if (s->pos[1] == '/') {
		stop = memchr(s->pos, '\n', s->end - s->pos);
		s->pos = stop ? stop : s->end;
		return true;
	}
	if (s->pos[1] != '*')
		return false;
	stop = memmem(s->pos + 2, s->end - s->pos - 2, "*/", 2);
	s->pos = stop ? stop + 2 : s->end;
	return true;
}

static void skip_space(struct scanner *s)
{
	while (s->pos < s->end && (isspace((unsigned char)*s->pos) || skip_comment(s)))
		if (s->pos < s->end && isspace((unsigned char)*s->pos))
			s->pos++;
}

/* A word with the dot before it, a string, or one other character. */
static struct token next(struct scanner *s)
{
	struct token t;
	const char *stop;

	skip_space(s);
	t.s = s->pos;
	t.n = 0;
	if (s->pos == s->end || *s->pos == 0)
		return t;
	s->pos++;
	if (*t.s == '"') {
		stop = memchr(s->pos, '"', s->end - s->pos);
		s->pos = stop ? stop + 1 : s->end;
	} else if (*t.s == '.' || is_word(*t.s)) {
		while (s->pos < s->end && is_word(*s->pos))
			s->pos++;
	}
	t.n = s->pos - t.s;
	return t;
}

static bool is(struct token t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.s, word, t.n) == 0;
}

/* 0 when it is none, or far above any size that counts here. */
static unsigned number(struct token t)
{
	char digits[16], *end;
	unsigned long v;

	if (t.n == 0 || t.n >= sizeof(digits))
		return 0;
	memcpy(digits, t.s, t.n);
	digits[t.n] = 0;
	v = strtoul(digits, &end, 0);
	return v <= PARAM_BYTES_MAX ? v : 0;
}

/* Bytes of a fundamental type: the number in its name; texture and surface references have 8. */
static unsigned type_size(struct token t)
{
	unsigned bits;

	if (is(t, ".texref") || is(t, ".samplerref") || is(t, ".surfref"))
		return 8;
	if (is(t, ".f16x2") || is(t, ".bf16x2"))
		return 4;
	if (t.n > 5 && memcmp(t.s, ".bf", 3) == 0)
		bits = number((struct token){ t.s + 3, t.n - 3 });
	else if (t.n > 2 && memchr("busf", t.s[1], 4))
		bits = number((struct token){ t.s + 2, t.n - 2 });
	else
		return 0;
	return bits >= 8 && bits <= 128 && (bits & (bits - 1)) == 0 ? bits / 8 : 0;
}

static unsigned vector_length(struct token t)
{
	if (t.n != 3 || memcmp(t.s, ".v", 2) != 0)
		return 0;
	return number((struct token){ t.s + 2, 1 });
}

struct declaration {
	unsigned align; /* 0: that of the type */
	unsigned type;
	unsigned vector;
	unsigned elements;
	bool pointer; /* an .align that follows is the pointee's */
};

/* Read up to the ',' or ')' that ends the declaration, which is returned. */
static struct token declaration_read(struct scanner *s, struct declaration *d)
{
	struct token t;

	*d = (struct declaration){ .vector = 1, .elements = 1 };
	for (t = next(s); t.n && !is(t, ",") && !is(t, ")"); t = next(s)) {
		unsigned v;

		if (is(t, ".ptr")) {
			d->pointer = true;
		} else if (is(t, ".align")) {
			v = number(next(s));
			if (!d->pointer)
				d->align = v;
		} else if (is(t, "[")) {
			v = number(next(s));
			d->elements = v <= PARAM_BYTES_MAX / d->elements ? d->elements * v : 0;
			if (d->elements == 0)
				d->elements = PARAM_BYTES_MAX + 1;
		} else if (vector_length(t)) {
			d->vector = vector_length(t);
		} else if (*t.s == '.' && !d->type) {
			d->type = type_size(t);
		}
	}
	return t;
}

/* What one more parameter needs; false when it is none that could be. */
static bool param_place(const struct declaration *d, unsigned end, struct param *out)
{
	unsigned align = d->align ? d->align : d->type * d->vector;
	unsigned size, offset;

	if (!d->type || d->elements > PARAM_BYTES_MAX || !align || (align & (align - 1)))
		return false;
	size = d->type * d->vector * d->elements;
	offset = (end + align - 1) & ~(align - 1);
	if (size > PARAM_BYTES_MAX || offset > PARAM_BYTES_MAX - size)
		return false;
	*out = (struct param){ offset, size };
	return true;
}

static int layout_append(struct param_layout **l, unsigned *room, struct param p)
{
	struct param_layout *grown = *l;

	if (grown->count == *room) {
		*room *= 2;
		grown = realloc(grown, sizeof(*grown) + *room * sizeof(grown->param[0]));
		if (!grown)
			return -ENOMEM;
		*l = grown;
	}
	grown->param[grown->count++] = p;
	grown->size = p.offset + p.size;
	return 0;
}

/* The declarations after a '('. */
static int params_read(struct scanner *s, struct param_layout **l, unsigned room)
{
	struct token t = next(s);

	if (is(t, ")"))
		return 0;
	while (is(t, ".param")) {
		struct declaration d;
		struct param p;
		int err;

		t = declaration_read(s, &d);
		if (!param_place(&d, (*l)->size, &p))
			return -EINVAL;
		err = layout_append(l, &room, p);
		if (err < 0)
			return err;
		if (is(t, ")"))
			return 0;
		t = next(s); /* past a ',' */
	}
	return -EINVAL;
}

/* What stands after the name of an entry. */
static int entry_layout(struct scanner *s, struct param_layout **out)
{
	enum { ROOM = 8 };
	struct scanner ahead = *s;
	struct param_layout *l;
	int err = 0;

	l = calloc(1, sizeof(*l) + ROOM * sizeof(l->param[0]));
	if (!l)
		return -ENOMEM;
	if (is(next(&ahead), "(")) {
		err = params_read(&ahead, &l, ROOM);
		*s = ahead;
	}
	if (err < 0) {
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

/* The name after the next .entry, or the end. */
static struct token entry_next(struct scanner *s)
{
	struct token t;

	for (t = next(s); t.n && !is(t, ".entry"); t = next(s))
		;
	return t.n ? next(s) : t;
}

static struct scanner scan_begin(const struct code *code)
{
	const char *text = (const char *)code->data;

	return (struct scanner){ text, text + code->size };
}

int ptx_layout(const struct code *code, const char *kernel, struct param_layout **out)
{
	struct scanner s = scan_begin(code);
	struct token name;

	while ((name = entry_next(&s)).n)
		if (is(name, kernel))
			return entry_layout(&s, out);
	return -ENOENT;
}

int ptx_each_kernel(const struct code *code, code_kernel *each, void *user)
{
	struct scanner s = scan_begin(code);
	struct token name;
	int err = 0;

	while (err == 0 && (name = entry_next(&s)).n) {
		struct param_layout *layout;
		char *copy;

		if (entry_layout(&s, &layout) < 0)
			continue;
		copy = strndup(name.s, name.n);
		err = copy ? each(user, copy, layout) : -ENOMEM;
		free(copy);
		free(layout);
	}
	return err;
}
