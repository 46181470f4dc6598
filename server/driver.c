/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See driver.h. Our own client library has the same file name as the driver's
 * and exports the same symbols: it is told by a setting's name that it holds,
 * and refused, since a server that used it would be its own client.
 */
#include "driver.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENT_MARK "RGPU_SERVERS"
#define CLIENT_SIZE_MAX (32 << 20) /* NVIDIA's library is larger, and not searched */
#define DRIVER_NAME "libcuda.so.1"
#define SOFT_NAME "libcuda-soft.so"
#define SOFT_BUILT "soft/" SOFT_NAME /* beside the program in a build directory */

static bool software;
static char name[DRIVER_WHY + 80];

bool driver_is_software(void)
{
	return software;
}

const char *driver_name(void)
{
	return name;
}

static void driver_resolve(void *library)
{
	for (size_t i = 0; i < driver_names_count; i++) {
		void *function = dlsym(library, driver_names[i].name);

		if (function)
			memcpy((char *)&driver + driver_names[i].offset, &function,
				sizeof(function));
	}
}

/* Is the library that @function lies in our client's? */
static bool is_client(const void *function)
{
	struct stat st;
	bool found = false;
	Dl_info info;
	void *bytes;
	int fd;

	if (!dladdr(function, &info) || !info.dli_fname)
		return false;
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size && st.st_size < CLIENT_SIZE_MAX) {
		bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			found = memmem(bytes, st.st_size, CLIENT_MARK, sizeof(CLIENT_MARK));
			munmap(bytes, st.st_size);
		}
	}
	close(fd);
	return found;
}

static int driver_load(const char *path, char why[DRIVER_WHY])
{
	CUresult (*init)(unsigned int);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CUresult r;

	if (!library) {
		snprintf(why, DRIVER_WHY, "cannot load the driver library: %s", dlerror());
		return -ENOENT;
	}
	init = (CUresult(*)(unsigned int))dlsym(library, "cuInit");
	if (init && is_client((const void *)init)) {
		snprintf(why, DRIVER_WHY,
			"%s is RemoteGPU's client library, not a driver: remove it from "
			"LD_LIBRARY_PATH or name the driver with --driver",
			path);
		return -ELOOP;
	}
	if (!init) {
		snprintf(why, DRIVER_WHY, "%s is not a driver: it has no cuInit", path);
		return -ENOENT;
	}
	r = init(0);
	if (r) {
		snprintf(why, DRIVER_WHY, "%s: cuInit failed with error %d%s", path, (int)r,
			r != CUDA_ERROR_NO_DEVICE	 ? ""
			: getenv("CUDA_VISIBLE_DEVICES") ? " (no GPU among CUDA_VISIBLE_DEVICES)"
							 : " (no GPU)");
		return -ENODEV;
	}
	driver_resolve(library);
	snprintf(name, sizeof(name), "%s", path);
	return 0;
}

static int soft_load(char why[DRIVER_WHY])
{
	const char *names[] = {SOFT_NAME, SOFT_BUILT};
	char path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *end;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	end = strrchr(path, '/') + 1;
	software = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(end, names[i]);
		if (!access(path, R_OK))
			return driver_load(path, why);
	}
	return driver_load(SOFT_NAME, why);
}

int driver_open(const char *choice, char why[DRIVER_WHY])
{
	char first[DRIVER_WHY];
	size_t used;

	if (!strcmp(choice, "soft"))
		return soft_load(why);
	if (strcmp(choice, "auto")) {
		software = strstr(choice, SOFT_NAME) != NULL;
		return driver_load(choice, why);
	}
	if (!driver_load(DRIVER_NAME, first))
		return 0;
	if (!soft_load(why)) {
		snprintf(name, sizeof(name), "the software GPU, since NVIDIA's does not work: %s",
			first);
		return 0;
	}
	used = strlen(why);
	snprintf(why + used, DRIVER_WHY - used, "; %s", first);
	return -ENODEV;
}
