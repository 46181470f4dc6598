/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mirror.h. Changes are found by comparing with a copy of what was last
 * sent or received; memory is never made inaccessible, so that system calls
 * and other threads may use it at any time. Not one granule more is sent than
 * was changed: a kernel may be writing right beside.
 */
#include "mirror.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "wire_calls.h"

enum { PAGE = 4096, PIECE = 64 << 10, GRANULE = 4 };

struct mirror {
	struct mirror *next;
	uint64_t base;
	size_t size;
	uint8_t *known; /* contents as both sides had them last */
};

_Atomic unsigned mirrors_active;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mirror *mirrors;

static struct mirror *find(uint64_t address)
{
	struct mirror *m = mirrors;

	while (m && (address < m->base || address - m->base >= m->size))
		m = m->next;
	return m;
}

static bool page_changed(const struct mirror *m, size_t at)
{
	return memcmp((uint8_t *)m->base + at, m->known + at, PAGE) != 0;
}

static bool granule_changed(const struct mirror *m, size_t at)
{
	return memcmp((uint8_t *)m->base + at, m->known + at, GRANULE) != 0;
}

/* Send runs of changed granules in pieces. The copy is taken first: what is sent is what is known. */
static CUresult send_changes(struct mirror *m)
{
	for (size_t at = 0; at < m->size;) {
		size_t end = at;
		CUresult r;

		if (at % PAGE == 0 && !page_changed(m, at)) {
			at += PAGE;
			continue;
		}
		while (end < m->size && end - at < PIECE && granule_changed(m, end))
			end += GRANULE;
		if (end == at) {
			at += GRANULE;
			continue;
		}
		memcpy(m->known + at, (uint8_t *)m->base + at, end - at);
		r = wire_mirror_write(m->base + at, m->known + at, end - at);
		if (r)
			return r;
		at = end;
	}
	return CUDA_SUCCESS;
}

CUresult mirror_send_slow(void)
{
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&lock);
	for (struct mirror *m = mirrors; m && !r; m = m->next)
		r = send_changes(m);
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult mirror_activate(uint64_t base, size_t size)
{
	struct mirror *m;
	CUresult r = CUDA_SUCCESS;

	/* Memory is mirrored by pages; registered memory may begin inside one. */
	size = (size + base % PAGE + PAGE - 1) & ~(size_t)(PAGE - 1);
	base -= base % PAGE;
	pthread_mutex_lock(&lock);
	if (find(base))
		goto out;
	r = CUDA_ERROR_OUT_OF_MEMORY;
	m = calloc(1, sizeof(*m));
	if (!m)
		goto out;
	m->base = base;
	m->size = size;
	m->known = calloc(1, size);
	if (!m->known)
		goto free_mirror;
	pthread_mutex_unlock(&lock);
	/* Not under the lock: a reply may bring changes of other mirrors first. */
	r = wire_mirror_map(base, size);
	pthread_mutex_lock(&lock);
	if (r)
		goto free_mirror;
	m->next = mirrors;
	mirrors = m;
	atomic_fetch_add(&mirrors_active, 1);
	r = send_changes(m);
	goto out;
free_mirror:
	free(m->known);
	free(m);
out:
	pthread_mutex_unlock(&lock);
	return r;
}

void mirror_end(uint64_t base)
{
	struct mirror *m = NULL;

	base -= base % PAGE;
	pthread_mutex_lock(&lock);
	for (struct mirror **p = &mirrors; *p; p = &(*p)->next) {
		if ((*p)->base == base) {
			m = *p;
			*p = m->next;
			atomic_fetch_sub(&mirrors_active, 1);
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	if (!m)
		return;
	wire_mirror_unmap(base);
	free(m->known);
	free(m);
}

bool mirror_received(uint64_t address, const void *data, size_t size)
{
	struct mirror *m;
	bool fits;

	pthread_mutex_lock(&lock);
	m = find(address);
	fits = data && m && size <= m->size - (address - m->base);
	if (fits) {
		memcpy((void *)address, data, size);
		memcpy(m->known + (address - m->base), data, size);
	}
	pthread_mutex_unlock(&lock);
	/* A mirror that just ended may still get what was under way. */
	return fits || !m;
}
