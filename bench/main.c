/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rgpu-bench: what the remote path costs, native beside remote in one run.
 *
 * A process can hold one driver library, so the program starts itself once per
 * library and run, native and remote in turn, and reads the samples from a
 * pipe. Exit status: 0, 1 for a failure, 2 for wrong usage.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "find.h"
#include "report.h"

enum {
	CHILD_SECONDS = 300, /* a run that takes longer hangs */
	REPEAT_MAX = 100,
};

struct options {
	struct plan plan;
	const char *native;
	const char *remote;
	const char *servers;
	const char *json;
	unsigned repeat;
	int child;	     /* descriptor to write samples to, -1 in the parent */
	const char *library; /* of the child */
};

static const char usage_text[] =
	"usage: rgpu-bench latency|bandwidth [options]\n"
	"\n"
	"  --native PATH|auto|soft|none  library to compare with (auto: this machine's driver)\n"
	"  --remote PATH|none            the client library (default: the one built with this "
	"program)\n"
	"  --servers SERVERS             sets RGPU_SERVERS for the remote side\n"
	"  --sizes SIZE,...              bandwidth: sizes of a copy, such as 4K,1M,1G\n"
	"  --repeat N                    runs of each library, in turn (5)\n"
	"  --json FILE                   also write the figures to FILE\n";

static int usage(void)
{
	fputs(usage_text, stderr);
	return 2;
}

static int parse_size(const char *text, size_t *out)
{
	char *end;
	unsigned long long n;
	const char *unit;
	static const char units[] = "KMG";

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || !n || *text == '-')
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1] || n > 1024)
			return -EINVAL;
		n <<= 10 * (unit - units + 1);
	}
	if (n > 64ull << 30)
		return -EINVAL;
	*out = n;
	return 0;
}

/* A copy is taken apart: the children get the same argument again. */
static int parse_sizes(const char *text, struct plan *plan)
{
	char *copy = strdup(text), *next = copy, *word;
	int err = copy ? 0 : -ENOMEM;

	plan->size_count = 0;
	while (!err && (word = strsep(&next, ","))) {
		if (plan->size_count == SIZES_MAX)
			err = -EINVAL;
		else
			err = parse_size(word, &plan->sizes[plan->size_count++]);
	}
	free(copy);
	return err;
}

static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"native", required_argument, NULL, 'n'},
		{"remote", required_argument, NULL, 'r'},
		{"servers", required_argument, NULL, 's'},
		{"sizes", required_argument, NULL, 'z'},
		{"repeat", required_argument, NULL, 'c'},
		{"json", required_argument, NULL, 'j'},
		{"child", required_argument, NULL, 'f'},
		{"library", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.native = "auto", .repeat = 5, .child = -1};
	parse_sizes("4K,64K,1M,16M,64M,256M", &o->plan);
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->native = optarg;
			break;
		case 'r':
			o->remote = optarg;
			break;
		case 's':
			o->servers = optarg;
			break;
		case 'j':
			o->json = optarg;
			break;
		case 'f':
			o->child = atoi(optarg);
			break;
		case 'l':
			o->library = optarg;
			break;
		case 'c':
			o->repeat = (unsigned)strtoul(optarg, NULL, 10);
			if (!o->repeat || o->repeat > REPEAT_MAX)
				return -EINVAL;
			break;
		case 'z':
			if (parse_sizes(optarg, &o->plan) < 0)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
	}
	if (optind != argc - 1)
		return -EINVAL;
	o->plan.bandwidth = !strcmp(argv[optind], "bandwidth");
	return o->plan.bandwidth || !strcmp(argv[optind], "latency") ? 0 : -EINVAL;
}

/* The child: this program again, told which library to measure and where to write samples. */
static void start_child(char *library, int fd, char **argv, int argc)
{
	char **list = calloc((size_t)argc + 5, sizeof(*list)), number[16];
	int n = 0;

	if (!list)
		_exit(1);
	snprintf(number, sizeof(number), "%d", fd);
	list[n++] = argv[0];
	list[n++] = "--child";
	list[n++] = number;
	list[n++] = "--library";
	list[n++] = library;
	for (int i = 1; i < argc; i++)
		list[n++] = argv[i];
	alarm(CHILD_SECONDS);
	execv("/proc/self/exe", list);
	_exit(127);
}

static int read_child(struct report *report, int side, int fd)
{
	FILE *f = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while (getline(&line, &size, f) > 0) {
		int e = report_line(report, side, line);

		err = err ? err : e;
	}
	free(line);
	fclose(f);
	return err;
}

static int wait_child(pid_t pid, const char *library)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? -EIO : 0;
	if (WTERMSIG(status) == SIGALRM)
		fprintf(stderr, "rgpu-bench: %s: not done after %d s\n", library, CHILD_SECONDS);
	else
		fprintf(stderr, "rgpu-bench: %s: ended by signal %d\n", library, WTERMSIG(status));
	return -EIO;
}

static int run_side(const struct options *o, struct report *report, int side, char *library,
	char **argv, int argc)
{
	int fds[2], err, waited;
	pid_t pid;

	if (pipe(fds) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	if (pid == 0) {
		close(fds[0]);
		if (side == REMOTE && o->servers)
			setenv("RGPU_SERVERS", o->servers, 1);
		start_child(library, fds[1], argv, argc);
	}
	close(fds[1]);
	err = read_child(report, side, fds[0]);
	waited = wait_child(pid, library);
	return waited ? waited : err;
}

static void progress(unsigned run, unsigned repeat, const char *side)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (side)
		fprintf(stderr, "\rrun %u of %u, %s ", run + 1, repeat, side);
	else
		fprintf(stderr, "\r%30s\r", "");
}

static int run_all(const struct options *o, struct report *report, char *native, char *remote,
	char **argv, int argc)
{
	for (unsigned i = 0; i < o->repeat; i++) {
		if (*native) {
			progress(i, o->repeat, "native");
			if (run_side(o, report, NATIVE, native, argv, argc) < 0) {
				if (strcmp(o->native, "auto") || i)
					return 1;
				fputs("rgpu-bench: no native driver to compare with\n", stderr);
				*native = '\0';
			}
		}
		if (*remote) {
			progress(i, o->repeat, "remote");
			if (run_side(o, report, REMOTE, remote, argv, argc) < 0)
				return 1;
		}
	}
	progress(0, 0, NULL);
	if (!*native && !*remote)
		fputs("rgpu-bench: nothing to measure\n", stderr);
	return !*native && !*remote;
}

static int parent(const struct options *o, char **argv, int argc)
{
	static struct report report;
	char native[PATH_MAX], remote[PATH_MAX];
	const char *servers = getenv("RGPU_SERVERS");
	int failed, err = 0;

	if (find_remote(o->remote, remote) < 0 || find_native(o->native, remote, native) < 0)
		return 1;
	report.repeat = o->repeat;
	report.bandwidth = o->plan.bandwidth;
	report.servers = o->servers ? o->servers : servers ? servers : "localhost";
	failed = run_all(o, &report, native, remote, argv, argc);
	if (!failed) {
		report_table(&report, stdout);
		if (o->json)
			err = report_json(&report, o->json);
		if (err)
			fprintf(stderr, "rgpu-bench: %s: %s\n", o->json, strerror(-err));
	}
	report_fini(&report);
	return failed || err;
}

static int child(const struct options *o)
{
	FILE *out = fdopen(o->child, "w");
	int failed;

	if (!o->library || !out)
		return usage();
	failed = measure(&o->plan, o->library, out);
	return fclose(out) || failed;
}

int main(int argc, char **argv)
{
	struct options o;

	if (parse_options(&o, argc, argv) < 0)
		return usage();
	return o.child < 0 ? parent(&o, argv, argc) : child(&o);
}
