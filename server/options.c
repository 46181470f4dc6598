/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See options.h. Every value is checked here, with a message that names the
 * option, so that nothing later fails for what the user typed.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

#define LISTEN_DEFAULT "127.0.0.1:" CONTROL_PORT

enum {
	WARM_MAX = 256,
};

static const char help_text[] =
	"Usage: gpuserverd [OPTION]...\n"
	"Serve this machine's GPUs to programs on other machines.\n"
	"\n"
	"  --listen ADDR[:PORT]   where clients connect; may be given several times\n"
	"                         (default " LISTEN_DEFAULT "; port 0 takes any free one,\n"
	"                         [::]:" CONTROL_PORT " is every address of this machine)\n"
	"  --driver auto|soft|PATH  the driver library: NVIDIA's where it works and else the\n"
	"                         software GPU, always the software GPU, or this file\n"
	"  --warm N               keep N workers ready for the next sessions (default 1)\n"
	"  --memory-limit SIZE    GPU memory that a session may use on each GPU, such as 20G,\n"
	"                         512M or a number of bytes (default: no limit)\n"
	"  --log LEVEL            error, warn, info (default) or debug\n"
	"  --help                 print this and exit\n"
	"  --version              print the version and exit\n"
	"\n"
	"When ready it prints \"listening on URL\" for each address. SIGTERM ends it and its\n"
	"sessions. Exit status: 0 ended as asked, 1 failure, 2 wrong usage.\n";

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"driver", required_argument, NULL, 'd'},
	{"warm", required_argument, NULL, 'w'},
	{"memory-limit", required_argument, NULL, 'm'},
	{"log", required_argument, NULL, 'L'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

static int wrong(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "gpuserverd: %s \"%s\": must be %s\n", option, value, expected);
	return -EINVAL;
}

static int parse_number(const char *text, uint64_t *out, char **end)
{
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, end, 10);
	return errno ? -EINVAL : 0;
}

static int parse_warm(const char *text, unsigned *out)
{
	uint64_t n;
	char *end;

	if (parse_number(text, &n, &end) || *end || n > WARM_MAX)
		return wrong("--warm", text, "a number from 0 to 256");
	*out = n;
	return 0;
}

static int parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n;
	char *end;
	int shift = 0;

	if (parse_number(text, &n, &end))
		goto wrong;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			goto wrong;
		shift = 10 * (unit - units + 1);
	}
	if (!n || n > UINT64_MAX >> shift)
		goto wrong;
	*out = n << shift;
	return 0;

wrong:
	return wrong("--memory-limit", text, "a size such as 20G, 512M or 1000000, and not 0");
}

static int add_listen(struct options *o, const char *address)
{
	if (o->listen_count == OPTIONS_LISTEN_MAX)
		return wrong("--listen", address, "one of at most 16 addresses");
	o->listen[o->listen_count++] = address;
	return 0;
}

static int apply(struct options *o, int option, const char *value)
{
	switch (option) {
	case 'l':
		return add_listen(o, value);
	case 'd':
		o->driver = value;
		return *value ? 0 : wrong("--driver", value, "auto, soft or a path");
	case 'w':
		return parse_warm(value, &o->warm);
	case 'm':
		return parse_size(value, &o->memory_limit);
	case 'L':
		if (log_parse_level(value, &o->log))
			return wrong("--log", value, "error, warn, info or debug");
		return 0;
	case 'h':
		fputs(help_text, stdout);
		return OPTIONS_DONE;
	case 'v':
		puts("gpuserverd " RELEASE);
		return OPTIONS_DONE;
	default:
		fputs("Try 'gpuserverd --help'.\n", stderr);
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *out)
{
	struct options o = {.driver = "auto", .warm = 1, .log = LOG_INFO};
	int option, err;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		err = apply(&o, option, optarg);
		if (err)
			return err;
	}
	if (optind < argc) {
		fprintf(stderr, "gpuserverd: unexpected argument %s\n", argv[optind]);
		return -EINVAL;
	}
	if (!o.listen_count)
		o.listen[o.listen_count++] = LISTEN_DEFAULT;
	*out = o;
	return 0;
}
