/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executable graphs. One is a clone of its graph and a plan made from it; a
 * launch takes the plan that is there, so a change afterwards makes a new plan
 * and never touches what is under way. A plan runs its operations one after
 * the other in the launching stream. Launches of one graph follow each other.
 */
#include "exec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"

static void exec_release(struct object *o)
{
	struct exec *x = (struct exec *)o;

	graph_destroy(x->graph);
	plan_put(x->plan);
	fence_put(x->last);
	free(x);
}

void plan_put(struct plan *p)
{
	size_t i;

	if (!p || --p->refs)
		return;
	for (i = 0; i < p->count; i++)
		op_fini(&p->ops[i]);
	users_put(&p->users);
	free(p->ops);
	free(p);
}

static int plan_add(struct plan *p, const struct op *op)
{
	struct op *grown;
	size_t room;

	if (op->kind == OP_NONE)
		return 0;
	if (op->kind == OP_SET && set_check(&op->set))
		return -EINVAL;
	if (p->count == p->room) {
		room = (p->room + 8) * 2;
		grown = realloc(p->ops, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		p->ops = grown;
		p->room = room;
	}
	if (op_clone(&p->ops[p->count], op) < 0)
		return -ENOMEM;
	p->count++;
	return 0;
}

static int plan_add_graph(struct plan *p, struct graph *g)
{
	struct node **order;
	size_t i;
	int err = graph_order(g, &order);

	if (err < 0)
		return err;
	if (users_copy(&p->users, &g->users) < 0)
		err = -ENOMEM;
	for (i = 0; !err && i < g->count; i++) {
		if (order[i]->child)
			err = plan_add_graph(p, order[i]->child);
		else if (!order[i]->disabled)
			err = plan_add(p, &order[i]->op);
	}
	free(order);
	return err;
}

static CUresult make_plan(struct exec *x)
{
	struct plan *p;
	int err;

	if (x->plan)
		return CUDA_SUCCESS;
	p = calloc(1, sizeof(*p));
	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	p->refs = 1;
	err = plan_add_graph(p, x->graph);
	if (err < 0) {
		plan_put(p);
		return err == -ENOMEM ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_ERROR_INVALID_VALUE;
	}
	x->plan = p;
	return CUDA_SUCCESS;
}

/* In the stream's thread, without the lock. */
CUresult plan_run(struct plan *p, struct context *c)
{
	CUresult result = CUDA_SUCCESS;
	bool valid;
	size_t i;

	for (i = 0; !result && i < p->count; i++) {
		pthread_mutex_lock(&gpu.lock);
		valid = op_valid(&p->ops[i]);
		pthread_mutex_unlock(&gpu.lock);
		result = valid ? op_run(&p->ops[i], c) : CUDA_ERROR_ILLEGAL_ADDRESS;
	}
	return result;
}

CUresult exec_find(CUgraphExec handle, struct exec **out)
{
	struct exec *x = object_find(KIND_EXEC, handle);

	if (!x)
		return CUDA_ERROR_INVALID_VALUE;
	*out = x;
	return CUDA_SUCCESS;
}

static CUresult instantiate(CUgraphExec *out, CUgraph handle, unsigned long long flags)
{
	struct context *c;
	struct graph *g;
	struct exec *x;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = capture_unsafe();
	if (result)
		return leave(result);
	if (!out || flags & ~15ull)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH)
		return leave(CUDA_ERROR_NOT_SUPPORTED);
	result = graph_find(handle, &g);
	if (result)
		return leave(result);
	x = calloc(1, sizeof(*x));
	if (!x)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&x->base, KIND_EXEC, exec_release);
	x->flags = flags;
	result = graph_clone(g, &x->graph);
	if (!result)
		result = make_plan(x);
	if (!result && object_publish(&x->base) < 0)
		result = CUDA_ERROR_OUT_OF_MEMORY;
	if (result)
		object_put(x);
	else
		*out = (CUgraphExec)x->base.handle;
	return leave(result);
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *out, CUgraph graph, unsigned long long flags)
{
	return instantiate(out, graph, flags);
}

CUresult cuGraphInstantiate(
	CUgraphExec *out, CUgraph graph, CUgraphNode *error, char *log, size_t size)
{
	if (error)
		*error = NULL;
	if (log && size)
		log[0] = 0;
	return instantiate(out, graph, 0);
}

CUresult cuGraphInstantiate_v2(
	CUgraphExec *out, CUgraph graph, CUgraphNode *error, char *log, size_t size)
{
	return cuGraphInstantiate(out, graph, error, log, size);
}

CUresult cuGraphInstantiateWithParams(
	CUgraphExec *out, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
	CUresult result;

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	result = instantiate(out, graph, params->flags);
	params->hErrNode_out = NULL;
	params->result_out = result ? CUDA_GRAPH_INSTANTIATE_ERROR : CUDA_GRAPH_INSTANTIATE_SUCCESS;
	return result;
}

CUresult cuGraphExecDestroy(CUgraphExec handle)
{
	struct exec *x;
	CUresult result = enter_device();

	if (result)
		return result;
	result = capture_unsafe();
	if (!result)
		result = exec_find(handle, &x);
	if (result)
		return leave(result);
	object_withdraw(&x->base);
	object_put(x);
	return leave(CUDA_SUCCESS);
}

CUresult cuGraphExecGetFlags(CUgraphExec handle, cuuint64_t *flags)
{
	struct exec *x;
	CUresult result = enter_device();

	if (result)
		return result;
	result = exec_find(handle, &x);
	if (!result && !flags)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		*flags = x->flags;
	return leave(result);
}

/* What the graph's wait nodes wait for at this launch comes first in the stream. */
static CUresult wait_for_events(struct stream *s, struct plan *p)
{
	struct op op;
	struct event *e;
	size_t i;
	CUresult result = CUDA_SUCCESS;

	for (i = 0; !result && i < p->count; i++) {
		if (p->ops[i].kind != OP_WAIT)
			continue;
		e = p->ops[i].event;
		op = (struct op){.kind = OP_NONE};
		if (e->fence && !e->fence->done)
			result = stream_submit_after(s, &op, e->fence, NULL);
	}
	return result;
}

static CUresult launch(struct exec *x, struct stream *s)
{
	struct op op = {.kind = OP_GRAPH};
	struct fence *fence;
	size_t i;
	CUresult result;

	result = make_plan(x);
	if (!result)
		result = exec_allocate(x);
	if (!result)
		result = wait_for_events(s, x->plan);
	if (result)
		return result;
	op.plan = x->plan;
	op.plan->refs++;
	result = stream_submit_after(s, &op, x->last, &fence);
	if (result)
		return result;
	for (i = 0; i < x->plan->count; i++)
		if (x->plan->ops[i].kind == OP_RECORD)
			event_set_fence(x->plan->ops[i].event, fence);
	fence_put(x->last);
	x->last = fence;
	return CUDA_SUCCESS;
}

static CUresult enter_exec(CUgraphExec handle, CUstream stream, struct exec **x, struct stream **s)
{
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = exec_find(handle, x);
	if (!result)
		result = stream_find(c, stream, s);
	if (!result && (*s)->capture) {
		capture_break((*s)->capture);
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	return result ? leave(result) : CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream)
{
	struct stream *s;
	struct exec *x;
	CUresult result = enter_exec(handle, stream, &x, &s);

	return result ? result : leave(launch(x, s));
}

CUresult cuGraphUpload(CUgraphExec handle, CUstream stream)
{
	struct stream *s;
	struct exec *x;
	CUresult result = enter_exec(handle, stream, &x, &s);

	return result ? result : leave(make_plan(x));
}
