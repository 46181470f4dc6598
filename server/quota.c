/* SPDX-License-Identifier: Apache-2.0 */
/* See quota.h: one counter per device, changed by compare-and-swap so that the limit is exact. */
#include "quota.h"

#include <errno.h>
#include <stdatomic.h>

enum { QUOTA_DEVICES = 64 };

static _Atomic uint64_t limit;
static _Atomic uint64_t used[QUOTA_DEVICES];

void quota_set_limit(uint64_t bytes)
{
	atomic_store(&limit, bytes);
}

uint64_t quota_limit(void)
{
	return atomic_load(&limit);
}

int quota_charge(int device, uint64_t bytes)
{
	uint64_t most = atomic_load(&limit) ? atomic_load(&limit) : UINT64_MAX;
	uint64_t now;

	if (device < 0 || device >= QUOTA_DEVICES)
		return -EINVAL;
	now = atomic_load(&used[device]);
	do {
		if (now > most || bytes > most - now)
			return -ENOMEM;
	} while (!atomic_compare_exchange_weak(&used[device], &now, now + bytes));
	return 0;
}

void quota_release(int device, uint64_t bytes)
{
	if (device >= 0 && device < QUOTA_DEVICES)
		atomic_fetch_sub(&used[device], bytes);
}

uint64_t quota_used(int device)
{
	return device >= 0 && device < QUOTA_DEVICES ? atomic_load(&used[device]) : 0;
}

uint64_t quota_used_total(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < QUOTA_DEVICES; i++)
		sum += atomic_load(&used[i]);
	return sum;
}

void quota_apply(int device, uint64_t *free, uint64_t *total)
{
	uint64_t most = atomic_load(&limit);
	uint64_t now = quota_used(device);
	uint64_t left = most > now ? most - now : 0;

	if (!most)
		return;
	if (*total > most)
		*total = most;
	if (*free > left)
		*free = left;
}
