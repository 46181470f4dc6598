/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's halves of linker calls. A link's logs and its result stay here
 * until it is destroyed; the client reads them in parts. Helpers may still work
 * on it then, for other threads: the last one ends it.
 */
#include <stdlib.h>

#include "image.h"
#include "module.h"
#include "server_calls.h"

enum {
	LINK_LOG = 64 << 10,
	LINKS_MAX = 256,
};

struct link {
	LIST_ENTRY(link) link;
	CUlinkState real;
	struct jit jit; /* the driver keeps pointers into it */
	char *info, *error;
	const uint8_t *image; /* the driver's */
	size_t size;
	unsigned users;	      /* the list, and calls that go on */
	pthread_mutex_t busy; /* one call at a time; not destroying */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, link) links = LIST_HEAD_INITIALIZER(links);
static unsigned links_count;

/* In use until link_put. */
static struct link *link_get(CUlinkState real)
{
	struct link *l;

	pthread_mutex_lock(&lock);
	LIST_FOREACH(l, &links, link) {
		if (l->real == real)
			break;
	}
	if (l)
		l->users++;
	pthread_mutex_unlock(&lock);
	return l;
}

static void link_free(struct link *l)
{
	pthread_mutex_destroy(&l->busy);
	free(l->info);
	free(l->error);
	free(l);
}

/* What the driver says when that ends it. */
static CUresult link_put(struct link *l)
{
	CUresult r = CUDA_SUCCESS;
	bool last;

	if (!l)
		return r;
	pthread_mutex_lock(&lock);
	last = !--l->users;
	links_count -= last;
	pthread_mutex_unlock(&lock);
	if (!last)
		return r;
	r = driver.cuLinkDestroy(l->real);
	link_free(l);
	return r;
}

static void link_done(struct link *l)
{
	if (l)
		pthread_mutex_unlock(&l->busy);
	link_put(l);
}

static bool links_full(void)
{
	bool full;

	pthread_mutex_lock(&lock);
	full = links_count >= LINKS_MAX;
	pthread_mutex_unlock(&lock);
	return full;
}

CUresult server_link_create(struct request *q, CUlinkState *state, const CUjit_option *options,
	const uint64_t *values, unsigned int count)
{
	struct link *l = links_full() ? NULL : calloc(1, sizeof(*l));
	CUresult r;

	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_init(&l->busy, NULL);
	l->info = calloc(1, LINK_LOG);
	l->error = calloc(1, LINK_LOG);
	r = l->info && l->error ? jit_fill(&l->jit, options, values, count)
				: CUDA_ERROR_OUT_OF_MEMORY;
	if (!r) {
		jit_logs(&l->jit, l->info, LINK_LOG, l->error, LINK_LOG);
		r = driver.cuLinkCreate_v2(l->jit.count, l->jit.option, l->jit.value, &l->real);
	}
	if (r) {
		link_free(l);
		return r;
	}
	l->users = 1;
	pthread_mutex_lock(&lock);
	LIST_INSERT_HEAD(&links, l, link);
	links_count++;
	pthread_mutex_unlock(&lock);
	*state = l->real;
	return CUDA_SUCCESS;
}

static void log_copy(unsigned *size, char *to, const char *from)
{
	size_t n = from ? strnlen(from, LINK_LOG) : 0;

	if (n > *size)
		n = *size;
	if (n)
		memcpy(to, from, n);
	*size = n;
}

CUresult server_link_add(struct request *q, CUlinkState state, CUjitInputType type,
	const char *name, const CUjit_option *options, const uint64_t *values, unsigned int count,
	unsigned int *info_size, char *info_log, unsigned int *error_size, char *error_log)
{
	struct image *image = image_take(q);
	struct link *l = link_get(state);
	struct jit j;
	CUresult r = image && l ? jit_fill(&j, options, values, count) : CUDA_ERROR_INVALID_VALUE;

	if (!r && !image_linkable(image))
		r = CUDA_ERROR_INVALID_IMAGE;
	if (l)
		pthread_mutex_lock(&l->busy);
	if (!r)
		r = driver.cuLinkAddData_v2(
			state, type, image->bytes, image->size, name, j.count, j.option, j.value);
	image_free(q->session, image);
	log_copy(info_size, info_log, l ? l->info : NULL);
	log_copy(error_size, error_log, l ? l->error : NULL);
	link_done(l);
	return r;
}

static CUresult link_complete(struct link *l)
{
	void *image;
	size_t size;
	CUresult r = driver.cuLinkComplete(l->real, &image, &size);

	if (!r) {
		l->image = image;
		l->size = size;
	}
	return r;
}

CUresult server_link_complete(struct request *q, CUlinkState state, size_t offset, size_t *size,
	size_t *bytes, uint8_t *image, unsigned int *info_size, char *info_log,
	unsigned int *error_size, char *error_log)
{
	struct link *l = link_get(state);
	CUresult r;

	if (l)
		pthread_mutex_lock(&l->busy);
	r = !l ? CUDA_ERROR_INVALID_HANDLE : offset ? CUDA_SUCCESS : link_complete(l);
	if (!r && (!l->image || offset > l->size))
		r = CUDA_ERROR_INVALID_VALUE;
	*size = r ? 0 : l->size;
	if (r)
		*bytes = 0;
	else if (*bytes > l->size - offset)
		*bytes = l->size - offset;
	if (*bytes)
		memcpy(image, l->image + offset, *bytes);
	log_copy(info_size, info_log, l ? l->info : NULL);
	log_copy(error_size, error_log, l ? l->error : NULL);
	link_done(l);
	return r;
}

CUresult server_link_destroy(struct request *q, CUlinkState state)
{
	struct link *l = link_get(state);

	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	pthread_mutex_lock(&lock);
	LIST_REMOVE(l, link);
	l->users--;
	pthread_mutex_unlock(&lock);
	return link_put(l);
}
