/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two compressions of fat binaries. LZ4 is linked in. zstd is opened when it is
 * first needed, so that the client runs on hosts without it: then a kernel's
 * layout comes from the server.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <pthread.h>
#include "image_format.h"

typedef size_t zstd_decompress(void *out, size_t room, const void *packed, size_t size);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static zstd_decompress *decompress; /* NULL: no library; set once */

static void zstd_open(void)
{
	void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);

	if (library)
		decompress = (zstd_decompress *)dlsym(library, "ZSTD_decompress");
}

int unpack_lz4(const void *packed, size_t size, void *out, size_t room)
{
	if (size > INT_MAX || room > INT_MAX)
		return -EINVAL;
	return LZ4_decompress_safe(packed, out, size, room) == (int)room ? 0 : -EINVAL;
}

int unpack_zstd(const void *packed, size_t size, void *out, size_t room)
{
	pthread_once(&once, zstd_open);
	if (!decompress)
		return -ENOTSUP;
	/* An error is a number above any size. */
	return decompress(out, room, packed, size) == room ? 0 : -EINVAL;
}
