/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transports of this build, and how addresses name them. The first is the
 * default.
 */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tcp/tcp.h"

static const struct transport *const transports[] = {
	&tcp_transport,
};

const struct transport *transport_find(const char *url, const char **rest)
{
	const char *mark = strstr(url, "://");
	size_t i;

	if (!mark) {
		*rest = url;
		return transports[0];
	}

	for (i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		const char *scheme = transports[i]->scheme;

		if (strlen(scheme) == (size_t)(mark - url) && !strncmp(scheme, url, mark - url)) {
			*rest = mark + 3;
			return transports[i];
		}
	}
	return NULL;
}

int transport_address(const char *address, const char *port, char *out, size_t size)
{
	const char *colon = strrchr(address, ':');
	const char *bracket = strrchr(address, ']');
	const char *format;
	int n;

	if (*address == '[' && !bracket)
		return -EINVAL;
	if (bracket)
		format = bracket[1] ? "%s" : "%s:%s";
	else if (!colon)
		format = "%s:%s";
	else if (strchr(address, ':') != colon)
		format = "[%s]:%s"; /* an IPv6 address as such */
	else
		format = "%s";

	n = snprintf(out, size, format, address, port);
	return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}
