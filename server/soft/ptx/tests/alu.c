/* SPDX-License-Identifier: Apache-2.0 */
/* See alu.h. Inputs are special values half of the time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alu.h"

static const uint16_t specials_16[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 0x7f, 0x80, 0xff, 0x100,
	0x3c00, 0x3c01, 0x3bff, 0x4000, 0xbc00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x7fff, 0x8000,
	0x8001, 0x03ff, 0x0400, 0x3f80, 0x7f80, 0xff80, 0xffff, 0x0001, 0x3800, 0xb800, 0x3555};
static const uint32_t specials_32[] = {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 24, 31, 32, 33, 63, 64, 65,
	127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80000001,
	0xffffffff, 0xfffffffe, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x3fc00000,
	0x40200000, 0xc0200000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
	0x00800000,
	0x007fffff, 0x00000001, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000000,
	0x4f800000, 0x5f000000, 0x4effffff, 0x3f7fffff, 0x3f800001, 0x477fe000, 0x477ff000,
	0x33800000, 0x33000000, 0x387fc000, 0x2b800000, 0x12345678, 0xdeadbeef};
static const uint64_t specials_64[] = {0, 1, 2, 3, 5, 31, 32, 63, 64, 65, 0xffff, 0x7fffffff,
	0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	0x8000000000000001, 0xffffffffffffffff, 0xfffffffffffffffe, 0x3ff0000000000000,
	0xbff0000000000000, 0x3fe0000000000000, 0x3ff8000000000000, 0x4004000000000000,
	0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000,
	0x0010000000000000, 0x000fffffffffffff, 0x7fefffffffffffff, 0x41e0000000000000,
	0xc1e0000000000000, 0x41efffffffe00000, 0x43e0000000000000, 0xc3e0000000000000,
	0x43f0000000000000, 0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000,
	0x3690000000000000, 0x3680000000000000, 0x380fffffc0000000, 0x3810000000000000,
	0x40effc0000000000, 0x40effe0000000000, 0x3e70000000000000, 0x123456789abcdef0};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33 ^ *state << 31;
}

int alu_read(const char *path, struct alu_line *lines)
{
	FILE *f = fopen(path, "r");
	char buffer[512];
	int n = 0;

	if (!f)
		return -1;
	while (n < ALU_LINES && fgets(buffer, sizeof(buffer), f)) {
		struct alu_line *l = &lines[n];

		if (*buffer == '#')
			continue;
		if (sscanf(buffer, "%" SCNx64 " %7s %255[^\n]", &l->hash, l->letters, l->code) == 3)
			n++;
	}
	fclose(f);
	return n;
}

static const char *type_of(char letter)
{
	return letter == 'h' ? "b16" : letter == 'w' || letter == 'f' ? "b32" : "b64";
}

static void emit_kernel(FILE *f, const struct alu_line *l, int n)
{
	static const char names[] = "dabce";

	fprintf(f, ".visible .entry k%d(.param .u64 in, .param .u64 out)\n{\n", n);
	fprintf(f, "\t.reg .b64 in0, out0, at, r64, t64, u64;\n\t.reg .b32 tid, t32, u32;\n");
	fprintf(f, "\t.reg .b16 t16, u16;\n\t.reg .pred p, q;\n");
	for (size_t i = 0; i < strlen(l->letters); i++)
		fprintf(f, "\t.reg .%s %c;\n", type_of(l->letters[i]), names[i]);
	fprintf(f, "\tld.param.u64 in0, [in];\n\tld.param.u64 out0, [out];\n");
	fprintf(f, "\tmov.u32 tid, %%ctaid.x;\n\tmov.u32 t32, %%ntid.x;\n");
	fprintf(f, "\tmov.u32 u32, %%tid.x;\n");
	fprintf(f, "\tmad.lo.u32 tid, tid, t32, u32;\n\tmul.wide.u32 at, tid, 8;\n");
	fprintf(f, "\tadd.u64 in0, in0, at;\n\tadd.u64 out0, out0, at;\n");
	for (size_t i = 1; i < strlen(l->letters); i++)
		fprintf(f, "\tld.global.%s %c, [in0+%zu];\n", type_of(l->letters[i]), names[i],
			(i - 1) * ALU_THREADS * 8);
	fprintf(f, "\t%s\n", l->code);
	if (*type_of(l->letters[0]) && l->letters[0] == 'h')
		fprintf(f, "\tcvt.u64.u16 r64, d;\n");
	else if (!strcmp(type_of(l->letters[0]), "b32"))
		fprintf(f, "\tcvt.u64.u32 r64, d;\n");
	else
		fprintf(f, "\tmov.b64 r64, d;\n");
	fprintf(f, "\tst.global.u64 [out0], r64;\n\tret;\n}\n");
}

char *alu_text(const struct alu_line *lines, int count)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, ".version 8.0\n.target sm_90\n.address_size 64\n");
	for (int n = 0; n < count; n++)
		emit_kernel(f, &lines[n], n);
	fclose(f);
	return text;
}

static uint64_t special(char letter, uint64_t r)
{
	if (letter == 'h')
		return specials_16[r % COUNT(specials_16)];
	if (letter == 'w' || letter == 'f')
		return specials_32[r % COUNT(specials_32)];
	return specials_64[r % COUNT(specials_64)];
}

/* A float near one, so that sums and products keep their bits. */
static uint64_t moderate(char letter, uint64_t r)
{
	if (letter == 'h')
		return (r & 0x83ff) | ((r >> 20) % 8 + 11) << 10;
	if (letter == 'w' || letter == 'f')
		return (r & 0x807fffff) | ((r >> 40) % 16 + 119) << 23;
	return (r & 0x800fffffffffffff) | ((r >> 52) % 16 + 1015) << 52;
}

void alu_inputs(const struct alu_line *line, uint64_t *inputs)
{
	uint64_t state = 12345;

	for (size_t i = 0; i < 4; i++) {
		char letter = i + 1 < strlen(line->letters) ? line->letters[i + 1] : 'w';

		for (size_t t = 0; t < ALU_THREADS; t++) {
			uint64_t how = next(&state), r = next(&state) << 32 ^ next(&state);

			if (how % 4 < 2)
				r = special(letter, r);
			else if (how % 4 == 2)
				r = moderate(letter, r);
			inputs[i * ALU_THREADS + t] = r;
		}
	}
}

uint64_t alu_hash(const uint64_t *results)
{
	uint64_t h = 14695981039346656037u;

	for (size_t t = 0; t < ALU_THREADS; t++) {
		h = (h ^ results[t]) * 1099511628211u;
		h ^= h >> 29;
	}
	return h;
}
