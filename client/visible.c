/* SPDX-License-Identifier: Apache-2.0 */
/* See visible.h. */
#include "visible.h"

#include <limits.h>
#include <stdlib.h>

/* How many devices a list "0,1,2,..." names; -1 when it is another selection; INT_MAX when unset. */
static int leading(void)
{
	const char *p = getenv("CUDA_VISIBLE_DEVICES");
	int n = 0;

	if (!p)
		return INT_MAX;
	while (*p) {
		char *end;
		long index = strtol(p, &end, 10);

		if (end == p)
			return n || *p != '-' ? -1 : 0;
		if (index < 0)
			return n;
		if (index != n || (*end && *end != ','))
			return -1;
		n++;
		p = *end ? end + 1 : end;
	}
	return n;
}

bool visible_needs_server(void)
{
	return leading() < 0;
}

int visible_count(int count)
{
	int n = leading();

	return n < 0 || n > count ? count : n;
}
