/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printf as CUDA has it: the format is understood here, piece by piece, and
 * each piece printed with the host's printf and an argument of a type we chose,
 * so that no format of a kernel ever reaches the host's printf as it is.
 * Arguments lie one after the other, each aligned to its own size.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_printf.h"

#define STRING_LIMIT 4096
#define OUTPUT_LIMIT 65536
#define WIDTH_LIMIT 1024

struct output {
	char *text;
	size_t used, capacity;
	/* Where arguments are read. */
	struct warp *w;
	const struct insn *i;
	unsigned lane;
	uint64_t list;
	int count;
	bool failed;
};

/* One conversion: %[flags][width][.precision][length]letter. */
struct conversion {
	char flags[8];
	int width;
	int precision;		/* -1 without */
	unsigned longs;		/* of the length */
	unsigned shorts;
	char letter;
};

static bool reserve(struct output *o, size_t n)
{
	size_t wanted = o->capacity ? o->capacity : 256;
	char *grown;

	while (wanted < o->used + n)
		wanted *= 2;
	if (wanted == o->capacity)
		return true;
	if (wanted > OUTPUT_LIMIT * 2)
		return false;
	grown = realloc(o->text, wanted);
	if (!grown)
		return false;
	o->text = grown;
	o->capacity = wanted;
	return true;
}

__attribute__((format(printf, 2, 3))) static void emit(struct output *o, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (n < 0 || o->used + (size_t)n > OUTPUT_LIMIT || !reserve(o, (size_t)n + 1))
		return;
	va_start(arguments, format);
	vsnprintf(o->text + o->used, (size_t)n + 1, format, arguments);
	va_end(arguments);
	o->used += (size_t)n;
}

/* A string of the kernel's, at most STRING_LIMIT long; NULL after a fault. */
static char *read_string(struct output *o, uint64_t address)
{
	char *copy = malloc(STRING_LIMIT + 1);

	for (size_t n = 0; copy && n < STRING_LIMIT; n++) {
		const char *at = memory_bytes(o->w, o->i, o->lane, address + n, 1, false);

		if (!at) {
			o->failed = true;
			free(copy);
			return NULL;
		}
		copy[n] = *at;
		if (!copy[n])
			return copy;
	}
	if (copy)
		copy[STRING_LIMIT] = 0;
	return copy;
}

static uint64_t next_argument(struct output *o, unsigned size)
{
	const unsigned char *at;
	uint64_t v = 0;

	if (o->failed)
		return 0;
	o->list = (o->list + size - 1) & ~(uint64_t)(size - 1);
	at = memory_bytes(o->w, o->i, o->lane, o->list, size, false);
	if (!at) {
		o->failed = true;
		return 0;
	}
	memcpy(&v, at, size);
	o->list += size;
	o->count++;
	return v;
}

static int read_number(struct output *o, const char **format)
{
	int n = 0;

	if (**format == '*') {
		(*format)++;
		n = (int32_t)next_argument(o, 4);
		return n > WIDTH_LIMIT ? WIDTH_LIMIT : n < -WIDTH_LIMIT ? -WIDTH_LIMIT : n;
	}
	while (isdigit((unsigned char)**format) && n < WIDTH_LIMIT)
		n = n * 10 + *(*format)++ - '0';
	return n < WIDTH_LIMIT ? n : WIDTH_LIMIT;
}

static void read_conversion(struct output *o, const char **format, struct conversion *c)
{
	size_t flags = 0;

	memset(c, 0, sizeof(*c));
	c->precision = -1;
	while (**format && strchr("-+ #0", **format)) {
		if (flags < sizeof(c->flags) - 1)
			c->flags[flags++] = **format;
		(*format)++;
	}
	c->width = read_number(o, format);
	if (c->width < 0) {
		if (flags < sizeof(c->flags) - 1)
			c->flags[flags] = '-';
		c->width = -c->width;
	}
	if (**format == '.') {
		(*format)++;
		c->precision = read_number(o, format);
	}
	for (; **format && strchr("hlLqjzt", **format); (*format)++) {
		c->shorts += **format == 'h';
		c->longs += **format != 'h';
	}
	c->letter = **format;
	if (c->letter)
		(*format)++;
}

/* The format for the host: ours but for its length, which is always ll. */
static void host_format(const struct conversion *c, const char *length, char *out, size_t size)
{
	if (c->precision >= 0)
		snprintf(out, size, "%%%s*.*%s%c", c->flags, length, c->letter);
	else
		snprintf(out, size, "%%%s*%s%c", c->flags, length, c->letter);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define EMIT(o, c, format, value)                                                                  \
	((c)->precision >= 0 ? emit(o, format, (c)->width, (c)->precision, value)                  \
			     : emit(o, format, (c)->width, value))

static void print_integer(struct output *o, const struct conversion *c)
{
	uint64_t v = next_argument(o, c->longs ? 8 : 4);
	bool is_signed = c->letter == 'd' || c->letter == 'i';
	char format[32];

	if (!c->longs)
		v = is_signed ? (uint64_t)(int64_t)(int32_t)v : (uint32_t)v;
	if (c->shorts == 1)
		v = is_signed ? (uint64_t)(int64_t)(int16_t)v : (uint16_t)v;
	else if (c->shorts > 1)
		v = is_signed ? (uint64_t)(int64_t)(int8_t)v : (uint8_t)v;
	host_format(c, "ll", format, sizeof(format));
	EMIT(o, c, format, (unsigned long long)v);
}

static void print_double(struct output *o, const struct conversion *c)
{
	uint64_t bits = next_argument(o, 8);
	char format[32];
	double v;

	memcpy(&v, &bits, sizeof(v));
	host_format(c, "", format, sizeof(format));
	EMIT(o, c, format, v);
}

static void print_string(struct output *o, const struct conversion *c)
{
	uint64_t address = next_argument(o, 8);
	char format[32], *s;

	if (o->failed)
		return;
	s = address ? read_string(o, address) : NULL;
	if (o->failed)
		return;
	host_format(c, "", format, sizeof(format));
	EMIT(o, c, format, s ? s : "(null)");
	free(s);
}

static void print_other(struct output *o, const struct conversion *c)
{
	char format[32];

	host_format(c, "", format, sizeof(format));
	if (c->letter == 'c')
		EMIT(o, c, format, (int)(unsigned char)next_argument(o, 4));
	else
		EMIT(o, c, format, (void *)(uintptr_t)next_argument(o, 8));
}

#pragma GCC diagnostic pop

static void print_conversion(struct output *o, const char **format)
{
	struct conversion c;

	if (**format == '%') {
		(*format)++;
		emit(o, "%%");
		return;
	}
	read_conversion(o, format, &c);
	if (!c.letter)
		return;
	if (strchr("diouxX", c.letter))
		print_integer(o, &c);
	else if (strchr("fFeEgGaA", c.letter))
		print_double(o, &c);
	else if (c.letter == 's')
		print_string(o, &c);
	else if (c.letter == 'c' || c.letter == 'p')
		print_other(o, &c);
	else
		emit(o, "%%%c", c.letter);
}

static void deliver(struct output *o, bool failed)
{
	struct grid *g = o->w->block->grid;

	if (!g->launch->print || !o->used)
		return;
	pthread_mutex_lock(&g->print);
	g->launch->print(g->launch->print_user, failed, o->text, o->used);
	pthread_mutex_unlock(&g->print);
}

bool device_printf(struct warp *w, const struct insn *i, unsigned lane, uint64_t format,
	uint64_t list, int *count)
{
	struct output o = {.w = w, .i = i, .lane = lane, .list = list};
	char *copy = read_string(&o, format);
	const char *at = copy;

	while (at && *at && !o.failed) {
		size_t plain = strcspn(at, "%");

		if (plain)
			emit(&o, "%.*s", (int)plain, at);
		at += plain;
		if (*at) {
			at++;
			print_conversion(&o, &at);
		}
	}
	if (!o.failed)
		deliver(&o, false);
	free(copy);
	free(o.text);
	*count = o.count;
	return !o.failed;
}

void device_assert(struct warp *w, const struct insn *i, unsigned lane, const uint64_t *arguments)
{
	struct output o = {.w = w, .i = i, .lane = lane};
	const uint32_t *tid = w->threads;
	char *message = read_string(&o, arguments[0]), *file = read_string(&o, arguments[1]);
	char *function = read_string(&o, arguments[3]);

	emit(&o, "%s:%d: %s: block: [%u,%u,%u], thread: [%u,%u,%u] Assertion `%s` failed.\n",
		file ? file : "?", (int)arguments[2], function ? function : "?", w->block->id[0],
		w->block->id[1], w->block->id[2], tid[SPECIAL_TID_X * WARP_LANES + lane],
		tid[SPECIAL_TID_Y * WARP_LANES + lane], tid[SPECIAL_TID_Z * WARP_LANES + lane],
		message ? message : "?");
	deliver(&o, true);
	free(message);
	free(file);
	free(function);
	free(o.text);
}
