/* SPDX-License-Identifier: Apache-2.0 */
/* See lent.h. Room is used again and never ended, which would wait for all work. */
#include "lent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hostfunc.h"
#include "hostmem.h"
#include "mirror.h"
#include "wire_calls.h"

enum { PAGE = 4096, PIECE = 32 << 10, GRANULE = MIRROR_GRANULE, LOOSE = 4, NEWS_SECONDS = 5 };

/* A copy that uses a room, until its graph is gone. */
struct user {
	LIST_ENTRY(user) link;
	struct lent *room;
	uint64_t by;
};

struct lent {
	struct lent *next;
	uint64_t address; /* the server's */
	size_t room;
	LIST_HEAD(, user) users;
	uint8_t *host; /* NULL: nobody uses it */
	size_t size;
	bool written, entangled;
	uint8_t *known; /* contents as both sides had them last, of all the room */
};

_Atomic unsigned lent_active;

/* Who makes room, which waits for the server. */
static pthread_mutex_t lending = PTHREAD_MUTEX_INITIALIZER;
/* Who pushes: keeps changes in order, and the list still. */
static pthread_mutex_t pushing = PTHREAD_MUTEX_INITIALIZER;
/* What both sides had last, and who uses a room; the list is changed under both. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lent *all;
static _Atomic unsigned entangled; /* rooms */
/* A room has a user less. */
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;

/* How many bytes could be read, up to the first page that is gone. */
static size_t host_read(const struct lent *l, size_t at, size_t size, uint8_t *to)
{
	struct iovec local = {to, size}, remote = {l->host + at, size};
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return n > 0 ? n : 0;
}

static void host_write(const struct lent *l, size_t at, size_t size, const void *from)
{
	struct iovec local = {(void *)from, size}, remote = {l->host + at, size};

	if (process_vm_writev(getpid(), &local, 1, &remote, 1, 0) < 0)
		return; /* gone, and so is who would have looked */
}

/* What the host has from @at on, with zeros up to a granule. */
static size_t view(const struct lent *l, size_t at, uint8_t *now)
{
	size_t left = l->host && at < l->size ? l->size - at : 0;
	size_t n = left ? host_read(l, at, left < PIECE ? left : PIECE, now) : 0;

	while (n % GRANULE)
		now[n++] = 0;
	return n;
}

static bool same(const struct lent *l, size_t at, const uint8_t *now)
{
	return !memcmp(l->known + at, now, GRANULE);
}

/* The next run of changed granules from *at on, as mirror.c has it. Called with the lock. */
static size_t take_change(struct lent *l, size_t *at, uint8_t *piece)
{
	static uint8_t now[PIECE];
	size_t n, begin, end;

	while ((n = view(l, *at, now)) && !memcmp(l->known + *at, now, n))
		*at += n;
	for (begin = 0; begin < n && same(l, *at + begin, now + begin); begin += GRANULE)
		continue;
	for (end = begin; end < n && !same(l, *at + end, now + end); end += GRANULE)
		continue;
	memcpy(l->known + *at + begin, now + begin, end - begin);
	memcpy(piece, now + begin, end - begin);
	*at += end;
	return end - begin;
}

void lent_push_slow(void)
{
	static uint8_t piece[PIECE];

	pthread_mutex_lock(&pushing);
	for (struct lent *l = all; l; l = l->next) {
		size_t at = 0, size;

		do {
			pthread_mutex_lock(&lock);
			size = take_change(l, &at, piece);
			pthread_mutex_unlock(&lock);
			if (size)
				mirror_put(l->address + at - size, piece, size);
		} while (size);
	}
	pthread_mutex_unlock(&pushing);
}

static struct lent *room_find(size_t size)
{
	struct lent *l;

	pthread_mutex_lock(&lock);
	for (l = all; l; l = l->next) {
		if (!l->host && l->room >= size && l->room / LOOSE <= size + PAGE)
			break;
	}
	pthread_mutex_unlock(&lock);
	return l;
}

static CUresult room_make(size_t size, struct lent **out)
{
	struct lent *l = calloc(1, sizeof(*l));
	CUresult r = CUDA_ERROR_OUT_OF_MEMORY;

	if (!l)
		return r;
	l->room = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	l->known = calloc(1, l->room);
	l->address = l->known ? hostmem_take(l->room) : 0;
	if (l->address)
		r = wire_mirror_map(l->address, l->room);
	if (r) {
		if (l->address)
			hostmem_give(l->address, l->room);
		free(l->known);
		free(l);
		return r;
	}
	pthread_mutex_lock(&pushing);
	pthread_mutex_lock(&lock);
	l->next = all;
	all = l;
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&pushing);
	atomic_fetch_add(&lent_active, 1);
	atomic_fetch_add(&mirrors_active, 1);
	*out = l;
	return CUDA_SUCCESS;
}

/* A graph does not use it any more. */
static void lent_gone(void *user)
{
	struct user *u = user;
	struct lent *l = u->room;

	pthread_mutex_lock(&lock);
	LIST_REMOVE(u, link);
	if (LIST_EMPTY(&l->users)) {
		l->host = NULL;
		entangled -= l->entangled;
		l->entangled = false;
	}
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
	free(u);
}

bool lent_entangled(void)
{
	return atomic_load_explicit(&entangled, memory_order_acquire);
}

static void entangle(struct lent *l)
{
	entangled += !l->entangled;
	l->entangled = true;
}

/* Whether @l has some of the memory, and one of the two writes it. */
static bool overlaps(const struct lent *l, const struct lending *what)
{
	const uint8_t *host = what->host;

	return l->host && host < l->host + l->size && l->host < host + what->size &&
	       (l->written || what->written);
}

static bool is_used_by(const struct lent *l, uint64_t graph)
{
	const struct user *u;

	LIST_FOREACH(u, &l->users, link) {
		if (u->by == graph)
			return true;
	}
	return false;
}

/* Room that has all of it, the same graph's if there is one. Called with the lock. */
static struct lent *room_with(const struct lending *what)
{
	const uint8_t *host = what->host;
	struct lent *found = NULL;

	for (struct lent *l = all; l; l = l->next) {
		if (!l->host || host < l->host || what->size > l->size ||
			(size_t)(host - l->host) > l->size - what->size)
			continue;
		if (!found || is_used_by(l, what->by))
			found = l;
	}
	return found;
}

/* Whether copies of the same graph have some of it in another room than its own. Called with the lock. */
static bool refused(const struct lending *what)
{
	const struct lent *own = room_with(what), *l = all;

	while (l && (l == own || !overlaps(l, what) || !is_used_by(l, what->by)))
		l = l->next;
	return l;
}

/* As above, but it may be a graph of before, with the same handle: the news of its end take a moment. */
static bool refused_still(const struct lending *what)
{
	struct timespec until;
	bool is;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += NEWS_SECONDS;
	pthread_mutex_lock(&lock);
	while ((is = refused(what)) && !what->capture && !late)
		late = pthread_cond_timedwait(&freed, &lock, &until);
	pthread_mutex_unlock(&lock);
	return is;
}

/* @u is one of its users. Called with the lock. */
static void room_add(struct lent *l, const struct lending *what, struct user *u)
{
	u->room = l;
	u->by = what->by;
	LIST_INSERT_HEAD(&l->users, u, link);
	l->written |= what->written;
	for (struct lent *o = all; o; o = o->next) {
		if (o != l && overlaps(o, what)) {
			entangle(o);
			entangle(l);
		}
	}
}

/* @u becomes a user of room that has all of it, if there is such a room. */
static bool room_share(const struct lending *what, struct user *u)
{
	struct lent *l;

	pthread_mutex_lock(&lock);
	l = room_with(what);
	if (l)
		room_add(l, what, u);
	pthread_mutex_unlock(&lock);
	return l;
}

/* @l becomes room for @what. */
static void room_take(struct lent *l, const struct lending *what, struct user *u)
{
	pthread_mutex_lock(&lock);
	l->host = (uint8_t *)what->host;
	l->size = what->size;
	l->written = false;
	room_add(l, what, u);
	pthread_mutex_unlock(&lock);
}

/* The system lets us look at memory in the way that says when there is none. */
static bool can_lend(const void *host)
{
	uint8_t byte;

	return host_read(&(struct lent){.host = (void *)host}, 0, 1, &byte) == 1;
}

static CUresult room_get(const struct lending *what, struct user *u)
{
	struct lent *l;
	CUresult r = CUDA_SUCCESS;

	if (refused_still(what))
		return CUDA_ERROR_NOT_SUPPORTED;
	if (room_share(what, u))
		return r;
	l = room_find(what->size);
	if (!l)
		r = room_make(what->size, &l);
	if (!r)
		room_take(l, what, u);
	return r;
}

CUresult lent_memory(const struct lending *what, uint64_t *address, uint64_t *id)
{
	struct user *u;
	CUresult r;

	if (!can_lend(what->host))
		return CUDA_ERROR_NOT_SUPPORTED;
	u = calloc(1, sizeof(*u));
	if (!u)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&lending);
	r = room_get(what, u);
	pthread_mutex_unlock(&lending);
	if (r) {
		free(u);
		return r;
	}
	*address = u->room->address + ((const uint8_t *)what->host - u->room->host);
	*id = hostfunc_add_kept(lent_gone, u);
	if (*id)
		return CUDA_SUCCESS;
	lent_gone(u);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

/* Called with the lock. */
static struct lent *find(uint64_t address)
{
	struct lent *l = all;

	while (l && (address < l->address || address - l->address >= l->room))
		l = l->next;
	return l;
}

uint64_t lent_host(uint64_t address)
{
	struct lent *l;

	pthread_mutex_lock(&lock);
	l = find(address);
	if (l && l->host)
		address = (uintptr_t)l->host + (address - l->address);
	pthread_mutex_unlock(&lock);
	return address;
}

void lent_received(uint64_t address, const void *data, size_t size)
{
	struct lent *l;

	pthread_mutex_lock(&lock);
	l = find(address);
	if (l && size <= l->room - (address - l->address)) {
		size_t at = address - l->address;
		size_t left = l->host && at < l->size ? l->size - at : 0;

		memcpy(l->known + at, data, size);
		if (left)
			host_write(l, at, size < left ? size : left, data);
	}
	pthread_mutex_unlock(&lock);
}
