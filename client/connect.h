/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a session with the first server of RGPU_SERVERS that accepts it, and
 * its further connections. Shared by libcuda and libnvidia-ml.
 */
#ifndef CONNECT_H
#define CONNECT_H

#include <stdint.h>
#include "control.pb-c.h"
#include "transport.h"

enum { CONNECT_WHY = 1500 }; /* bytes that are enough for why no session was opened */

struct opened {
	const struct transport *transport;
	struct connection *command;
	char server[256];  /* as the user named it */
	char address[288]; /* with the port, as the transport wants it */
	Control__Welcome *welcome;
	Control__Answer *answer; /* owns welcome */
};

/*
 * Fill in what every hello has (pid, host, program, version) and open the
 * session. 0, or -errno with a text in @why (of @size bytes) that says which
 * servers were tried, what each answered and what to do. *refused gets the
 * result that a server gave with its refusal, 0 if none refused.
 */
int connect_session(Control__Hello *hello, struct opened *out, int *refused, char *why, size_t size);

/* One more connection of the session: enum prelude role and lane. */
int connect_more(const struct opened *o, unsigned role, unsigned lane, struct connection **out);

/* Frees the answer; connections stay. */
void opened_fini(struct opened *o);

#endif
