/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pool.h. A pool grows inside of an allocation: what it then holds more is
 * charged after the fact, and if that is over the limit the allocation is taken
 * back and the pool trimmed, so that the limit holds when the call returns.
 * A pool that is destroyed gives its memory back when the last of it is freed;
 * until then it is kept, to be asked how much that is. Graphs get their memory
 * when they are made or launched, which cannot be taken back: a session whose
 * graphs are over the limit then ends.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#include "quota.h"
#include "server_calls.h"
#include "stream.h"

int pools_create(struct memory *m)
{
	m->pools = calloc(1, sizeof(*m->pools));
	if (!m->pools)
		return -ENOMEM;
	return -pthread_mutex_init(&m->pools->lock, NULL);
}

/* The lock is held, here and below. */
static struct pool *pool_known(struct pools *ps, CUmemoryPool real)
{
	for (unsigned i = 0; i < ps->count; i++) {
		if (ps->pool[i].real == real)
			return &ps->pool[i];
	}
	return NULL;
}

static struct pool *pool_find(struct pools *ps, CUmemoryPool real, CUdevice device)
{
	struct pool *p = pool_known(ps, real);

	if (p || ps->count == POOLS_MAX)
		return p;
	ps->pool[ps->count] = (struct pool){.real = real, .device = device};
	return &ps->pool[ps->count++];
}

static int charge(CUdevice device, uint64_t reserved, uint64_t *charged)
{
	int err = 0;

	if (reserved > *charged)
		err = quota_charge(device, reserved - *charged);
	else
		quota_release(device, *charged - reserved);
	if (!err)
		*charged = reserved;
	return err;
}

static int pool_update(struct pool *p)
{
	cuuint64_t reserved = 0;

	if (driver.cuMemPoolGetAttribute(p->real, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, &reserved))
		reserved = 0;
	return charge(p->device, reserved, &p->charged);
}

static int graphs_update(struct pools *ps)
{
	uint64_t devices = atomic_load(&ps->graphs);
	int err = 0;

	for (CUdevice d = 0; devices; d++, devices >>= 1) {
		cuuint64_t reserved = 0;

		if (!(devices & 1))
			continue;
		if (driver.cuDeviceGetGraphMemAttribute(
			    d, CU_GRAPH_MEM_ATTR_RESERVED_MEM_CURRENT, &reserved))
			reserved = 0;
		if (charge(d, reserved, &ps->graphs_charged[d]))
			err = -ENOMEM;
	}
	return err;
}

/* Memory of graphs on this device is to be charged from now on. */
static void graphs_watch(struct pools *ps, CUdevice device)
{
	if (quota_limit() && device >= 0 && device < SESSION_DEVICES_MAX)
		atomic_fetch_or(&ps->graphs, UINT64_C(1) << device);
}

/* -ENOMEM: they have more than the limit allows, whatever others gave back. */
static int graphs_account(struct session *s)
{
	struct pools *ps = s->memory->pools;
	int err;

	pools_account(s);
	pthread_mutex_lock(&ps->lock);
	err = graphs_update(ps);
	pthread_mutex_unlock(&ps->lock);
	return err;
}

static bool pool_used(CUmemoryPool real)
{
	cuuint64_t used = 0;

	return !driver.cuMemPoolGetAttribute(real, CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &used) && used;
}

/* The driver is not asked about it any more: its number may be another's. */
static void pool_forget(struct pools *ps, struct pool *p)
{
	quota_release(p->device, p->charged);
	*p = ps->pool[--ps->count];
}

int pool_account(struct session *s, CUmemoryPool real, CUdevice device)
{
	struct pools *ps = s->memory->pools;
	struct pool *p;
	int err;

	pthread_mutex_lock(&ps->lock);
	p = pool_find(ps, real, device);
	err = p ? pool_update(p) : -ENOMEM;
	pthread_mutex_unlock(&ps->lock);
	return err;
}

void pools_account(struct session *s)
{
	struct pools *ps = s->memory->pools;

	pthread_mutex_lock(&ps->lock);
	for (unsigned i = ps->count; i-- > 0;) {
		struct pool *p = &ps->pool[i];

		if (p->ended && !pool_used(p->real) && !driver.cuMemPoolDestroy(p->real))
			pool_forget(ps, p);
		else
			pool_update(p);
	}
	graphs_update(ps);
	pthread_mutex_unlock(&ps->lock);
}

static struct graph_memory *graph_memory_find(const struct pools *ps, uint64_t address)
{
	for (unsigned i = 0; i < ps->graph_memory_count; i++) {
		struct graph_memory *g = &ps->graph_memory[i];

		if (address >= g->address && address - g->address < g->size)
			return g;
	}
	return NULL;
}

bool graph_memory_has(struct session *s, uint64_t address, uint64_t bytes)
{
	struct pools *ps = s->memory->pools;
	const struct graph_memory *g;
	bool has;

	pthread_mutex_lock(&ps->lock);
	g = graph_memory_find(ps, address);
	has = g && bytes <= g->size - (address - g->address);
	pthread_mutex_unlock(&ps->lock);
	return has;
}

/* Addresses come again, of graphs that are gone. */
static CUresult graph_memory_note(struct pools *ps, uint64_t address, uint64_t bytes)
{
	struct graph_memory *g, *more;

	pthread_mutex_lock(&ps->lock);
	g = graph_memory_find(ps, address);
	if (!g && ps->graph_memory_count < GRAPH_MEMORY_MAX) {
		more = realloc(ps->graph_memory, (ps->graph_memory_count + 1) * sizeof(*more));
		if (more) {
			ps->graph_memory = more;
			g = &more[ps->graph_memory_count++];
		}
	}
	if (g)
		*g = (struct graph_memory){address, bytes};
	pthread_mutex_unlock(&ps->lock);
	return g ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* An allocation that the limit can never hold is refused before the driver makes room for it. */
CUresult pool_check(struct request *q, size_t bytes)
{
	return quota_limit() && bytes > quota_limit() ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

/* Whose memory it is: a pool may be another device's than the context's. */
static CUdevice device_of(CUdeviceptr address)
{
	int ordinal;

	if (driver.cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address))
		return serving_context->device;
	return ordinal;
}

/* An allocation was made: keep it if the limit allows. */
CUresult pool_settle(
	struct request *q, CUdeviceptr *dptr, size_t bytes, CUmemoryPool pool, CUstream stream)
{
	struct session *s = q->session;
	CUdevice device;
	bool capturing;
	CUresult r;

	if (!stream_capturing(stream, &capturing) && capturing) {
		r = graph_memory_note(s->memory->pools, *dptr, bytes);
		if (r || !quota_limit())
			return r;
		graphs_watch(s->memory->pools, device_of(*dptr));
		return graphs_account(s) ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
	}
	if (!quota_limit())
		return CUDA_SUCCESS;
	device = device_of(*dptr);
	if (!pool_account(s, pool, device))
		return CUDA_SUCCESS;
	/* What other pools gave back meanwhile counts too. */
	pools_account(s);
	if (!pool_account(s, pool, device))
		return CUDA_SUCCESS;
	driver.cuMemFreeAsync(*dptr, stream);
	driver.cuStreamSynchronize(stream);
	driver.cuMemPoolTrimTo(pool, 0);
	pool_account(s, pool, device);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult pool_settle_here(struct request *q, CUdeviceptr *dptr, size_t bytes, CUstream stream)
{
	CUmemoryPool pool;
	CUresult r = driver.cuDeviceGetMemPool(&pool, serving_context->device);

	return r ? r : pool_settle(q, dptr, bytes, pool, stream);
}

CUresult graph_memory_check(struct request *q, CUDA_MEM_ALLOC_NODE_PARAMS *params)
{
	graphs_watch(q->session->memory->pools, params->poolProps.location.id);
	return pool_check(q, params->bytesize);
}

CUresult graph_memory_added(
	struct request *q, CUgraphNode *node, CUDA_MEM_ALLOC_NODE_PARAMS *params)
{
	struct session *s = q->session;
	CUresult r = graph_memory_note(s->memory->pools, params->dptr, params->bytesize);

	if (!r && atomic_load(&s->memory->pools->graphs) && graphs_account(s))
		r = CUDA_ERROR_OUT_OF_MEMORY;
	if (!r)
		return CUDA_SUCCESS;
	driver.cuGraphDestroyNode(*node);
	graphs_account(s);
	return r;
}

CUresult graph_memory_settle(struct request *q)
{
	struct session *s = q->session;

	if (atomic_load_explicit(&s->memory->pools->graphs, memory_order_relaxed) &&
		graphs_account(s))
		session_fatal(s, CUDA_ERROR_OUT_OF_MEMORY,
			"the memory of graphs is over the session's limit");
	return CUDA_SUCCESS;
}

static bool is_default(CUmemoryPool pool, CUdevice device)
{
	CUmemoryPool other = NULL;

	return !driver.cuDeviceGetDefaultMemPool(&other, device) && other == pool;
}

/* As when it is destroyed: the device allocates from its own again, and nothing free is kept. */
static void pool_leave(CUmemoryPool pool, CUdevice device)
{
	CUmemoryPool current = NULL;
	cuuint64_t keep = 0;

	if (!driver.cuDeviceGetMemPool(&current, device) && current == pool &&
		!driver.cuDeviceGetDefaultMemPool(&current, device))
		driver.cuDeviceSetMemPool(device, current);
	driver.cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep);
	driver.cuMemPoolTrimTo(pool, 0);
}

CUresult server_cuMemPoolDestroy(struct request *q, CUmemoryPool pool)
{
	struct pools *ps = q->session->memory->pools;
	struct pool *p;
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&ps->lock);
	p = pool_known(ps, pool);
	if (p && !is_default(pool, p->device) && pool_used(pool)) {
		pool_leave(pool, p->device);
		p->ended = true;
		pool_update(p);
	} else {
		r = driver.cuMemPoolDestroy(pool);
		if (!r && p)
			pool_forget(ps, p);
	}
	pthread_mutex_unlock(&ps->lock);
	return r;
}
