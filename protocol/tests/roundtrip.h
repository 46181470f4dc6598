/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the generated tests of remote calls share: random values, comparisons,
 * and the rows that roundtrip.c runs.
 */
#ifndef ROUNDTRIP_H
#define ROUNDTRIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "cuda_types.h"
#include "dispatch.h"

#define TEST_BIAS 0x100000u /* what a minted handle stands for, above its number */

enum {
	TEST_POSTED = 1, /* nobody waits for it */
	TEST_ALWAYS = 2, /* has results even when it failed */
	TEST_FIRST = 4,	 /* something of the server's comes before the driver's function */
	TEST_THEN = 8,	 /* and after it */
};

/* One remote call: make up arguments, call it, compare what came back. */
struct test_row {
	const char *name;
	uint16_t opcode;
	unsigned flags;
	void (*fill)(void);
	CUresult (*call)(void);
	void (*check)(void);
	void (*kept)(void); /* outputs are as before the call */
	/* handles of the last request are where the dispatch row says */
	void (*named)(const struct dispatch_row *row);
};

extern const struct test_row *const test_rows[];

extern int test_served;	     /* how often the served function ran */
extern int test_around;	     /* how often what comes before and after it ran */
extern bool test_quiet;	     /* arguments are garbage: do not look at them */
extern bool test_optional;   /* optional pointers are given */
extern CUresult test_result; /* what the served function answers */

void test_fill(void *p, size_t n);
uint64_t test_handle(void);
/* The last request has @handle at @at. */
void test_named(int at, uint64_t handle);
void test_bytes(const void *a, const void *b, size_t n, const char *file, int line,
		const char *what);
void test_fail(const char *file, int line, const char *what);

#define TEST_SAME(a, b)                                                                            \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			test_fail(__FILE__, __LINE__, #a);                                         \
	} while (0)

#define TEST_BYTES(a, b, n) test_bytes(a, b, n, __FILE__, __LINE__, #a)

#endif
