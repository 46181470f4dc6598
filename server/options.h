/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpuserverd's command line.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#include "log.h"

enum {
	OPTIONS_LISTEN_MAX = 16,
	OPTIONS_DONE = 1, /* asked for help or version, which was printed */
};

/* Strings are the command line's own. */
struct options {
	const char *listen[OPTIONS_LISTEN_MAX]; /* [scheme://]host[:port] */
	int listen_count;
	const char *driver; /* "auto", "soft" or a path */
	unsigned warm;
	uint64_t memory_limit; /* bytes per session and GPU, 0: none */
	enum log_level log;
};

/* 0, OPTIONS_DONE, or -EINVAL with the reason on stderr. */
int options_parse(int argc, char **argv, struct options *out);

#endif
