/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where device memory is accounted. Whatever allocates charges
 * first and releases after it freed; what the limit leaves is what the session
 * is told as free. Safe in any thread.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdint.h>

void quota_set_limit(uint64_t bytes); /* per device; 0: none */
uint64_t quota_limit(void);

/* -ENOMEM, and nothing is charged, when @bytes more would exceed the limit. */
int quota_charge(int device, uint64_t bytes);
void quota_release(int device, uint64_t bytes);
uint64_t quota_used(int device);
/* Of all devices together. */
uint64_t quota_used_total(void);

/* What cuMemGetInfo says when the driver said *free of *total. */
void quota_apply(int device, uint64_t *free, uint64_t *total);

#endif
