/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freeing of device memory: what is behind an address goes when work that may
 * use it is done, all of its context or what its stream has before.
 */
#include <stdlib.h>
#include <unistd.h>

#include "memory.h"
#include "pending.h"
#include "server_calls.h"

enum { STALL_SLEEP_US = 20 };

struct freeing {
	struct pending pending;
	struct barrier barrier;
	CUevent behind; /* what is waited for instead, where memory is freed in stream order */
	uint64_t address;
	bool pooled; /* none of ours: memory of a pool or of a graph */
};

static CUresult freeing_poll(struct pending *p)
{
	struct freeing *f = container_of(p, struct freeing, pending);

	return f->behind ? driver.cuEventQuery(f->behind) : barrier_poll(&f->barrier);
}

/* At once, as natively: in a stream of its own, since there all work is done. Freeing as such, and
 * the legacy stream, would wait for what came since. */
static CUresult pooled_free(CUdeviceptr address)
{
	CUstream stream;
	CUresult r = driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);

	if (r)
		return r;
	r = driver.cuMemFreeAsync(address, stream);
	if (!r)
		r = driver.cuStreamSynchronize(stream);
	driver.cuStreamDestroy_v2(stream);
	return r;
}

static void freeing_finish(struct pending *p)
{
	struct freeing *f = container_of(p, struct freeing, pending);
	struct memory *m = p->q.session->memory;

	if (f->pooled) {
		CUresult r = pooled_free(f->address);

		p->result = p->result ? p->result : r;
		pools_account(p->q.session);
	} else {
		memory_end(m, f->address);
	}
	if (f->behind) {
		driver.cuEventDestroy_v2(f->behind);
		atomic_fetch_sub(&m->frees, 1);
	} else {
		barrier_end(&f->barrier);
	}
	pending_reply(p, p->result);
	free(f);
}

/* Before this the caller says what is waited for. */
static CUresult freeing_add(struct freeing *f, struct request *q, CUdeviceptr address)
{
	f->address = address;
	f->pending.poll = freeing_poll;
	f->pending.finish = freeing_finish;
	f->pending.acts = true;
	return pending_add(q->session, &f->pending, q);
}

/* All work of the memory's context is waited for, as natively. */
CUresult server_memory_free(struct request *q, CUdeviceptr address)
{
	struct freeing *f = calloc(1, sizeof(*f));
	struct context *c;
	bool ours;

	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	c = memory_leave(q->session->memory, address, &ours);
	if (!c) {
		free(f);
		return CUDA_ERROR_INVALID_VALUE;
	}
	f->pooled = !ours;
	f->pending.context = c;
	f->pending.covers = COVERS_CONTEXT;
	barrier_begin(&f->barrier, c);
	return freeing_add(f, q, address);
}

/* Memory of cuMemAlloc can be freed in stream order, too. */
CUresult server_cuMemFreeAsync(struct request *q, CUdeviceptr address, CUstream stream)
{
	struct memory *m = q->session->memory;
	struct request quiet = *q;
	uint64_t since = 0;
	struct freeing *f;
	struct context *c;
	bool ours;
	CUresult r;

	if (!memory_ours(m, address))
		return driver.cuMemFreeAsync(address, stream);
	while (atomic_load(&m->frees) >= MEMORY_FREES_MAX) {
		session_stalled(q, &since);
		usleep(STALL_SLEEP_US);
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = driver.cuEventCreate(&f->behind, CU_EVENT_DISABLE_TIMING);
	if (!r)
		r = driver.cuEventRecord(f->behind, stream);
	c = r ? NULL : memory_leave(m, address, &ours);
	if (!c) {
		if (f->behind)
			driver.cuEventDestroy_v2(f->behind);
		free(f);
		return r ? r : CUDA_ERROR_INVALID_VALUE;
	}
	f->pooled = !ours;
	f->pending.context = c;
	/* Also a client that waits for each call waits for this one only, not for the stream. */
	quiet.waits = false;
	atomic_fetch_add(&m->frees, 1);
	freeing_add(f, &quiet, address);
	return CUDA_SUCCESS;
}
