/* SPDX-License-Identifier: Apache-2.0 */
/* See foreign.h. Each piece that stays is a mapping, of which a process has a limited number. */
#include "foreign.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#define LOWEST UINT64_C(4096)
#define SPACE (UINT64_C(1) << 47)

enum { PIECES_MAX = 8192 };

int foreign_init(struct foreign *f)
{
	uint64_t all;
	int err = arena_init(&f->free, LOWEST, SPACE - LOWEST);

	return err ? err : arena_alloc(&f->free, SPACE - LOWEST, 1, &all);
}

void foreign_fini(struct foreign *f)
{
	arena_fini(&f->free);
}

static bool map(uint64_t address, uint64_t bytes, int protection, int flags)
{
	void *want = (void *)(uintptr_t)address;
	void *got = mmap(want, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (got != MAP_FAILED && got != want)
		munmap(got, bytes);
	return got == want;
}

/* The bytes from @address on, up to @end, that are kept alike; whether they are. */
static bool foreign_piece(const struct foreign *f, uint64_t address, uint64_t end, uint64_t *bytes)
{
	*bytes = end - address;
	for (size_t i = 0; i < f->free.count; i++) {
		const struct arena_range *r = &f->free.range[i];

		if (r->base + r->size <= address)
			continue;
		if (r->base <= address) {
			if (r->base + r->size < end)
				*bytes = r->base + r->size - address;
			return true;
		}
		if (r->base < end)
			*bytes = r->base - address;
		return false;
	}
	return false;
}

/* Reserve what is not kept yet; then all of it is. */
static int foreign_complete(struct foreign *f, uint64_t address, uint64_t end)
{
	while (address < end) {
		uint64_t bytes;

		if (!foreign_piece(f, address, end, &bytes)) {
			if (!map(address, bytes, PROT_NONE, MAP_FIXED_NOREPLACE | MAP_NORESERVE))
				return -EEXIST;
			if (arena_free(&f->free, address, bytes)) {
				munmap((void *)(uintptr_t)address, bytes);
				return -ENOMEM;
			}
		}
		address += bytes;
	}
	return 0;
}

int foreign_map(struct foreign *f, uint64_t address, uint64_t bytes)
{
	int err;

	if (address < LOWEST || address >= SPACE || bytes > SPACE - address)
		return -EEXIST;
	if (f->free.count >= PIECES_MAX)
		return -ENOMEM;
	err = foreign_complete(f, address, address + bytes);
	if (!err)
		err = arena_alloc_at(&f->free, address, bytes);
	if (err)
		return err;
	if (map(address, bytes, PROT_READ | PROT_WRITE, MAP_FIXED))
		return 0;
	arena_free(&f->free, address, bytes);
	return -ENOMEM;
}

void foreign_unmap(struct foreign *f, uint64_t address, uint64_t bytes)
{
	/* Without room to note it, it stays for good all the same. */
	if (map(address, bytes, PROT_NONE, MAP_FIXED | MAP_NORESERVE))
		arena_free(&f->free, address, bytes);
}
