/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's private function tables and what is behind them. */
#ifndef SOFT_TABLES_H
#define SOFT_TABLES_H

#include "soft.h"

CUcontext current_context(void);

/* A NULL context means the calling thread's; the destructor may be NULL. */
CUresult storage_put(CUcontext context, void *key, void *value,
	void (*destructor)(CUcontext context, void *key, void *value));
CUresult storage_remove(CUcontext context, void *key);
CUresult storage_get(void **out, CUcontext context, void *key);

#endif
