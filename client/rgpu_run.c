/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rgpu-run: run a command on remote GPUs. It puts the client libraries in
 * front of the library path, names the servers, and becomes the command; like
 * env, it ends with 125 when it fails itself, 126 when the command cannot be
 * run and 127 when there is no such command.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_OWN_FAILURE = 125,
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

static const char help_text[] =
	"Usage: rgpu-run [-s SERVERS] [--] COMMAND [ARGUMENT]...\n"
	"Run a command whose GPUs are those of a gpuserverd.\n"
	"\n"
	"  -s, --servers SERVERS  comma-separated host[:port]; the first that accepts is used\n"
	"                         (default: RGPU_SERVERS as it is, or localhost)\n"
	"      --help             print this and exit\n"
	"      --version          print the version and exit\n"
	"\n"
	"Exit status: the command's, or 125 for a failure of rgpu-run itself, 126 when the\n"
	"command cannot be run, 127 when it is not found.\n";

/* Where this program lies, without its name. */
static bool own_folder(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (n <= 0)
		return false;
	out[n] = '\0';
	*strrchr(out, '/') = '\0';
	return true;
}

/* Whether the library is in the folder, which is then at the end of @path. */
static bool add_folder(
	char *path, size_t size, const char *own, const char *below, const char *library)
{
	char folder[PATH_MAX], file[PATH_MAX];
	size_t used = strlen(path);
	int n;

	n = snprintf(file, sizeof(file), "%s/%s/%s", own, below, library);
	if (n >= (int)sizeof(file) || access(file, R_OK))
		return false;
	snprintf(file, sizeof(file), "%s/%s", own, below);
	if (!realpath(file, folder))
		return false;
	n = snprintf(path + used, size - used, "%s%s", used ? ":" : "", folder);
	return n > 0 && (size_t)n < size - used;
}

/* Installed, all client libraries are in one folder; in a build, NVML's has one of its own. */
static bool find_libraries(const char *own, char *path, size_t size)
{
	static const char *const below[] = {".", CLIENT_FOLDER, "../lib/remotegpu"};
	size_t i;

	*path = '\0';
	for (i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		if (add_folder(path, size, own, below[i], "libcuda.so.1")) {
			add_folder(path, size, own, "nvml", "libnvidia-ml.so.1");
			return true;
		}
	}
	return false;
}

static int own_failure(const char *text)
{
	fprintf(stderr, "rgpu-run: %s\n", text);
	return EXIT_OWN_FAILURE;
}

static int set_library_path(void)
{
	const char *before = getenv("LD_LIBRARY_PATH");
	char own[PATH_MAX], ours[2 * PATH_MAX], *path = NULL;
	int failed;

	if (!own_folder(own))
		return own_failure("/proc/self/exe does not tell where this program is");
	if (strpbrk(own, ":;")) /* two folders for the loader, which has no way to quote them */
		return own_failure("RemoteGPU is in a folder whose name has ':' or ';' in it, "
				   "which LD_LIBRARY_PATH cannot name: move it");
	if (!find_libraries(own, ours, sizeof(ours)))
		return own_failure(
			"libcuda.so.1 of RemoteGPU is neither beside this program nor in "
			"its installation: install RemoteGPU again");
	failed = asprintf(&path, "%s%s%s", ours, before && *before ? ":" : "",
			 before ? before : "") < 0 ||
		 setenv("LD_LIBRARY_PATH", path, 1);
	free(path);
	return failed ? own_failure(strerror(ENOMEM)) : 0;
}

static int run(char **command)
{
	int error;

	execvp(command[0], command);
	error = errno;
	fprintf(stderr, "rgpu-run: %s: %s\n", command[0], strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"servers", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	int option, err;

	/* "+": the command's own options are not ours. */
	while ((option = getopt_long(argc, argv, "+s:", options, NULL)) != -1) {
		switch (option) {
		case 's':
			if (!optarg[strspn(optarg, ", \t")])
				return own_failure("-s needs at least one server");
			if (setenv("RGPU_SERVERS", optarg, 1))
				return own_failure(strerror(errno));
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		case 'v':
			puts("rgpu-run " RELEASE);
			return 0;
		default:
			return own_failure("try 'rgpu-run --help'");
		}
	}
	if (optind == argc)
		return own_failure("which command? Try 'rgpu-run --help'");
	err = set_library_path();
	return err ? err : run(argv + optind);
}
