/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code images on their way from a client thread to its next load. What is
 * handed to the driver is checked to lie inside of what came: the driver takes
 * lengths from the image's own headers.
 */
#ifndef SERVER_IMAGE_H
#define SERVER_IMAGE_H

#include "state.h"

/* Numbers of the wire: what the bytes are. */
enum image_kind {
	IMAGE_FATBIN = 1,
	IMAGE_CUBIN = 2,
	IMAGE_PTX = 3,
	IMAGE_PACK = 4, /* u32 count, u32 zero, u64 size of each, the images: a linked fat binary
			 * and the unlinked pieces it was made from */
};

struct image {
	struct image *next;
	uint32_t thread;
	size_t size;
	uint8_t *bytes; /* zeros follow */
	void *wrapper;	/* what cudart would pass for a pack */
	const void **piece;
};

int images_create(struct session *s);
void images_destroy(struct session *s);
/* The image that @q's thread announced last, the caller's now; NULL: none. */
struct image *image_take(struct request *q);
void image_free(struct session *s, struct image *image);
/* What the driver is to be given; NULL when the bytes are not an image of @kind. */
const void *image_data(struct image *image, unsigned kind);
/* The linker may have it, whatever the client says that it is. */
bool image_linkable(const struct image *image);

#endif
