/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See kept.h. A function of a node of a known graph has an object that the graph
 * holds. One that was set into a node of a copy, whose graph is not known, goes
 * with the function that the node was copied with: who can call it holds that.
 * One that was set into an executable graph, which can be given no objects, is
 * held here until the launches are done that may call it: those of one
 * executable graph follow each other, so an event behind the last says so.
 *
 * All but what the driver calls is the dispatcher's.
 */
#include "kept.h"

#include <errno.h>
#include <stdlib.h>

#include "hostfunc.h"
#include "numbers.h"
#include "pending.h"

struct function {
	struct numbered id;
	CUuserObject object;
	CUgraph graph;			 /* NULL: not known; or gone, and maybe another's now */
	CUgraphNode node;		 /* of an executable graph */
	struct function *root;		 /* it goes with that one */
	LIST_ENTRY(function) link;	 /* of an executable graph, or of root */
	LIST_HEAD(functions, function) heirs; /* that go with it */
};

/* An event behind a launch. */
struct mark {
	CUevent event;
	uint64_t context;
	unsigned users;
};

/* An executable graph that has functions of its own. */
struct exec {
	LIST_ENTRY(exec) link;
	CUgraphExec real;
	struct functions functions;
	struct mark *mark; /* behind the last launch; NULL: there was none */
	bool lost;	   /* a launch could not be marked */
};

struct kept {
	struct session *session;
	pthread_mutex_t lock; /* functions, and who goes with whom */
	struct numbers functions;
	LIST_HEAD(, exec) execs;
};

static struct kept *own; /* of the worker's session */

int kept_create(struct session *s)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	pthread_mutex_init(&k->lock, NULL);
	LIST_INIT(&k->execs);
	k->session = s;
	s->kept = own = k;
	return 0;
}

/* Called with the lock. */
static struct function *function_find(struct kept *k, uint64_t id)
{
	return (struct function *)numbers_find(&k->functions, id);
}

/* Called with the lock. */
static struct function *function_new(struct kept *k, uint64_t id)
{
	struct function *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->id.number = id;
	LIST_INIT(&f->heirs);
	if (!numbers_add(&k->functions, &f->id))
		return f;
	free(f);
	return NULL;
}

/* Called with the lock. */
static void function_free(struct kept *k, struct function *f)
{
	numbers_remove(&k->functions, &f->id);
	hostfunc_gone(k->session, f->id.number);
	free(f);
}

/* Nobody holds the object any more. By the driver, in a thread of its own. */
static void object_gone(void *id)
{
	struct kept *k = own;
	struct function *f, *heir;

	pthread_mutex_lock(&k->lock);
	f = function_find(k, (uintptr_t)id);
	if (f) {
		while ((heir = LIST_FIRST(&f->heirs))) {
			LIST_REMOVE(heir, link);
			function_free(k, heir);
		}
		function_free(k, f);
	}
	pthread_mutex_unlock(&k->lock);
}

/* With an object that the caller holds; NULL: it stays for good. */
static struct function *function_hold(struct kept *k, uint64_t id)
{
	CUuserObject object = NULL;
	struct function *f;

	if (driver.cuUserObjectCreate(&object, (void *)(uintptr_t)id, object_gone, 1,
		    CU_USER_OBJECT_NO_DESTRUCTOR_SYNC))
		return NULL;
	pthread_mutex_lock(&k->lock);
	f = function_new(k, id);
	if (f)
		f->object = object;
	pthread_mutex_unlock(&k->lock);
	return f;
}

void kept_add(struct session *s, CUgraph graph, uint64_t id)
{
	struct function *f = function_hold(s->kept, id);

	/* An object that the graph does not take must not be released: the node is there. */
	if (f && !driver.cuGraphRetainUserObject(
			 graph, f->object, 1, CU_GRAPH_USER_OBJECT_MOVE))
		f->graph = graph;
}

/* What @stream's capture adds to; NULL: it is not captured. */
static CUgraph captured_graph(CUstream stream)
{
	CUstreamCaptureStatus status;
	CUgraph graph = NULL;
	cuuint64_t capture;
	CUresult r = driver.cuStreamGetCaptureInfo_v2(
		stream, &status, &capture, &graph, NULL, NULL);

	return r || status != CU_STREAM_CAPTURE_STATUS_ACTIVE ? NULL : graph;
}

void kept_captured(struct session *s, CUstream stream, uint64_t id)
{
	CUgraph graph = captured_graph(stream);

	if (graph)
		kept_add(s, graph, id);
}

static bool graph_has(struct session *s, CUgraph graph, CUgraphNode node)
{
	CUgraphNode *nodes;
	size_t count = 0;
	bool has = false;

	if (!handles_real_has(&s->handles, KIND_CUgraph, (uintptr_t)graph) ||
		driver.cuGraphGetNodes(graph, NULL, &count) || !count)
		return false;
	nodes = calloc(count, sizeof(*nodes));
	if (nodes && !driver.cuGraphGetNodes(graph, nodes, &count)) {
		for (size_t i = 0; i < count && !has; i++)
			has = nodes[i] == node;
	}
	free((void *)nodes);
	return has;
}

static void function_inherit(struct kept *k, uint64_t old, uint64_t id)
{
	struct function *root, *f;

	pthread_mutex_lock(&k->lock);
	root = function_find(k, old);
	if (root && root->root)
		root = root->root;
	f = root ? function_new(k, id) : NULL;
	if (f) {
		f->root = root;
		LIST_INSERT_HEAD(&root->heirs, f, link);
	}
	pthread_mutex_unlock(&k->lock);
}

/* The node's graph holds what @old goes with, so that this stays meanwhile. */
void kept_replace(struct session *s, CUgraphNode node, uint64_t old, uint64_t id)
{
	struct kept *k = s->kept;
	struct function *f;

	pthread_mutex_lock(&k->lock);
	f = function_find(k, old);
	pthread_mutex_unlock(&k->lock);
	if (f && f->graph && graph_has(s, f->graph, node)) {
		kept_add(s, f->graph, id);
		driver.cuGraphReleaseUserObject(f->graph, f->object, 1);
	} else if (f) {
		function_inherit(k, old, id);
	}
}

static struct exec *exec_find(struct kept *k, CUgraphExec real)
{
	struct exec *x;

	LIST_FOREACH(x, &k->execs, link) {
		if (x->real == real)
			break;
	}
	return x;
}

static struct exec *exec_make(struct kept *k, CUgraphExec real)
{
	struct exec *x = exec_find(k, real);

	if (x)
		return x;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->real = real;
	LIST_INIT(&x->functions);
	LIST_INSERT_HEAD(&k->execs, x, link);
	return x;
}

static void mark_put(struct session *s, struct mark *m)
{
	if (!m || --m->users)
		return;
	if (context_find(s, m->context))
		driver.cuEventDestroy_v2(m->event);
	free(m);
}

/* Behind a launch in @stream, in place of @before, which others may still wait for. */
static struct mark *mark_launch(struct session *s, struct mark *before, CUstream stream)
{
	uint64_t context = serving_context ? serving_context->id : 0;
	struct mark *m = before;

	if (!m || m->users > 1 || m->context != context) {
		mark_put(s, before);
		m = calloc(1, sizeof(*m));
		if (!m)
			return NULL;
		*m = (struct mark){.context = context, .users = 1};
		if (driver.cuEventCreate(&m->event, CU_EVENT_DISABLE_TIMING)) {
			free(m);
			return NULL;
		}
	}
	if (!driver.cuEventRecord(m->event, stream))
		return m;
	mark_put(s, m);
	return NULL;
}

void kept_launched(struct session *s, CUgraphExec exec, CUstream stream)
{
	struct exec *x = exec_find(s->kept, exec);
	struct function *f;
	CUgraph graph;

	if (!x)
		return;
	graph = captured_graph(stream);
	LIST_FOREACH(f, &x->functions, link) {
		if (graph && driver.cuGraphRetainUserObject(graph, f->object, 1, 0))
			x->lost = true;
	}
	if (graph)
		return;
	x->mark = mark_launch(s, x->mark, stream);
	x->lost |= !x->mark;
}

/* Functions that an executable graph does not call any more. */
struct leaving {
	struct pending pending;
	struct mark *mark;
	struct functions functions;
};

static CUresult leaving_poll(struct pending *p)
{
	return driver.cuEventQuery(container_of(p, struct leaving, pending)->mark->event);
}

static void functions_release(struct functions *functions)
{
	struct function *f;

	while ((f = LIST_FIRST(functions))) {
		LIST_REMOVE(f, link);
		driver.cuUserObjectRelease(f->object, 1);
	}
}

static void leaving_finish(struct pending *p)
{
	struct leaving *l = container_of(p, struct leaving, pending);

	functions_release(&l->functions);
	mark_put(p->q.session, l->mark);
	free(l);
}

static void functions_leave(struct session *s, struct exec *x, struct functions *functions)
{
	struct context *c = x->mark ? context_find(s, x->mark->context) : NULL;
	struct request nobody = {.session = s};
	struct function *f;
	struct leaving *l;

	if (x->lost)
		return;
	if (!c) { /* never launched, or all that was launched has ended */
		functions_release(functions);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return;
	l->mark = x->mark;
	l->mark->users++;
	LIST_INIT(&l->functions);
	while ((f = LIST_FIRST(functions))) {
		LIST_REMOVE(f, link);
		LIST_INSERT_HEAD(&l->functions, f, link);
	}
	l->pending.context = c;
	l->pending.poll = leaving_poll;
	l->pending.finish = leaving_finish;
	l->pending.acts = true;
	pending_add(s, &l->pending, &nobody);
}

void kept_replace_exec(struct session *s, CUgraphExec exec, CUgraphNode node, uint64_t id)
{
	struct functions before = LIST_HEAD_INITIALIZER(before);
	struct exec *x = exec_make(s->kept, exec);
	struct function *f;

	if (!x)
		return;
	LIST_FOREACH(f, &x->functions, link) {
		if (f->node == node)
			break;
	}
	if (f) {
		LIST_REMOVE(f, link);
		LIST_INSERT_HEAD(&before, f, link);
		functions_leave(s, x, &before);
	}
	f = function_hold(s->kept, id);
	if (!f)
		return;
	f->node = node;
	LIST_INSERT_HEAD(&x->functions, f, link);
}

void kept_exec_gone(struct session *s, CUgraphExec exec)
{
	struct exec *x = exec_find(s->kept, exec);

	if (!x)
		return;
	functions_leave(s, x, &x->functions);
	mark_put(s, x->mark);
	LIST_REMOVE(x, link);
	free(x);
}
