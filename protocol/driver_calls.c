/* SPDX-License-Identifier: Apache-2.0 */
/* See driver_calls.h: tables from the lists of calls.h. */
#include "driver_calls.h"

#define MISSING(name) .name = (void *)driver_missing,
#define ROW(name) {#name, offsetof(struct driver, name)},

static CUresult driver_missing(void)
{
	return CUDA_ERROR_NOT_SUPPORTED;
}

struct driver driver = {DRIVER_CALLS(MISSING)};

const struct driver_row driver_names[] = {DRIVER_CALLS(ROW)};

const size_t driver_names_count = sizeof(driver_names) / sizeof(driver_names[0]);
