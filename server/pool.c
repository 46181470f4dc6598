/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pool.h. A pool grows inside of an allocation: what it then holds more is
 * charged after the fact, and if that is over the limit the allocation is taken
 * back and the pool trimmed, so that the limit holds when the call returns.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#include "quota.h"
#include "server_calls.h"

int pools_create(struct memory *m)
{
	m->pools = calloc(1, sizeof(*m->pools));
	if (!m->pools)
		return -ENOMEM;
	return -pthread_mutex_init(&m->pools->lock, NULL);
}

/* The lock is held. */
static struct pool *pool_find(struct pools *ps, CUmemoryPool real, CUdevice device)
{
	for (unsigned i = 0; i < ps->count; i++) {
		if (ps->pool[i].real == real)
			return &ps->pool[i];
	}
	if (ps->count == POOLS_MAX)
		return NULL;
	ps->pool[ps->count] = (struct pool){.real = real, .device = device};
	return &ps->pool[ps->count++];
}

static int pool_update(struct pool *p)
{
	cuuint64_t reserved = 0;
	int err = 0;

	if (driver.cuMemPoolGetAttribute(p->real, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, &reserved))
		reserved = 0;
	if (reserved > p->charged)
		err = quota_charge(p->device, reserved - p->charged);
	else
		quota_release(p->device, p->charged - reserved);
	if (!err)
		p->charged = reserved;
	return err;
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
	for (unsigned i = 0; i < ps->count; i++)
		pool_update(&ps->pool[i]);
	pthread_mutex_unlock(&ps->lock);
}

/* An allocation that the limit can never hold is refused before the driver makes room for it. */
CUresult pool_check(struct request *q, size_t bytes)
{
	return quota_limit() && bytes > quota_limit() ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

/* An allocation was made: keep it if the limit allows. */
CUresult pool_settle(struct request *q, CUdeviceptr *dptr, CUmemoryPool pool, CUstream stream)
{
	struct session *s = q->session;
	CUdevice device = serving_context->device;

	if (!quota_limit() || !pool_account(s, pool, device))
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

CUresult pool_settle_here(struct request *q, CUdeviceptr *dptr, CUstream stream)
{
	CUmemoryPool pool;
	CUresult r = driver.cuDeviceGetMemPool(&pool, serving_context->device);

	return r ? r : pool_settle(q, dptr, pool, stream);
}
