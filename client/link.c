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
	uint8_t *image;
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

static void fetch_logs(struct link *l)
{
	unsigned size[2];
	char *text[2];

	if (!l->options.log[0] && !l->options.log[1])
		return;
	for (int i = 0; i < 2; i++) {
		size[i] = l->options.log[i] ? l->options.log_size[i] : 0;
		if (size[i] > LOAD_LOG_MAX)
			size[i] = LOAD_LOG_MAX;
		text[i] = malloc(size[i] + 1);
	}
	if (text[0] && text[1] &&
		wire_link_logs((uintptr_t)l->state, &size[0], text[0], &size[1], text[1]) == 0) {
		for (int i = 0; i < 2; i++) {
			size_t room = l->options.log_size[i], n = size[i];

			if (!l->options.log[i] || !room)
				continue;
			if (n > room - 1)
				n = room - 1;
			memcpy(l->options.log[i], text[i], n);
			l->options.log[i][n] = '\0';
		}
	}
	free(text[0]);
	free(text[1]);
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
	struct link *l;
	CUresult r = call_check(0);

	if (!r)
		r = load_options_read(&o, numOptions, options, optionValues);
	if (r)
		return r;
	l = link_find(state);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!data || !size || (unsigned)type >= CU_JIT_NUM_INPUT_TYPES)
		return CUDA_ERROR_INVALID_VALUE;
	r = load_ship(data, size);
	if (!r)
		r = wire_link_add((uintptr_t)state, type, name ? name : "",
			(const CUjit_option *)o.id, o.value, o.count);
	fetch_logs(l);
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

static CUresult fetch_image(struct link *l, size_t size)
{
	l->image = malloc(size ? size : 1);
	if (!l->image)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (size_t at = 0; at < size;) {
		size_t n = size - at < READ_PIECE ? size - at : READ_PIECE, had = n;
		CUresult r = wire_link_read((uintptr_t)l->state, at, &n, l->image + at);

		if (r)
			return r;
		if (!n || n > had)
			return CUDA_ERROR_UNKNOWN;
		at += n;
	}
	return CUDA_SUCCESS;
}

CUresult client_cuLinkComplete(CUlinkState state, void **cubinOut, size_t *sizeOut)
{
	CUresult r = call_check(0);
	struct link *l;
	size_t size;

	if (r)
		return r;
	l = link_find(state);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!cubinOut)
		return CUDA_ERROR_INVALID_VALUE;
	r = wire_link_complete((uintptr_t)state, &size);
	fetch_logs(l);
	if (!r && !l->image)
		r = fetch_image(l, size);
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
