/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the PTX in what an application loads: plain text, a bare fat binary,
 * or the wrapper that the compiler puts around one. An image comes without its
 * length, as in the driver's interface, so only its own fields bound it; they
 * are checked against each other. Entries may be packed with LZ4 or zstd.
 */
#include "soft.h"

#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
	WRAPPER_MAGIC = 0x466243b1,
	FATBIN_MAGIC = 0xba55ed50,
	KIND_PTX = 1,
	FLAG_LZ4 = 0x2000,
	FLAG_ZSTD = 0x8000,
	ARCHITECTURE = 75,
};

#define UNPACKED_MAX ((uint64_t)1 << 30)

struct wrapper {
	uint32_t magic, version;
	const void *data;
	const void *const *extra;
};

struct header {
	uint32_t magic;
	uint16_t version, header_size;
	uint64_t body_size;
};

struct entry {
	uint16_t kind, version;
	uint32_t header_size;
	uint64_t payload_size;
	uint32_t packed_size, options;
	uint16_t minor, major;
	uint32_t architecture;
	uint32_t name_offset, name_size;
	uint64_t flags, zero, unpacked_size;
};

static int unpack(const struct entry *e, const char *payload, char *out)
{
	size_t n;

	if (e->flags & FLAG_LZ4) {
		if (e->packed_size > INT32_MAX || e->unpacked_size > INT32_MAX)
			return -EINVAL;
		return LZ4_decompress_safe(payload, out, e->packed_size, e->unpacked_size) ==
				       (int)e->unpacked_size
			       ? 0
			       : -EINVAL;
	}
	n = ZSTD_decompress(out, e->unpacked_size, payload, e->packed_size);
	return n == e->unpacked_size ? 0 : -EINVAL;
}

static CUresult extract(const struct entry *e, const char *payload, char **out, size_t *length)
{
	bool packed = e->flags & (FLAG_LZ4 | FLAG_ZSTD);
	uint64_t size = packed ? e->unpacked_size : e->payload_size;
	char *text;

	if (size > UNPACKED_MAX || (packed && e->packed_size > e->payload_size))
		return CUDA_ERROR_INVALID_IMAGE;
	text = malloc(size + 1);
	if (!text)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!packed) {
		memcpy(text, payload, size);
	} else if (unpack(e, payload, text) < 0) {
		free(text);
		return CUDA_ERROR_INVALID_IMAGE;
	}
	text[size] = 0;
	*out = text;
	*length = strlen(text);
	return CUDA_SUCCESS;
}

static CUresult from_fatbin(const void *image, char **out, size_t *length)
{
	struct header h;
	struct entry e, best = {0};
	const char *at, *end, *payload = NULL;

	memcpy(&h, image, sizeof(h));
	if (h.version != 1 || h.header_size < sizeof(h) || h.body_size > UNPACKED_MAX * 4)
		return CUDA_ERROR_INVALID_IMAGE;
	at = (const char *)image + h.header_size;
	end = at + h.body_size;
	while (at < end) {
		if ((size_t)(end - at) < sizeof(e))
			return CUDA_ERROR_INVALID_IMAGE;
		memcpy(&e, at, sizeof(e));
		if (e.header_size < sizeof(e) || e.header_size > (size_t)(end - at) ||
			e.payload_size > (size_t)(end - at) - e.header_size)
			return CUDA_ERROR_INVALID_IMAGE;
		if (e.kind == KIND_PTX && e.architecture <= ARCHITECTURE &&
			(!payload || e.architecture > best.architecture)) {
			best = e;
			payload = at + e.header_size;
		}
		at += e.header_size + e.payload_size;
	}
	return payload ? extract(&best, payload, out, length) : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

/* Version 2 has the pieces that a linked image for another device was made of. */
static CUresult from_wrapper(const void *image, char **out, size_t *length)
{
	struct wrapper w;
	uint32_t magic;
	CUresult result;

	memcpy(&w, image, sizeof(w));
	if (!w.data || (w.version != 1 && w.version != 2))
		return CUDA_ERROR_INVALID_IMAGE;
	memcpy(&magic, w.data, sizeof(magic));
	if (magic != FATBIN_MAGIC)
		return CUDA_ERROR_INVALID_IMAGE;
	result = from_fatbin(w.data, out, length);
	if (result != CUDA_ERROR_NO_BINARY_FOR_GPU || w.version != 2 || !w.extra || !w.extra[0] ||
		w.extra[1])
		return result;
	memcpy(&magic, w.extra[0], sizeof(magic));
	return magic == FATBIN_MAGIC ? from_fatbin(w.extra[0], out, length) : result;
}

static bool printable(unsigned char c)
{
	return (c >= ' ' && c < 127) || c == '\n' || c == '\t' || c == '\r';
}

CUresult image_text(const void *image, char **out, size_t *length)
{
	const unsigned char *bytes = image;
	uint32_t magic;

	if (!bytes[0])
		return CUDA_ERROR_INVALID_IMAGE;
	if (bytes[0] == 0x7f && !strncmp(image, "\177ELF", 4))
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	if (bytes[0] == 0xb1 || bytes[0] == 0x50) {
		memcpy(&magic, image, sizeof(magic));
		if (magic == WRAPPER_MAGIC)
			return from_wrapper(image, out, length);
		if (magic == FATBIN_MAGIC)
			return from_fatbin(image, out, length);
	}
	/* Text that says of itself that it is PTX, right or wrong. */
	if (!printable(bytes[0]) || (bytes[1] && !printable(bytes[1])) || !strstr(image, ".version"))
		return CUDA_ERROR_INVALID_IMAGE;
	*out = strdup(image);
	if (!*out)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*length = strlen(*out);
	return CUDA_SUCCESS;
}
