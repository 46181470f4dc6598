/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "proc_address.h"
#include "cuda_prototypes.h"

static const struct proc_row rows[] = {
	{ "limit", 1, 2000, (void *)limit, "limit" },
	{ "limit", 2, 2000, (void *)limit, "limit" },
	{ "set", 1, 3020, (void *)setAsync, "setAsync" },
	{ "set", 1, 3020, (void *)set_v2, "set_v2" },
	{ "set", 2, 7000, (void *)setAsync_ptsz, "setAsync_ptsz" },
	{ "set", 2, 7000, (void *)set_v2_ptds, "set_v2_ptds" },
	{ "version", 1, 2000, (void *)version, "version" },
	{ "version", 2, 2000, (void *)version, "version" },
};

const struct proc_row *proc_rows(size_t *count)
{
	*count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}
