/* SPDX-License-Identifier: Apache-2.0 */
/* See proc_address.h: the table from the lists of calls.h. */
#include "calls.h"
#include "cuda_prototypes.h"
#include "proc_address.h"

#define ROW(base, flags, version, symbol) {#base, flags, version, (void *)symbol, #symbol},

static const struct proc_row rows[] = {PROC_ROWS(ROW)};

const struct proc_row *proc_rows(size_t *count)
{
	*count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}
