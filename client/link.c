/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linker (cuLink*): input is shipped as images are, the result is fetched
 * when it is complete, and the application's log buffers are filled whenever
 * the server's linker has been at work.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "client_calls.h"
#include "load.h"
#include "real.h"
#include "wire_calls.h"

enum { READ_PIECE = 512 << 10 };

struct link {
	struct link *next;
	CUlinkState state;
	struct load_options options; /* its buffers stay the application's until the end */
	uint8_t *image; /* once it is complete; natively nothing can be done with it then */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct link *links;

static struct link *link_find(CUlinkState state)
{
	struct link *l;

	pthread_mutex_lock(&lock);
	for (l = links; l && l->state != state; l = l->next)
		continue;
	pthread_mutex_unlock(&lock);
	return l;
}

CUresult client_cuLinkCreate_v2(unsigned int numOptions, CUjit_option *options, void **optionValues,
	CUlinkState *stateOut)
{
	CUresult r = call_check(0);
	struct link *l;

	if (r)
		return r;
	if (!stateOut)
		return CUDA_ERROR_INVALID_VALUE;
	l = calloc(1, sizeof(*l));
	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = load_options_read(&l->options, numOptions, options, optionValues);
	/* The array of values may be gone when there is something to say. */
	l->options.log_size_value[0] = l->options.log_size_value[1] = NULL;
	if (!r)
		r = wire_link_create(&l->state, (const CUjit_option *)l->options.id,
			l->options.value, l->options.count);
	if (r) {
		free(l);
		return r;
	}
	pthread_mutex_lock(&lock);
	l->next = links;
	links = l;
	pthread_mutex_unlock(&lock);
	*stateOut = l->state;
	return CUDA_SUCCESS;
}

CUresult client_cuLinkAddData_v2(CUlinkState state, CUjitInputType type, void *data, size_t size,
	const char *name, unsigned int numOptions, CUjit_option *options, void **optionValues)
{
	struct load_options o;
	struct load_logs logs;
	struct link *l;
	CUresult r = call_check(0);

	if (!r)
		r = load_options_read(&o, numOptions, options, optionValues);
	if (r)
		return r;
	l = link_find(state);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!data || !size || (unsigned)type >= CU_JIT_NUM_INPUT_TYPES || l->image)
		return CUDA_ERROR_INVALID_VALUE;
	r = load_ship(data, size);
	if (r)
		return r;
	load_logs_begin(&logs, &l->options);
	r = wire_link_add((uintptr_t)state, type, name ? name : "", (const CUjit_option *)o.id,
		o.value, o.count, &logs.size[0], logs.text[0], &logs.size[1], logs.text[1]);
	load_logs_end(&logs, &l->options);
	return r;
}

CUresult client_cuLinkAddFile_v2(CUlinkState state, CUjitInputType type, const char *path,
	unsigned int numOptions, CUjit_option *options, void **optionValues)
{
	CUresult r = call_check(0);
	size_t size;
	char *data;

	if (!r)
		r = load_file(path, &data, &size);
	if (r)
		return r;
	r = client_cuLinkAddData_v2(state, type, data, size, path, numOptions, options, optionValues);
	free(data);
	return r;
}

/* Up to *@bytes of the image from @offset on; *@total is its size. The linker's logs come with the first. */
static CUresult link_piece(struct link *l, size_t offset, uint8_t *to, size_t *bytes, size_t *total)
{
	struct load_options none = {0};
	struct load_options *o = offset ? &none : &l->options;
	struct load_logs logs;
	CUresult r;

	load_logs_begin(&logs, o);
	r = wire_link_complete((uintptr_t)l->state, offset, total, bytes, to, &logs.size[0],
		logs.text[0], &logs.size[1], logs.text[1]);
	load_logs_end(&logs, o);
	return r;
}

/* Link, and fetch the image; *@size is what it has. */
static CUresult link_fetch(struct link *l, size_t *size)
{
	uint8_t *image = malloc(READ_PIECE), *whole;
	size_t at = READ_PIECE, total;
	CUresult r = image ? link_piece(l, 0, image, &at, size) : CUDA_ERROR_OUT_OF_MEMORY;

	whole = r ? NULL : realloc(image, *size ? *size : 1);
	if (!r && !whole)
		r = CUDA_ERROR_OUT_OF_MEMORY;
	image = whole ? whole : image;
	while (!r && at < *size) {
		size_t n = *size - at < READ_PIECE ? *size - at : READ_PIECE;

		r = link_piece(l, at, image + at, &n, &total);
		if (!r && !n)
			r = CUDA_ERROR_UNKNOWN;
		at += n;
	}
	if (r)
		free(image);
	else
		l->image = image;
	return r;
}

CUresult client_cuLinkComplete(CUlinkState state, void **cubinOut, size_t *sizeOut)
{
	CUresult r = call_check(0);
	struct link *l;
	size_t size;

	if (r)
		return r;
	if (!cubinOut)
		return CUDA_ERROR_INVALID_VALUE;
	l = link_find(state);
	if (!l || l->image)
		return CUDA_ERROR_INVALID_HANDLE;
	r = link_fetch(l, &size);
	if (r)
		return r;
	*cubinOut = l->image;
	if (sizeOut)
		*sizeOut = size;
	return CUDA_SUCCESS;
}

CUresult client_cuLinkDestroy(CUlinkState state)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct link *l = NULL;

	if (r)
		return r;
	pthread_mutex_lock(&lock);
	for (struct link **p = &links; *p; p = &(*p)->next) {
		if ((*p)->state == state) {
			l = *p;
			*p = l->next;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	r = wire_link_destroy((uintptr_t)state);
	real_forget(KIND_CUlinkState, (uintptr_t)state);
	free(l->image);
	free(l);
	return r;
}
