/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cuGetProcAddress answers, as a table: every API level of every base name.
 */
#ifndef PROC_ADDRESS_H
#define PROC_ADDRESS_H

#include <stddef.h>

/* One level. Rows are sorted by base, flags and version. */
struct proc_row {
	const char *base;
	int flags; /* 1: legacy default stream, 2: per-thread default stream */
	int version;
	void *function;
	const char *symbol;
};

const struct proc_row *proc_rows(size_t *count);

#endif
