/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of kernels/alu.txt: a hash, a letter for each register and the
 * instructions to run on them. Every line becomes a kernel that reads a b c e
 * from fixed inputs and stores d; the hash is of what a GPU stored.
 */
#ifndef ALU_H
#define ALU_H

#include <stddef.h>
#include <stdint.h>

#define ALU_THREADS 4096
#define ALU_BLOCK 256
#define ALU_LINES 2048

struct alu_line {
	uint64_t hash;
	char letters[8];	/* of d a b c e: h w l, f and d as words and longs */
	char code[256];
};

/* How many lines were read of @path, at most ALU_LINES; negative on error. */
int alu_read(const char *path, struct alu_line *lines);
/* The PTX of all lines, kernels named k0, k1 and so on; to be freed. */
char *alu_text(const struct alu_line *lines, int count);
/* Four inputs of ALU_THREADS longs each; what a line reads of them depends on
 * its letters. */
void alu_inputs(const struct alu_line *line, uint64_t *inputs);
uint64_t alu_hash(const uint64_t *results);

#endif
