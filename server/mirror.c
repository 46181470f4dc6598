/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mirror.h. A second copy of each region says what kernels changed, in
 * granules of 4 bytes: not one byte more travels, since the client may be
 * writing right beside.
 */
#include "mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "foreign.h"
#include "server_calls.h"
#include "side.h"

enum {
	MIRROR_PART = 128 << 10, /* bytes of a frame */
	MIRROR_GRANULE = 4,
	MIRROR_REGIONS_MAX = 65536,
	NAP_US = 20,
};

struct region {
	LIST_ENTRY(region) link;
	uint8_t *at;
	uint64_t bytes; /* whole pages */
	uint8_t *same;	/* what both sides had last */
	struct context *owner;
	bool foreign; /* at the client's own address, outside of the band */
	bool ending;  /* a helper unregisters it */
};

struct mirror {
	uint64_t base, size;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t unpinned;
	struct foreign foreign; /* addresses outside of the band */
	unsigned count;
	LIST_HEAD(, region) regions;
};

int mirror_create(struct session *s, uint64_t base, uint64_t size)
{
	struct mirror *m = calloc(1, sizeof(*m));

	if (!m || foreign_init(&m->foreign)) {
		free(m);
		return -ENOMEM;
	}
	m->base = base;
	m->size = size;
	LIST_INIT(&m->regions);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->unpinned, NULL);
	s->mirror = m;
	return 0;
}

/* Whole pages. */
static bool region_possible(uint64_t address, uint64_t bytes)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	return bytes && !(address % page) && !(bytes % page) && bytes <= UINT64_MAX - address;
}

static bool region_in_band(const struct mirror *m, uint64_t address, uint64_t bytes)
{
	return address >= m->base && address - m->base < m->size &&
	       bytes <= m->size - (address - m->base);
}

/* The band is ours to map in; elsewhere only where this process has nothing. */
static uint8_t *region_map(struct mirror *m, uint64_t address, uint64_t bytes, bool foreign)
{
	void *want = (void *)(uintptr_t)address;
	int err;

	if (!foreign)
		return mmap(want, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pthread_mutex_lock(&m->lock);
	err = foreign_map(&m->foreign, address, bytes);
	pthread_mutex_unlock(&m->lock);
	return err ? MAP_FAILED : want;
}

/* The lock is held, here and in region_overlaps. */
static struct region *region_find(struct mirror *m, uint64_t address, uint64_t bytes)
{
	struct region *r;

	LIST_FOREACH(r, &m->regions, link) {
		uint64_t at = (uintptr_t)r->at;

		if (!r->ending && address >= at && address - at < r->bytes &&
			bytes <= r->bytes - (address - at))
			return r;
	}
	return NULL;
}

bool mirror_has(struct session *s, uint64_t address, uint64_t bytes)
{
	struct mirror *m = s->mirror;
	struct region *r;

	pthread_mutex_lock(&m->lock);
	/* It may go on in the next region. */
	while ((r = region_find(m, address, 1))) {
		uint64_t here = (uintptr_t)r->at + r->bytes - address;

		if (bytes <= here)
			break;
		address += here;
		bytes -= here;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static bool region_overlaps(struct mirror *m, uint64_t address, uint64_t bytes)
{
	struct region *r;

	LIST_FOREACH(r, &m->regions, link) {
		uint64_t at = (uintptr_t)r->at;

		if (address < at + r->bytes && at < address + bytes)
			return true;
	}
	return false;
}

/* The lock is held. Nothing else may come to lie there, since the client's work may still name it. */
static void region_unmap(struct mirror *m, struct region *r)
{
	if (r->foreign)
		foreign_unmap(&m->foreign, (uintptr_t)r->at, r->bytes);
	else
		mmap(r->at, r->bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

/* Likewise. */
static void region_free(struct mirror *m, struct region *r)
{
	if (r->at != MAP_FAILED)
		region_unmap(m, r);
	if (r->same != MAP_FAILED)
		munmap(r->same, r->bytes);
	free(r);
}

static void region_drop(struct mirror *m, struct region *r)
{
	pthread_mutex_lock(&m->lock);
	region_free(m, r);
	pthread_mutex_unlock(&m->lock);
}

/* Pages of this process at the client's address, pinned for the GPU. */
static CUresult region_create(struct mirror *m, uint64_t address, uint64_t bytes, struct region **out)
{
	struct region *r = calloc(1, sizeof(*r));
	CUresult result;

	if (!r)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r->bytes = bytes;
	r->same = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r->foreign = !region_in_band(m, address, bytes);
	r->at = region_map(m, address, bytes, r->foreign);
	if (r->same == MAP_FAILED || r->at == MAP_FAILED) {
		/* Something of this process lies where the client's memory does. */
		result = r->foreign ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_OUT_OF_MEMORY;
		region_drop(m, r);
		return result;
	}
	result = driver.cuMemHostRegister_v2(
		r->at, bytes, CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP);
	if (result)
		region_drop(m, r);
	else
		*out = r;
	return result;
}

CUresult server_mirror_map(struct request *q, uint64_t address, size_t bytes)
{
	struct mirror *m = q->session->mirror;
	struct region *r;
	CUresult result;
	bool possible;

	/* Only the dispatcher adds, so nothing comes to lie there meanwhile. */
	pthread_mutex_lock(&m->lock);
	possible = region_possible(address, bytes) && !region_overlaps(m, address, bytes) &&
		   m->count < MIRROR_REGIONS_MAX;
	pthread_mutex_unlock(&m->lock);
	if (!possible)
		return CUDA_ERROR_INVALID_VALUE;
	result = region_create(m, address, bytes, &r);
	if (result)
		return result;
	r->owner = serving_context;
	pthread_mutex_lock(&m->lock);
	LIST_INSERT_HEAD(&m->regions, r, link);
	m->count++;
	pthread_mutex_unlock(&m->lock);
	return CUDA_SUCCESS;
}

void mirror_write(struct session *s, uint64_t address, const uint8_t *data, size_t n)
{
	struct mirror *m = s->mirror;
	struct region *r;
	uint64_t at;

	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	r = region_find(m, address, n);
	if (r) {
		at = address - (uintptr_t)r->at;
		memcpy(r->at + at, data, n);
		memcpy(r->same + at, data, n);
	}
	pthread_mutex_unlock(&m->lock);
}

CUresult server_mirror_await(struct request *q, uint64_t count)
{
	uint64_t since = 0;

	while (!side_wrote(count)) {
		session_stalled(q, &since);
		usleep(NAP_US);
	}
	return CUDA_SUCCESS;
}

/* The region that begins at @address, which nobody else will find; its owner, if it has one, is
 * held. One that ends meanwhile unpins the region first. */
static struct region *region_claim(struct mirror *m, uint64_t address)
{
	struct region *r;

	pthread_mutex_lock(&m->lock);
	for (;;) {
		r = region_find(m, address, 1);
		if (r && (uintptr_t)r->at != address)
			r = NULL;
		if (!r || !r->owner || serving_hold(r->owner))
			break;
		pthread_cond_wait(&m->unpinned, &m->lock);
	}
	if (r)
		r->ending = true;
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* On a helper thread, since unregistering waits for all work of the context. */
CUresult server_mirror_unmap(struct request *q, uint64_t address)
{
	struct mirror *m = q->session->mirror;
	struct region *r = region_claim(m, address);
	CUresult result = CUDA_SUCCESS;

	if (!r)
		return CUDA_ERROR_INVALID_VALUE;
	if (r->owner) {
		result = context_use(r->owner->real);
		if (!result)
			result = driver.cuMemHostUnregister(r->at);
	}
	pthread_mutex_lock(&m->lock);
	LIST_REMOVE(r, link);
	m->count--;
	/* Before anything else may come to lie there. */
	region_free(m, r);
	pthread_mutex_unlock(&m->lock);
	return result;
}

static void part_send(struct session *s, struct region *r, uint64_t at, uint64_t n)
{
	uint8_t *out;

	/* One copy for both, since a kernel may write on. */
	memcpy(r->same + at, r->at + at, n);
	out = frame_begin(s, FRAME_MIRROR, 16 + n);
	if (!out)
		return;
	put_u64(&out, (uintptr_t)r->at + at);
	put_u32(&out, n);
	put_u32(&out, 0);
	put_bytes(&out, r->same + at, n);
	frame_end(s, FRAME_MIRROR, 16 + n, false);
}

static bool granule_same(const struct region *r, uint64_t at)
{
	uint32_t a = __atomic_load_n((uint32_t *)(r->at + at), __ATOMIC_RELAXED), b;

	memcpy(&b, r->same + at, sizeof(b));
	return a == b;
}

static void region_forward(struct session *s, struct region *r)
{
	uint64_t page = 4096;

	for (uint64_t at = 0; at < r->bytes;) {
		uint64_t end;

		if (!(at % page) && !memcmp(r->at + at, r->same + at, page)) {
			at += page;
			continue;
		}
		if (granule_same(r, at)) {
			at += MIRROR_GRANULE;
			continue;
		}
		end = at + MIRROR_GRANULE;
		while (end < r->bytes && end - at < MIRROR_PART && !granule_same(r, end))
			end += MIRROR_GRANULE;
		part_send(s, r, at, end - at);
		at = end;
	}
}

void mirror_forward(struct session *s)
{
	struct region *r;

	if (!s->mirror)
		return;
	pthread_mutex_lock(&s->mirror->lock);
	LIST_FOREACH(r, &s->mirror->regions, link) {
		if (!r->ending)
			region_forward(s, r);
	}
	pthread_mutex_unlock(&s->mirror->lock);
}

static struct region *region_of(struct mirror *m, const struct context *owner)
{
	struct region *r;

	LIST_FOREACH(r, &m->regions, link) {
		if (r->owner == owner)
			break;
	}
	return r;
}

/* Its end has begun, so nobody claims a region before that has no owner any more. */
void mirror_unpin(struct session *s, struct context *c)
{
	struct mirror *m = s->mirror;
	struct region *r;

	pthread_mutex_lock(&m->lock);
	while ((r = region_of(m, c))) {
		/* Without the lock: it may wait for work whose progress needs mirror_forward. */
		pthread_mutex_unlock(&m->lock);
		driver.cuMemHostUnregister(r->at);
		pthread_mutex_lock(&m->lock);
		r->owner = NULL;
		pthread_cond_broadcast(&m->unpinned);
	}
	pthread_mutex_unlock(&m->lock);
}
