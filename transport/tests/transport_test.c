/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite of transports: what transport.h promises, checked on
 * the scheme that is the argument. A transport that passes may carry a session.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

const struct transport *transport;

int main(int argc, char **argv)
{
	struct CMUnitTest tests[64];
	size_t n = 0, i;
	const char *rest;
	char url[64];

	snprintf(url, sizeof(url), "%s://x", argc > 1 ? argv[1] : "tcp");
	transport = transport_find(url, &rest);
	if (!transport) {
		fprintf(stderr, "no transport for %s\n", url);
		return 1;
	}

	for (i = 0; i < stream_test_count; i++)
		tests[n++] = stream_tests[i];
	for (i = 0; i < ending_test_count; i++)
		tests[n++] = ending_tests[i];
	for (i = 0; i < address_test_count; i++)
		tests[n++] = address_tests[i];
	return _cmocka_run_group_tests("transport", tests, n, NULL, NULL);
}
