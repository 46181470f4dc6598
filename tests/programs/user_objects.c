/* SPDX-License-Identifier: Apache-2.0 */
/* User objects: ended once, when neither the program nor a graph or what was made of it has one. */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include "program.h"

enum { N = 3000, MANY = 200, THREADS_MANY = 4, WAIT_MS = 20000, PAUSE_MS = 30 };

struct thing {
	const char *name;
	CUuserObject object;
	_Atomic int ends;
	CUresult inside[3];
};

static _Atomic int started, may_go, ends_of_many;

static void end(void *p)
{
	struct thing *t = p;
	CUdeviceptr memory;

	t->inside[0] = cuMemAlloc_v2(&memory, 16);
	t->inside[1] = cuStreamQuery(NULL);
	t->inside[2] = cuCtxSynchronize();
	atomic_fetch_add(&t->ends, 1);
}

static void make(struct thing *t, const char *name, unsigned count)
{
	*t = (struct thing){.name = name};
	DO(cuUserObjectCreate(&t->object, t, end, count, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
}

static void say_kept(const struct thing *t, const char *when)
{
	usleep(PAUSE_MS * 1000);
	printf("%s, %s: %s\n", t->name, when, t->ends ? "ended" : "kept");
	fflush(stdout);
}

static void say_ended(const struct thing *t, const char *when)
{
	for (int i = 0; i < WAIT_MS && !t->ends; i++)
		usleep(1000);
	printf("%s, %s: ended %d times\n", t->name, when, t->ends);
	fflush(stdout);
}

static void counted(void)
{
	struct thing t;

	make(&t, "counted", 2);
	SAY(cuUserObjectRetain(t.object, 3));
	SAY(cuUserObjectRelease(t.object, 4));
	say_kept(&t, "one left");
	SAY(cuUserObjectRelease(t.object, 1));
	say_ended(&t, "released");
	usleep(PAUSE_MS * 1000);
	say_ended(&t, "later");
	for (int i = 0; i < 3; i++)
		printf("call inside: %s\n", result_name(t.inside[i]));
}

static void nothing(void *user)
{
	(void)user;
}

static void wrong(void)
{
	CUuserObject object = (CUuserObject)1;
	unsigned much = (unsigned)INT_MAX + 1;
	struct thing t;
	CUgraph graph;

	DO(cuGraphCreate(&graph, 0));
	make(&t, "wrong", 1);
	SAY(cuUserObjectCreate(NULL, NULL, nothing, 1, 1));
	SAY(cuUserObjectCreate(&object, NULL, NULL, 1, 1));
	SAY(cuUserObjectCreate(&object, NULL, nothing, 0, 1));
	SAY(cuUserObjectCreate(&object, NULL, nothing, much, 1));
	SAY(cuUserObjectCreate(&object, NULL, nothing, 1, 0));
	SAY(cuUserObjectCreate(&object, NULL, nothing, 1, 2));
	printf("object: %s\n", object == (CUuserObject)1 ? "untouched" : "changed");
	SAY(cuUserObjectRetain(t.object, 0));
	SAY(cuUserObjectRetain(t.object, much));
	SAY(cuUserObjectRelease(t.object, 0));
	SAY(cuUserObjectRelease(t.object, much));
	SAY(cuGraphRetainUserObject(graph, t.object, 0, 0));
	SAY(cuGraphRetainUserObject(graph, t.object, much, 0));
	SAY(cuGraphRetainUserObject(graph, t.object, 1, 2));
	SAY(cuGraphReleaseUserObject(graph, t.object, 0));
	SAY(cuGraphReleaseUserObject(graph, t.object, much));
	say_kept(&t, "after wrong calls");
	DO(cuUserObjectRelease(t.object, 1));
	say_ended(&t, "released");
	DO(cuGraphDestroy(graph));
}

/* No objects, and what the manual leaves undefined: ours refuses, and nothing is lost. */
static void wrong_counts(void)
{
	struct thing t;
	CUgraph graph;

	DO(cuGraphCreate(&graph, 0));
	make(&t, "wild", 2);
	SAY(cuUserObjectRetain(NULL, 1));
	SAY(cuUserObjectRelease(NULL, 1));
	SAY(cuGraphRetainUserObject(NULL, t.object, 1, 0));
	SAY(cuGraphRetainUserObject(graph, NULL, 1, 0));
	SAY(cuGraphReleaseUserObject(NULL, t.object, 1));
	SAY(cuGraphReleaseUserObject(graph, NULL, 1));
	SAY(cuUserObjectRelease(t.object, 3));
	SAY(cuGraphReleaseUserObject(graph, t.object, 1));
	SAY(cuGraphRetainUserObject(graph, t.object, 3, CU_GRAPH_USER_OBJECT_MOVE));
	SAY(cuGraphRetainUserObject(graph, t.object, 1, CU_GRAPH_USER_OBJECT_MOVE));
	SAY(cuGraphReleaseUserObject(graph, t.object, 2));
	SAY(cuUserObjectRelease(t.object, 2));
	SAY(cuUserObjectRelease(t.object, 1));
	SAY(cuUserObjectRelease(t.object, 1));
	say_kept(&t, "the graph's is left");
	SAY(cuUserObjectRetain(t.object, INT_MAX));
	SAY(cuUserObjectRelease(t.object, INT_MAX));
	SAY(cuGraphReleaseUserObject(graph, t.object, 1));
	say_ended(&t, "the graph released it");
	SAY(cuUserObjectRetain(t.object, 1));
	SAY(cuUserObjectRelease(t.object, 1));
	SAY(cuGraphRetainUserObject(graph, t.object, 1, 0));
	SAY(cuGraphReleaseUserObject(graph, t.object, 1));
	SAY(cuUserObjectRetain((CUuserObject)graph, 1));
	DO(cuGraphDestroy(graph));
}

static void of_graphs(void)
{
	struct thing a, b, c;
	CUgraph graph, clone;

	DO(cuGraphCreate(&graph, 0));
	make(&a, "moved", 1);
	make(&b, "shared", 1);
	make(&c, "released by its graph", 1);
	SAY(cuGraphRetainUserObject(graph, a.object, 1, CU_GRAPH_USER_OBJECT_MOVE));
	SAY(cuGraphRetainUserObject(graph, b.object, 2, 0));
	SAY(cuGraphRetainUserObject(graph, c.object, 3, 0));
	SAY(cuUserObjectRelease(c.object, 1));
	SAY(cuGraphReleaseUserObject(graph, c.object, 2));
	say_kept(&c, "one left");
	SAY(cuGraphReleaseUserObject(graph, c.object, 1));
	say_ended(&c, "none left");
	/* The handle is good as long as anybody has the object. */
	SAY(cuUserObjectRetain(a.object, 1));
	SAY(cuUserObjectRelease(a.object, 1));
	DO(cuGraphClone(&clone, graph));
	DO(cuGraphDestroy(graph));
	say_kept(&a, "a clone has it");
	DO(cuGraphDestroy(clone));
	say_ended(&a, "clone destroyed");
	say_kept(&b, "clone destroyed");
	DO(cuUserObjectRelease(b.object, 1));
	say_ended(&b, "released");
}

static CUgraph graph_with(struct thing *t, const char *name, CUhostFn function)
{
	CUDA_HOST_NODE_PARAMS host = {function, NULL};
	CUgraphNode node;
	CUgraph graph;

	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddHostNode(&node, graph, NULL, 0, &host));
	make(t, name, 1);
	DO(cuGraphRetainUserObject(graph, t->object, 1, CU_GRAPH_USER_OBJECT_MOVE));
	return graph;
}

static void of_children(void)
{
	struct thing a, b;
	CUgraph child = graph_with(&a, "child's", nothing), parent;
	CUgraphNode node, second;
	CUgraphExec exec;

	DO(cuGraphCreate(&parent, 0));
	DO(cuGraphAddChildGraphNode(&node, parent, NULL, 0, child));
	DO(cuGraphDestroy(child));
	say_kept(&a, "the parent's child has it");
	DO(cuGraphInstantiateWithFlags(&exec, parent, 0));
	DO(cuGraphDestroyNode(node));
	say_kept(&a, "the executable graph has it");
	DO(cuGraphExecDestroy(exec));
	say_ended(&a, "executable graph destroyed");
	child = graph_with(&b, "second child's", nothing);
	DO(cuGraphAddChildGraphNode(&second, parent, NULL, 0, child));
	DO(cuGraphDestroy(child));
	DO(cuGraphDestroy(parent));
	say_ended(&b, "parent destroyed");
}

static void hold(void *user)
{
	(void)user;
	atomic_store(&started, 1);
	for (int i = 0; i < WAIT_MS && !atomic_load(&may_go); i++)
		usleep(1000);
}

static void await_start(void)
{
	while (!atomic_load(&started))
		usleep(200);
}

static void in_flight(CUstream s)
{
	CUgraphExecUpdateResultInfo info;
	struct thing a, b;
	CUgraph graph = graph_with(&a, "launched", hold), other;
	CUgraphExec exec;

	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	say_kept(&a, "instantiated");
	DO(cuGraphLaunch(exec, s));
	await_start();
	other = graph_with(&b, "updated", nothing);
	SAY(cuGraphExecUpdate_v2(exec, other, &info));
	DO(cuGraphDestroy(other));
	say_kept(&a, "updated in flight");
	say_kept(&b, "the executable graph has it");
	atomic_store(&may_go, 1);
	DO(cuStreamSynchronize(s));
	say_ended(&a, "launch over");
	DO(cuGraphLaunch(exec, s));
	DO(cuStreamSynchronize(s));
	say_kept(&b, "launched");
	DO(cuGraphExecDestroy(exec));
	say_ended(&b, "executable graph destroyed");
}

static void destroyed_in_flight(CUstream s)
{
	struct thing a;
	CUgraph graph;
	CUgraphExec exec;

	atomic_store(&started, 0);
	atomic_store(&may_go, 0);
	graph = graph_with(&a, "destroyed in flight", hold);
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphLaunch(exec, s));
	await_start();
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
	say_kept(&a, "launched");
	atomic_store(&may_go, 1);
	DO(cuStreamSynchronize(s));
	say_ended(&a, "launch over");
}

/* Memory that a graph's copy and a copy before it write: it is all there at the end. */
struct buffer {
	unsigned *words;
	_Atomic int ends;
	unsigned long long seen[2];
};

static void end_buffer(void *p)
{
	struct buffer *b = p;

	for (int i = 0; i < 2; i++)
		b->seen[i] = checksum(b->words + i * N, N * 4);
	memset(b->words, 0xff, N * 8);
	free(b->words);
	atomic_store(&b->ends, 1);
}

static CUgraph captured_with(CUstream s, CUdeviceptr from, struct buffer *b)
{
	CUstreamCaptureStatus status;
	CUuserObject object;
	CUgraph capturing, graph;

	DO(cuUserObjectCreate(&object, b, end_buffer, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DO(cuMemsetD32Async(from, 7, N, s));
	DO(cuMemcpyDtoHAsync_v2(b->words, from, N * 4, s));
	DO(cuStreamGetCaptureInfo_v2(s, &status, NULL, &capturing, NULL, NULL));
	DO(cuGraphRetainUserObject(capturing, object, 1, CU_GRAPH_USER_OBJECT_MOVE));
	DO(cuStreamEndCapture(s, &graph));
	return graph;
}

static void of_memory(CUstream s)
{
	CUdeviceptr p = device_words(N);
	struct buffer b = {malloc(N * 8), 0, {0}};
	CUgraph graph;
	CUgraphExec exec;

	memset(b.words, 0, N * 8);
	graph = captured_with(s, p, &b);
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	DO(cuMemsetD32Async(p, 5, N, s));
	DO(cuMemcpyDtoHAsync_v2(b.words + N, p, N * 4, s));
	DO(cuGraphLaunch(exec, s));
	DO(cuGraphExecDestroy(exec));
	for (int i = 0; i < WAIT_MS && !b.ends; i++)
		usleep(1000);
	printf("memory freed at the end: %d, it had %016llx %016llx\n", b.ends, b.seen[0],
		b.seen[1]);
	DO(cuStreamSynchronize(s));
	DO(cuMemFree_v2(p));
}

/* No object but what the graph itself keeps: what its copy wrote stays. */
static void of_nobody(CUstream s)
{
	CUdeviceptr p = device_words(N);
	unsigned *words = calloc(N, 4);
	CUgraphExec exec;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DO(cuMemsetD32Async(p, 9, N, s));
	DO(cuMemcpyDtoHAsync_v2(words, p, N * 4, s));
	DO(cuStreamEndCapture(s, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	DO(cuGraphDestroy(graph));
	DO(cuGraphLaunch(exec, s));
	DO(cuGraphExecDestroy(exec));
	DO(cuStreamSynchronize(s));
	printf("copied by a graph that is gone: %u .. %u\n", words[0], words[N - 1]);
	DO(cuMemFree_v2(p));
	free(words);
}

static void end_one(void *p)
{
	if (!atomic_exchange((_Atomic int *)p, 1))
		atomic_fetch_add(&ends_of_many, 1);
	else
		printf("ended twice\n");
}

static void *make_many(void *p)
{
	_Atomic int *ended = p;

	for (int i = 0; i < MANY; i++) {
		CUuserObject object;
		CUgraph graph;

		DO(cuUserObjectCreate(
			&object, &ended[i], end_one, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
		if (i % 2) {
			DO(cuUserObjectRelease(object, 1));
			continue;
		}
		DO(cuGraphCreate(&graph, 0));
		DO(cuGraphRetainUserObject(graph, object, 1, CU_GRAPH_USER_OBJECT_MOVE));
		DO(cuGraphDestroy(graph));
	}
	return NULL;
}

static void of_threads(void)
{
	static _Atomic int ended[THREADS_MANY][MANY];
	pthread_t thread[THREADS_MANY];

	for (int i = 0; i < THREADS_MANY; i++)
		pthread_create(&thread[i], NULL, make_many, ended[i]);
	for (int i = 0; i < THREADS_MANY; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < WAIT_MS && ends_of_many < THREADS_MANY * MANY; i++)
		usleep(1000);
	printf("of many: %d ended\n", ends_of_many);
}

int main(int argc, char **argv)
{
	static struct thing left;
	CUstream s;

	program_begin();
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	counted();
	wrong();
	of_graphs();
	of_children();
	in_flight(s);
	destroyed_in_flight(s);
	of_memory(s);
	of_nobody(s);
	of_threads();
	if (program_wild(argc, argv))
		wrong_counts();
	/* The program ends before this one does. */
	make(&left, "left", 1);
	DO(cuStreamDestroy_v2(s));
	return 0;
}
