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
#include "copyout.h"
#include "heartbeat.h"
#include "lent.h"
#include "wire.h"
#include "wire_calls.h"

enum { PAGE = 4096, PIECE = 32 << 10, GRANULE = MIRROR_GRANULE };

struct mirror {
	struct mirror *next;
	uint64_t base;
	size_t size;
	uint8_t *known; /* contents as both sides had them last */
};

_Atomic unsigned mirrors_active;

/* Who activates, which waits for the server. */
static pthread_mutex_t activating = PTHREAD_MUTEX_INITIALIZER;
/* Who sends: keeps the list still and changes in order. Only the side connection is waited for under
 * it, where the server always reads: it may be waiting for the end of a host function. */
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;
/* What both sides had last; the list is changed under both. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mirror *mirrors;
static _Atomic uint64_t sent;	 /* frames; changed under `sending` */
static _Atomic uint64_t awaited; /* of those, what posted frames wait for; rises after they are posted */

static struct mirror *find(uint64_t address)
{
	struct mirror *m = mirrors;

	while (m && (address < m->base || address - m->base >= m->size))
		m = m->next;
	return m;
}

bool mirror_covers(const void *host, size_t size)
{
	uint64_t address = (uintptr_t)host;
	struct mirror *m;
	bool covers;

	if (!atomic_load_explicit(&mirrors_active, memory_order_acquire))
		return false;
	pthread_mutex_lock(&lock);
	m = find(address);
	covers = m && size <= m->size - (address - m->base);
	pthread_mutex_unlock(&lock);
	return covers;
}

static bool page_changed(const struct mirror *m, size_t at)
{
	return memcmp((uint8_t *)m->base + at, m->known + at, PAGE) != 0;
}

static bool granule_changed(const struct mirror *m, size_t at)
{
	return memcmp((uint8_t *)m->base + at, m->known + at, GRANULE) != 0;
}

/* The next run of changed granules from *at on, taken into @piece: what is sent is what is known. Gives
 * its size, with *at behind it; 0 when there is none. */
static size_t take_change(struct mirror *m, size_t *at, uint8_t *piece)
{
	size_t begin = *at, end;

	while (begin < m->size && !granule_changed(m, begin))
		begin += begin % PAGE == 0 && !page_changed(m, begin) ? PAGE : GRANULE;
	end = begin;
	while (end < m->size && end - begin < PIECE && granule_changed(m, end))
		end += GRANULE;
	*at = end;
	if (end == begin)
		return 0;
	memcpy(m->known + begin, (uint8_t *)m->base + begin, end - begin);
	memcpy(piece, m->known + begin, end - begin);
	return end - begin;
}

/* Called with `sending` held, as the next. */
static void put(uint64_t address, const void *bytes, size_t size)
{
	side_send(FRAME_MIRROR_WRITE, address, bytes, size);
	atomic_fetch_add(&sent, 1);
}

void mirror_put(uint64_t address, const void *bytes, size_t size)
{
	pthread_mutex_lock(&sending);
	put(address, bytes, size);
	pthread_mutex_unlock(&sending);
}

static void send_changes(struct mirror *m)
{
	static uint8_t piece[PIECE];
	size_t at = 0;

	for (;;) {
		size_t size;

		pthread_mutex_lock(&lock);
		size = take_change(m, &at, piece);
		pthread_mutex_unlock(&lock);
		if (!size)
			return;
		put(m->base + at - size, piece, size);
	}
}

void mirror_push(void)
{
	if (!atomic_load_explicit(&mirrors_active, memory_order_acquire))
		return;
	pthread_mutex_lock(&sending);
	for (struct mirror *m = mirrors; m; m = m->next)
		send_changes(m);
	pthread_mutex_unlock(&sending);
}

/* What this thread posts next comes after all that was sent. */
static CUresult await(void)
{
	uint64_t count = atomic_load(&sent), before = atomic_load(&awaited);
	CUresult r;

	if (before >= count)
		return CUDA_SUCCESS;
	r = wire_mirror_await(count);
	while (!r && before < count && !atomic_compare_exchange_weak(&awaited, &before, count))
		continue;
	return r;
}

CUresult mirror_send_slow(void)
{
	mirror_push();
	return await();
}

static struct mirror *mirror_create(uint64_t base, size_t size)
{
	struct mirror *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->base = base;
	m->size = size;
	m->known = calloc(1, size);
	if (m->known)
		return m;
	free(m);
	return NULL;
}

static void mirror_destroy(struct mirror *m)
{
	free(m->known);
	free(m);
}

static CUresult activate(uint64_t base, size_t size)
{
	struct mirror *m = mirror_create(base, size);
	CUresult r;

	if (!m)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = wire_mirror_map(base, size);
	if (r) {
		mirror_destroy(m);
		return r;
	}
	pthread_mutex_lock(&sending);
	pthread_mutex_lock(&lock);
	m->next = mirrors;
	mirrors = m;
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&mirrors_active, 1);
	send_changes(m);
	pthread_mutex_unlock(&sending);
	return await();
}

static bool is_active(uint64_t address)
{
	bool active;

	pthread_mutex_lock(&lock);
	active = find(address);
	pthread_mutex_unlock(&lock);
	return active;
}

CUresult mirror_activate(uint64_t base, size_t size)
{
	CUresult r = CUDA_SUCCESS;

	/* Memory is mirrored by pages; registered memory may begin inside one. */
	size = (size + base % PAGE + PAGE - 1) & ~(size_t)(PAGE - 1);
	base -= base % PAGE;
	/* What is still to come from the device would not be sent to the server again before work that reads it. */
	if (!is_active(base) && copyout_pending((void *)base, size))
		r = wire_context_synchronize();
	if (r)
		return r;
	pthread_mutex_lock(&activating);
	if (!is_active(base))
		r = activate(base, size);
	pthread_mutex_unlock(&activating);
	return r;
}

void mirror_end(uint64_t base)
{
	struct mirror **p, *m;

	base -= base % PAGE;
	pthread_mutex_lock(&sending);
	for (p = &mirrors; *p && (*p)->base != base; p = &(*p)->next)
		continue;
	m = *p;
	if (m) {
		pthread_mutex_lock(&lock);
		*p = m->next;
		pthread_mutex_unlock(&lock);
		atomic_fetch_sub(&mirrors_active, 1);
	}
	pthread_mutex_unlock(&sending);
	/* The server waits for all work of the context: others must be able to send meanwhile. */
	if (m) {
		await();
		wire_mirror_unmap(base);
		mirror_destroy(m);
	}
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
	if (!m && data)
		lent_received(address, data, size);
	return fits || !m;
}
