/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code images as applications hand them over: bare pointers, without a size, to
 * something that only its first bytes tell.
 *
 *   wrapper	 what cudart registers; points to a fat binary (version 1), or to a
 *		 linked one and to the unlinked pieces it was made from (version 2)
 *   fat binary	 entries of PTX and cubins for several architectures, maybe packed
 *   cubin	 an ELF file
 *   PTX	 text that ends with a NUL
 *
 * Nothing here trusts an image. Its length is worked out from headers that are
 * known to be readable, and what claims to be longer than the memory behind it is
 * refused. After that every read is inside the piece.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_kind { IMAGE_FATBIN = 1, IMAGE_CUBIN, IMAGE_PTX };

struct image_piece {
	enum image_kind kind;
	const uint8_t *data; /* the application's memory */
	size_t size;	     /* bytes to ship; PTX: with its NUL */
};

struct image {
	unsigned wrapper; /* version of the wrapper around it, 0: none */
	unsigned count;
	struct image_piece *piece; /* [0] is the image, the rest what a v2 wrapper lists */
	struct image_piece first;  /* piece points here when there is one only */
};

/*
 * Find out what lies at @p. -EINVAL: no image, or a damaged one; -EFAULT: it would
 * reach into memory that is not there; -ENOMEM. On success image_close() frees.
 */
int image_open(struct image *out, const void *p);
void image_close(struct image *image);

/* Is there a cubin that runs on a GPU of compute capability @arch (90 for 9.0) as it is? */
bool image_has_cubin(const struct image *image, unsigned arch);

/* One architecture's code out of an image, unpacked. */
struct code {
	enum image_kind kind; /* IMAGE_CUBIN or IMAGE_PTX */
	const uint8_t *data;
	size_t size;
	void *unpacked; /* owned; NULL: data lies in the image, which must stay */
};

/*
 * The cubin that fits @arch best, or else the PTX. -ENOENT: neither; -ENOTSUP: packed in a
 * way that this host has no library for; -EINVAL: damaged; -ENOMEM. code_close() frees.
 */
int image_code(const struct image *image, unsigned arch, struct code *out);
void code_close(struct code *code);

struct param {
	uint16_t offset;
	uint16_t size;
};

/* Where a kernel's parameters lie in its parameter buffer; ordered, not overlapping. */
struct param_layout {
	unsigned count;
	unsigned size; /* of the buffer */
	struct param param[];
};

enum { PARAM_BYTES_MAX = 32764 };

/* -ENOENT: no such kernel; -EINVAL: damaged; -ENOMEM. The caller frees *@out. */
int code_layout(const struct code *code, const char *kernel, struct param_layout **out);

/*
 * Call @each for every kernel with its layout (freed afterwards), in the code's order, until one
 * returns non-zero, which is returned. Kernels whose layout is damaged are left out.
 */
typedef int code_kernel(void *user, const char *name, const struct param_layout *layout);
int code_each_kernel(const struct code *code, code_kernel *each, void *user);

#endif
