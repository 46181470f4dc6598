/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's private function tables (cuGetExportTable), which CUDA's runtimes
 * and libraries call beside the public API. The one exported function is declared
 * in client_calls.h; this is for tests.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stddef.h>

/* How many tables there are, and the id and size in bytes of each (0: has no size field). */
struct table_info {
	const char *name;
	unsigned char id[16];
	size_t bytes;
	const void *const *slots;
};

const struct table_info *tables_list(size_t *count);

#endif
