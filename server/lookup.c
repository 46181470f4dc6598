/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles as handlers see them: the tables of handles.h with the kinds' native
 * errors, and what the worker itself wants to know of a handle's birth and end.
 */
#include <errno.h>

#include "call_names.h"
#include "context.h"
#include "kept.h"
#include "state.h"
#include "stream.h"

/* The context that it ends with, or is; NULL: it outlives contexts. */
static struct context *entry_context(enum kind kind, struct handle_entry *e)
{
	if (kind == KIND_CUstream)
		return atomic_load_explicit(&e->owner, memory_order_relaxed);
	if (kind == KIND_CUcontext || kind == KIND_CUevent || kind == KIND_CUmodule ||
		kind == KIND_CUfunction)
		return atomic_load_explicit(&e->state, memory_order_relaxed);
	return NULL;
}

CUresult handle_get(struct session *s, enum kind kind, uint64_t id, void **real)
{
	struct handle_entry *e;
	struct context *c;
	int error;
	void *found;

	if (!id || (kind == KIND_CUstream && id == 1)) {
		*real = (void *)(uintptr_t)id;
		return CUDA_SUCCESS;
	}
	if ((unsigned)kind >= KIND_COUNT)
		return CUDA_ERROR_INVALID_HANDLE;
	/* A kernel is good wherever a function is, and the other way round. */
	if ((kind == KIND_CUkernel && handle_kind(id) == KIND_CUfunction) ||
		(kind == KIND_CUfunction && handle_kind(id) == KIND_CUkernel))
		kind = handle_kind(id);
	e = handles_find(&s->handles, kind, id);
	if (!e)
		return (CUresult)kind_error[kind];
	found = atomic_load_explicit(&e->real, memory_order_relaxed);
	error = atomic_load_explicit(&e->error, memory_order_relaxed);
	/* Whoever ends its context waits until this request is executed. */
	c = entry_context(kind, e);
	if (c && !serving_hold(c))
		return (CUresult)kind_error[kind];
	/* Another thread may have destroyed it and used its place again meanwhile. */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&e->id, memory_order_relaxed) != id)
		return (CUresult)kind_error[kind];
	if (!found)
		return error ? (CUresult)error : (CUresult)kind_error[kind];
	*real = found;
	return CUDA_SUCCESS;
}

CUresult handle_set(struct session *s, enum kind kind, uint64_t id, void *real, CUresult error)
{
	int err = handles_set(&s->handles, kind, id, real, error);

	if (err)
		return err == -ENOMEM ? CUDA_ERROR_OUT_OF_MEMORY : (CUresult)kind_error[kind];
	if (kind == KIND_CUstream && real) {
		CUresult r = stream_born(s, id, real);

		if (r)
			handles_drop(&s->handles, kind, id);
		return r;
	}
	/* What ends with its context. */
	if (real && (kind == KIND_CUevent || kind == KIND_CUmodule || kind == KIND_CUfunction))
		handles_attach(&s->handles, kind, id, serving_context);
	return CUDA_SUCCESS;
}

void handle_drop(struct session *s, enum kind kind, uint64_t id)
{
	if (kind == KIND_CUstream)
		stream_gone(s, id);
	handles_drop(&s->handles, kind, id);
}

struct search {
	const void *real;
	uint64_t id;
};

static void search_each(void *user, uint64_t id, struct handle_entry *e)
{
	struct search *search = user;

	if (atomic_load(&e->real) == search->real)
		search->id = id;
}

CUresult handle_name(struct session *s, enum kind kind, const void *real, uint64_t *id)
{
	struct search search = {real, 0};

	handles_each(&s->handles, kind, search_each, &search);
	if (!search.id)
		return CUDA_ERROR_NOT_FOUND;
	*id = search.id;
	return CUDA_SUCCESS;
}

CUresult real_get(struct session *s, enum kind kind, uint64_t value, void **real)
{
	if (value && !handles_real_has(&s->handles, kind, value))
		return (CUresult)kind_error[kind];
	*real = (void *)(uintptr_t)value;
	return CUDA_SUCCESS;
}

CUresult real_add(struct session *s, enum kind kind, const void *real)
{
	int err = real ? handles_real_add(&s->handles, kind, (uintptr_t)real) : 0;

	return err ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

void real_drop(struct session *s, enum kind kind, const void *real)
{
	if (kind == KIND_CUgraphExec)
		kept_exec_gone(s, (CUgraphExec)real);
	handles_real_drop(&s->handles, kind, (uintptr_t)real);
}
