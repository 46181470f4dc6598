/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How images lie in memory, and what the files that read them share. The formats
 * are NVIDIA's; what is here was learned from the images of CUDA 11 to 13.
 */
#ifndef IMAGE_FORMAT_H
#define IMAGE_FORMAT_H

#include "image.h"

#define WRAPPER_MAGIC 0x466243b1u
#define FATBIN_MAGIC 0xba55ed50u
#define ELF_MAGIC 0x464c457fu

enum { SHT_CUDA_SHARED = 0x7000000a }; /* ELF section type of shared memory: no bytes in the file */

struct fatbin_wrapper {
	uint32_t magic;
	uint32_t version;
	const void *data;
	const void *const *pieces; /* version 1: a file name, or NULL */
};

struct fatbin_header {
	uint32_t magic;
	uint16_t version;
	uint16_t header_size;
	uint64_t body_size;
};

enum fatbin_kind { FATBIN_PTX = 1, FATBIN_CUBIN = 2 };

enum {
	FATBIN_LZ4 = 0x2000,	   /* a bare LZ4 block */
	FATBIN_ZSTD = 0x8000,	   /* a zstd frame */
	FATBIN_SPECIFIC = 0x100000, /* sm_90a: this architecture only */
	FATBIN_FAMILY = 0x200000,  /* sm_100f: this major version only */
};

/* Then strings, up to header_size, then the payload, then the next entry. */
struct fatbin_entry {
	uint16_t kind;
	uint16_t version;
	uint32_t header_size;
	uint64_t payload_size; /* as stored, with padding */
	uint32_t packed_size;  /* of the compressed stream; 0: not packed */
	uint32_t options_offset;
	uint16_t minor;
	uint16_t major;
	uint32_t arch;
	uint32_t name_offset;
	uint32_t name_size;
	uint64_t flags;
	uint64_t zero;
	uint64_t unpacked_size; /* 0: not packed */
};

/* code_layout() and code_each_kernel() for either kind. */
int cubin_layout(const struct code *code, const char *kernel, struct param_layout **out);
int cubin_each_kernel(const struct code *code, code_kernel *each, void *user);
int ptx_layout(const struct code *code, const char *kernel, struct param_layout **out);
int ptx_each_kernel(const struct code *code, code_kernel *each, void *user);

/* The architecture that a cubin is for, and whether for no other; 0: damaged. */
unsigned cubin_arch(const uint8_t *data, size_t size, bool *specific);

/* Unpack @size bytes into exactly @room. -EINVAL: damaged; -ENOTSUP: no library. */
int unpack_lz4(const void *packed, size_t size, void *out, size_t room);
int unpack_zstd(const void *packed, size_t size, void *out, size_t room);

#endif
