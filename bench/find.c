/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the libraries beside this program: in a build tree, a packed or an installed one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "find.h"

static int own_folder(char *out)
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
	return 0;
}

static int find_beside(const char *const *places, const char *what, char *out)
{
	char folder[PATH_MAX], path[PATH_MAX + 64];
	int err = own_folder(folder);

	if (err < 0)
		return err;
	for (; *places; places++) {
		snprintf(path, sizeof(path), "%s/%s", folder, *places);
		if (realpath(path, out))
			return 0;
	}
	fprintf(stderr, "rgpu-bench: no %s beside %s; give its path\n", what, folder);
	return -ENOENT;
}

static int use_path(const char *path, char *out)
{
	if (realpath(path, out))
		return 0;
	fprintf(stderr, "rgpu-bench: %s: %s\n", path, strerror(errno));
	return -ENOENT;
}

int find_remote(const char *wanted, char *out)
{
	static const char *const places[] = {
		"libcuda.so.1",
		"../client/libcuda.so.1",
		"../lib/remotegpu/libcuda.so.1",
		"../lib/x86_64-linux-gnu/remotegpu/libcuda.so.1",
		NULL,
	};

	if (wanted && !strcmp(wanted, "none")) {
		*out = '\0';
		return 0;
	}
	return wanted ? use_path(wanted, out) : find_beside(places, "client library", out);
}

/* Does a folder of a library path hold this very client library? */
static int holds(const char *folder, const char *remote)
{
	char path[PATH_MAX + 16], real[PATH_MAX];

	snprintf(path, sizeof(path), "%s/libcuda.so.1", folder);
	return realpath(path, real) && !strcmp(real, remote);
}

static int leave_out_remote(const char *remote)
{
	const char *old = getenv("LD_LIBRARY_PATH");
	char *rest, *copy, *next, *folder;

	if (!old)
		return 0;
	copy = strdup(old);
	rest = calloc(1, strlen(old) + 1);
	if (!copy || !rest) {
		free(copy);
		free(rest);
		return -ENOMEM;
	}
	next = copy;
	while ((folder = strsep(&next, ":"))) {
		if (holds(folder, remote))
			continue;
		if (*rest)
			strcat(rest, ":");
		strcat(rest, folder);
	}
	setenv("LD_LIBRARY_PATH", rest, 1);
	free(copy);
	free(rest);
	return 0;
}

int find_native(const char *wanted, const char *remote, char *out)
{
	static const char *const soft[] = {
		"libcuda-soft.so",
		"../server/soft/libcuda-soft.so",
		"../lib/remotegpu/libcuda-soft.so",
		"../lib/x86_64-linux-gnu/remotegpu/libcuda-soft.so",
		NULL,
	};

	*out = '\0';
	if (!strcmp(wanted, "none"))
		return 0;
	if (!strcmp(wanted, "soft"))
		return find_beside(soft, "software GPU", out);
	if (strcmp(wanted, "auto"))
		return use_path(wanted, out);
	snprintf(out, PATH_MAX, "libcuda.so.1");
	return leave_out_remote(remote);
}
