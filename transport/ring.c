/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring's memory: a memfd, mapped at two adjacent places. The descriptor is
 * closed at once; the mappings keep the pages.
 */
#include "ring.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

static bool map_half(uint8_t *at, size_t size, int fd)
{
	return mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
}

/* NULL, with errno set, when it fails. */
static uint8_t *map_twice(size_t size, int fd)
{
	uint8_t *base = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (base == MAP_FAILED)
		return NULL;

	/* Shared memory survives fork: without DONTFORK a child could write into its parent's
	 * stream. */
	if (map_half(base, size, fd) && map_half(base + size, size, fd) &&
		!madvise(base, 2 * size, MADV_DONTFORK))
		return base;

	err = errno;
	munmap(base, 2 * size);
	errno = err;
	return NULL;
}

int ring_init(struct ring *r, size_t size)
{
	uint8_t *base = NULL;
	int err, fd;

	fd = memfd_create("ring", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;

	if (!ftruncate(fd, size))
		base = map_twice(size, fd);
	err = -errno;
	close(fd);
	if (!base)
		return err;

	*r = (struct ring){.base = base, .size = size};
	return 0;
}

void ring_fini(struct ring *r)
{
	if (r->base)
		munmap(r->base, 2 * r->size);
	*r = (struct ring){0};
}
