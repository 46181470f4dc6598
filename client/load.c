/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See load.h. An image is announced and then loaded by the same thread; large
 * ones travel by the bulk lanes. cudart's wrappers point into our memory, so
 * what is shipped is what they point to: one image, or for a wrapper of
 * version 2 a pack of them (u32 count, u32 zero, u64 size of each, the bytes).
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "image.h"
#include "lanes.h"
#include "wire_calls.h"

enum { KIND_PACK = 4 }; /* beside enum image_kind */

CUresult load_options_read(struct load_options *o, unsigned count, const CUjit_option *ids,
	void **values)
{
	memset(o, 0, sizeof(*o));
	if (!count)
		return CUDA_SUCCESS;
	if (!ids || !values || count > LOAD_OPTIONS)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < count; i++) {
		switch (ids[i]) {
		case CU_JIT_WALL_TIME:
			o->wall_time = &values[i];
			break;
		case CU_JIT_INFO_LOG_BUFFER:
		case CU_JIT_ERROR_LOG_BUFFER:
			o->log[ids[i] == CU_JIT_ERROR_LOG_BUFFER] = values[i];
			break;
		case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
		case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES: {
			bool error = ids[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES;

			o->log_size[error] = (unsigned)(uintptr_t)values[i];
			o->log_size_value[error] = &values[i];
			break;
		}
		case CU_JIT_GLOBAL_SYMBOL_NAMES:
		case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
		case CU_JIT_REFERENCED_KERNEL_NAMES:
		case CU_JIT_REFERENCED_VARIABLE_NAMES:
			return CUDA_ERROR_NOT_SUPPORTED;
		default:
			o->id[o->count] = ids[i];
			o->value[o->count++] = (uintptr_t)values[i];
		}
	}
	return CUDA_SUCCESS;
}

struct announcement {
	size_t bytes;
};

static CUresult announce(void *argument, uint64_t first_chunk)
{
	const struct announcement *a = argument;

	return wire_image_begin(a->bytes, first_chunk, NULL, 0);
}

CUresult load_ship(const void *data, size_t size)
{
	struct announcement a = {size};

	if (size <= FRAME_INLINE_MAX)
		return wire_image_begin(size, 0, data, size);
	return lanes_send(data, size, announce, &a);
}

/* All pieces of a version 2 wrapper in one block; the caller frees it. */
static uint8_t *pack(const struct image *image, size_t *size)
{
	size_t total = 8 + 8 * (size_t)image->count;
	uint8_t *block, *out;

	for (unsigned i = 0; i < image->count; i++)
		total += image->piece[i].size;
	block = out = malloc(total);
	if (!block)
		return NULL;
	put_u32(&out, image->count);
	put_u32(&out, 0);
	for (unsigned i = 0; i < image->count; i++)
		put_u64(&out, image->piece[i].size);
	for (unsigned i = 0; i < image->count; i++)
		put_bytes(&out, image->piece[i].data, image->piece[i].size);
	*size = total;
	return block;
}

static CUresult ship_image(const struct image *image, unsigned *kind)
{
	uint8_t *block;
	size_t size;
	CUresult r;

	*kind = image->piece[0].kind;
	if (image->count == 1)
		return load_ship(image->piece[0].data, image->piece[0].size);
	*kind = KIND_PACK;
	block = pack(image, &size);
	if (!block)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = load_ship(block, size);
	free(block);
	return r;
}

void load_logs_begin(struct load_logs *l, const struct load_options *o)
{
	for (int i = 0; i < 2; i++) {
		l->size[i] = o->log[i] ? o->log_size[i] : 0;
		if (l->size[i] > LOAD_LOG_MAX)
			l->size[i] = LOAD_LOG_MAX;
		l->text[i] = malloc(l->size[i] ? l->size[i] : 1);
		if (!l->text[i])
			l->size[i] = 0;
	}
}

void load_logs_end(struct load_logs *l, const struct load_options *o)
{
	for (int i = 0; i < 2; i++) {
		size_t n = l->size[i];

		if (o->log[i] && o->log_size[i]) {
			if (n > o->log_size[i] - 1)
				n = o->log_size[i] - 1;
			memcpy(o->log[i], l->text[i], n);
			o->log[i][n] = '\0';
			/* CUjit_option: on return the size says how much was written. */
			if (o->log_size_value[i])
				*o->log_size_value[i] = (void *)(uintptr_t)n;
		}
		free(l->text[i]);
	}
}

static CUresult load_open(const struct image *image, const struct load_options *o, uint64_t handle,
	bool library)
{
	struct load_logs logs;
	unsigned kind;
	CUresult r = ship_image(image, &kind);

	if (r)
		return r;
	load_logs_begin(&logs, o);
	r = wire_image_load(handle, library, kind, (const CUjit_option *)o->id, o->value, o->count,
		&logs.size[0], logs.text[0], &logs.size[1], logs.text[1]);
	load_logs_end(&logs, o);
	return r;
}

CUresult load_image(const void *p, struct load_options *o, uint64_t handle, bool library)
{
	struct image image;
	CUresult r;
	int err = image_open(&image, p);

	if (err == -ENOMEM)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (err)
		return CUDA_ERROR_INVALID_IMAGE;
	r = load_open(&image, o, handle, library);
	image_close(&image);
	return r;
}

CUresult load_file(const char *name, char **out, size_t *size)
{
	CUresult r = CUDA_ERROR_FILE_NOT_FOUND;
	struct stat st;
	char *text = NULL;
	size_t have = 0;
	int fd;

	if (!name)
		return CUDA_ERROR_INVALID_VALUE;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		goto out;
	r = CUDA_ERROR_OUT_OF_MEMORY;
	text = malloc(st.st_size + 1);
	if (!text)
		goto out;
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, text + have, st.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += n;
	}
	text[have] = '\0';
	*out = text;
	*size = have;
	r = CUDA_SUCCESS;
out:
	close(fd);
	return r;
}

enum { PARAMS_FIRST = 64 };

/* The parameters' offsets and sizes as the server has them, in arrays of @room places. */
static CUresult ask_function(struct module *m, struct function *f, unsigned room)
{
	unsigned have = room;
	uint32_t *numbers = calloc(4 * (size_t)room, sizeof(*numbers));
	uint32_t *offsets = numbers, *sizes = numbers + room, *pairs = numbers + 2 * room;
	int attributes[FUNCTION_ATTRIBUTES];
	CUresult r;

	if (!numbers)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_function_get(m->object.handle, m->library, f->object.handle, f->name, attributes,
		&have, offsets, sizes);
	if (!r && have > room) {
		free(numbers);
		return have > PARAM_BYTES_MAX ? CUDA_ERROR_UNKNOWN : ask_function(m, f, have);
	}
	for (unsigned i = 0; !r && i < have; i++) {
		pairs[2 * i] = offsets[i];
		pairs[2 * i + 1] = sizes[i];
	}
	if (!r)
		r = function_described(f, attributes, have, pairs);
	free(numbers);
	return r;
}

CUresult load_function(struct module *m, struct function *f)
{
	return ask_function(m, f, PARAMS_FIRST);
}

CUresult load_names(struct module *m, void (*each)(void *user, const char *name), void *user)
{
	size_t room = 16 << 10, bytes = room;
	unsigned count;
	char *names = malloc(room);
	CUresult r = names ? wire_module_functions(m->object.handle, m->library, &count, &bytes,
				     names)
			   : CUDA_ERROR_OUT_OF_MEMORY;

	if (!r && bytes > room) {
		room = bytes;
		free(names);
		names = malloc(room);
		r = names ? wire_module_functions(m->object.handle, m->library, &count, &bytes, names)
			  : CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (!r && (bytes > room || (bytes && names[bytes - 1])))
		r = CUDA_ERROR_UNKNOWN;
	for (size_t at = 0; !r && at < bytes; at += strlen(names + at) + 1)
		each(user, names + at);
	free(names);
	return r;
}
