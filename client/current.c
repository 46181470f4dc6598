/* SPDX-License-Identifier: Apache-2.0 */
/* Which context is current: the top of each thread's stack. */
#include "call.h"
#include "client_calls.h"
#include "context.h"
#include "thread.h"

struct context *context_self(void)
{
	struct thread *t = thread_self();

	return t ? thread_context(t) : NULL;
}

CUcontext context_current(void)
{
	return context_handle(context_self());
}

CUresult context_push(struct context *c)
{
	struct thread *t = thread_self();

	if (!t || t->depth == THREAD_STACK)
		return CUDA_ERROR_OUT_OF_MEMORY;
	t->stack[t->depth++] = c;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxGetCurrent(CUcontext *pctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	*pctx = context_current();
	return CUDA_SUCCESS;
}

CUresult client_cuCtxSetCurrent(CUcontext ctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c = context_get(ctx);
	struct thread *t = thread_self();

	if (r)
		return r;
	if (!ctx) {
		if (t->depth)
			t->depth--;
		return CUDA_SUCCESS;
	}
	if (!c)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (!t->depth)
		return context_push(c);
	t->stack[t->depth - 1] = c;
	return CUDA_SUCCESS;
}

CUresult client_cuCtxPushCurrent_v2(CUcontext ctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct context *c = context_get(ctx);

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	return c ? context_push(c) : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult client_cuCtxPopCurrent_v2(CUcontext *pctx)
{
	CUresult r = call_check(CALL_NO_CONTEXT);
	struct thread *t = thread_self();

	if (r)
		return r;
	if (!t->depth)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (pctx)
		*pctx = context_handle(thread_context(t));
	t->depth--;
	return CUDA_SUCCESS;
}
