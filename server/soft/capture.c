/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream capture. A capturing stream holds what its next node depends on;
 * recording an event copies that into the event, waiting for such an event
 * brings another stream in. What would disturb a capture fails and invalidates
 * it, by the rules of the modes that captures and threads are in.
 */
#include "capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static LIST_HEAD(, capture) captures;

static void capture_release(struct object *o)
{
	nodes_fini(&((struct capture *)o)->left);
	free(o);
}

int nodes_merge(struct nodes *to, const struct nodes *from)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		if (from->at[i]->graph && nodes_add(to, from->at[i]) < 0)
			return -ENOMEM;
	return 0;
}

static void detach(struct stream *s)
{
	nodes_free(s->capture_deps);
	s->capture_deps = NULL;
	object_put(s->capture);
	s->capture = NULL;
}

static int attach(struct stream *s, struct capture *c)
{
	s->capture_deps = calloc(1, sizeof(*s->capture_deps));
	if (!s->capture_deps)
		return -ENOMEM;
	s->capture = object_get(c);
	return 0;
}

/* All streams leave; events that were recorded keep a capture that has ended. */
static void finish(struct capture *c)
{
	struct stream *s;

	c->ended = true;
	LIST_FOREACH(s, &c->ctx->streams, link)
		if (s->capture == c)
			detach(s);
	c->ctx->captures--;
	LIST_REMOVE(c, link);
	object_put(c);
}

void capture_break(struct capture *c)
{
	c->broken = true;
}

void capture_leave(struct stream *s)
{
	struct capture *c = s->capture;

	if (!c)
		return;
	if (c->origin == s) {
		if (!c->lent)
			graph_destroy(c->graph);
		finish(c);
		return;
	}
	if (nodes_merge(&c->left, s->capture_deps) < 0)
		capture_break(c);
	detach(s);
}

CUresult capture_add(struct stream *s, struct op *op)
{
	struct capture *c = s->capture;
	struct node *n;
	CUresult result;

	if (c->broken) {
		op_fini(op);
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	}
	if (op->kind == OP_NONE)
		return CUDA_SUCCESS;
	result = node_create(c->graph, op_node_type(op), op, s->capture_deps, &n);
	if (result)
		return result;
	nodes_fini(s->capture_deps);
	return nodes_add(s->capture_deps, n) < 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

CUresult capture_node(struct stream *s, CUgraphNodeType type, struct node **out)
{
	struct op op = {.kind = OP_NONE};
	CUresult result;

	if (s->capture->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	result = node_create(s->capture->graph, type, &op, s->capture_deps, out);
	if (result)
		return result;
	nodes_fini(s->capture_deps);
	return nodes_add(s->capture_deps, *out) < 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

CUresult capture_record(struct stream *s, struct event *e, unsigned flags)
{
	struct op op = {.kind = OP_RECORD, .event = e};
	struct nodes *deps;

	if (s->capture->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (flags & CU_EVENT_RECORD_EXTERNAL) {
		object_get(e);
		return capture_add(s, &op);
	}
	deps = calloc(1, sizeof(*deps));
	if (!deps || nodes_merge(deps, s->capture_deps) < 0) {
		nodes_free(deps);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	event_set_fence(e, NULL);
	e->capture = object_get(s->capture);
	e->capture_deps = deps;
	return CUDA_SUCCESS;
}

CUresult capture_wait(struct stream *s, struct event *e, unsigned flags)
{
	struct op op = {.kind = OP_WAIT, .event = e};
	struct capture *c = e->capture;

	if (s->capture && s->capture->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (s->capture && flags & CU_EVENT_WAIT_EXTERNAL) {
		object_get(e);
		return capture_add(s, &op);
	}
	if (!c && !e->fence) /* never recorded */
		return CUDA_SUCCESS;
	if (!c || c->ended) {
		if (s->capture)
			capture_break(s->capture);
		return c ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
	}
	if (c->broken)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (s == s->ctx->legacy || s->ctx != c->ctx) {
		capture_break(c);
		return s->ctx != c->ctx ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
					: CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	}
	if (s->capture && s->capture != c) {
		capture_break(s->capture);
		capture_break(c);
		return CUDA_ERROR_STREAM_CAPTURE_MERGE;
	}
	if (!s->capture && attach(s, c) < 0)
		return CUDA_ERROR_OUT_OF_MEMORY;
	return nodes_merge(s->capture_deps, e->capture_deps) < 0 ? CUDA_ERROR_OUT_OF_MEMORY
								 : CUDA_SUCCESS;
}

CUresult capture_event_touched(struct event *e)
{
	if (e->capture->ended)
		return CUDA_ERROR_INVALID_VALUE;
	capture_break(e->capture);
	return CUDA_ERROR_CAPTURED_EVENT;
}

CUresult capture_unsafe(void)
{
	struct thread *t = thread_self();
	CUresult result = CUDA_SUCCESS;
	struct capture *c;

	if (t->capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_SUCCESS;
	LIST_FOREACH(c, &captures, link) {
		if (c->mode == CU_STREAM_CAPTURE_MODE_RELAXED)
			continue;
		if (c->thread != t->id && (c->mode != CU_STREAM_CAPTURE_MODE_GLOBAL ||
						  t->capture_mode != CU_STREAM_CAPTURE_MODE_GLOBAL))
			continue;
		capture_break(c);
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	return result;
}

CUresult capture_forbid(struct context *ctx)
{
	CUresult result = CUDA_SUCCESS;
	struct capture *c;

	LIST_FOREACH(c, &captures, link)
		if (c->ctx == ctx) {
			capture_break(c);
			result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
		}
	return result;
}

/* A blocking stream that captures is in the legacy stream's way; @invalidate: not any more. */
static CUresult implicit(struct stream *s, bool invalidate)
{
	CUresult result = CUDA_SUCCESS;
	struct stream *other;

	if (!s->ctx->captures || s != s->ctx->legacy)
		return CUDA_SUCCESS;
	LIST_FOREACH(other, &s->ctx->streams, link)
		if (other->capture && !(other->flags & CU_STREAM_NON_BLOCKING)) {
			if (invalidate)
				capture_break(other->capture);
			result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
		}
	return result;
}

CUresult capture_implicit(struct stream *s)
{
	return implicit(s, true);
}

CUresult capture_asked(struct stream *s)
{
	return implicit(s, false);
}

static CUresult begin(
	CUstream stream, CUstreamCaptureMode mode, struct graph *into, const struct nodes *deps)
{
	struct capture *c;
	struct context *ctx;
	struct stream *s;
	CUresult result = enter(&ctx);

	if (result)
		return result;
	result = stream_find(ctx, stream, &s);
	if (!result && (unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result && s == s->ctx->legacy)
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (!result && s->capture)
		result = CUDA_ERROR_ILLEGAL_STATE;
	if (result)
		return leave(result);
	c = calloc(1, sizeof(*c));
	if (!c)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&c->base, 0, capture_release);
	c->graph = into;
	c->lent = into;
	if (!into)
		result = graph_create(&c->graph);
	if (result || attach(s, c) < 0) {
		if (!result && !into)
			graph_destroy(c->graph);
		free(c);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	if (deps)
		nodes_merge(s->capture_deps, deps);
	c->origin = s;
	c->ctx = s->ctx;
	c->mode = mode;
	c->thread = thread_self()->id;
	c->id = ++gpu.next_id;
	c->ctx->captures++;
	LIST_INSERT_HEAD(&captures, c, link);
	return leave(CUDA_SUCCESS);
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
	return begin(stream, mode, NULL, NULL);
}

CUresult cuStreamBeginCaptureToGraph(CUstream stream, CUgraph handle, const CUgraphNode *deps,
	const CUgraphEdgeData *data, size_t count, CUstreamCaptureMode mode)
{
	struct nodes wanted = {0};
	struct graph *g;
	CUresult result = enter_device();

	if (result)
		return result;
	result = graph_find(handle, &g);
	if (!result)
		result = nodes_gather(g, deps, count, &wanted);
	leave(result);
	if (!result)
		result = begin(stream, mode, g, &wanted);
	pthread_mutex_lock(&gpu.lock);
	nodes_fini(&wanted);
	return leave(result);
}

static bool all_marked(const struct nodes *nodes)
{
	size_t i;

	for (i = 0; i < nodes->count; i++)
		if (nodes->at[i]->graph && !nodes->at[i]->mark)
			return false;
	return true;
}

/* Does what the origin has reached contain all that was captured elsewhere? */
static bool joined(struct capture *c)
{
	struct stream *s;
	struct node *n;
	size_t i;

	TAILQ_FOREACH(n, &c->graph->nodes, link)
		n->mark = false;
	for (i = 0; i < c->origin->capture_deps->count; i++)
		c->origin->capture_deps->at[i]->mark = true;
	/* What a captured node waits for was captured before it. */
	TAILQ_FOREACH_REVERSE(n, &c->graph->nodes, node_list, link)
	for (i = 0; n->mark && i < n->deps.count; i++)
		n->deps.at[i]->mark = true;
	LIST_FOREACH(s, &c->ctx->streams, link)
		if (s->capture == c && !all_marked(s->capture_deps))
			return false;
	return all_marked(&c->left);
}

/* Ends also what the wrong thread ends, and without @out. */
CUresult cuStreamEndCapture(CUstream stream, CUgraph *out)
{
	struct capture *c;
	struct stream *s;
	struct graph *g;
	bool lent;
	CUresult result = enter_stream_anywhere(stream, &s);

	if (result)
		return result;
	c = s->capture;
	if (!c)
		return leave(CUDA_ERROR_ILLEGAL_STATE);
	if (c->origin != s) {
		capture_break(c);
		return leave(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
	}
	if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED && c->thread != thread_self()->id)
		result = CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	else if (c->broken)
		result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	else if (!joined(c))
		result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
	g = c->graph;
	lent = c->lent;
	finish(c);
	if (result || (!out && !lent)) {
		graph_destroy(g);
		g = NULL;
	}
	if (out)
		*out = g ? (CUgraph)g->base.handle : NULL;
	return leave(result);
}
