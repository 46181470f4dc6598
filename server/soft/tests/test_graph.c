/* SPDX-License-Identifier: Apache-2.0 */
/* Capture and graphs. Graphs are of fills, copies and host functions. */
#include "soft_test.h"

#include <pthread.h>

static CUstream stream_of(unsigned flags)
{
	CUstream s = NULL;

	ok(cuStreamCreate(&s, flags));
	return s;
}

static unsigned word_at(CUdeviceptr p)
{
	unsigned word = 0;

	ok(cuMemcpyDtoH_v2(&word, p, 4));
	return word;
}

static void captured(void **state)
{
	CUstreamCaptureStatus status;
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING);
	CUgraphExec exec;
	CUgraphNode nodes[4];
	CUgraph graph;
	CUdeviceptr p;
	cuuint64_t id;
	size_t n = 4;

	ok(cuMemAlloc_v2(&p, 64));
	ok(cuMemsetD32_v2(p, 0, 16));
	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	fails(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED), CUDA_ERROR_ILLEGAL_STATE);
	ok(cuMemsetD32Async(p, 5, 1, s));
	ok(cuMemcpyDtoDAsync_v2(p + 4, p, 4, s));
	ok(cuStreamGetCaptureInfo(s, &status, &id));
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
	ok(cuStreamEndCapture(s, &graph));
	ok(cuStreamIsCapturing(s, &status));
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_NONE);
	assert_int_equal(word_at(p + 4), 0);
	ok(cuGraphGetNodes(graph, NULL, &n));
	assert_int_equal(n, 2);
	n = 4;
	ok(cuGraphGetRootNodes(graph, nodes, &n));
	assert_int_equal(n, 1);
	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphDestroy(graph));
	fails(cuGraphDestroy(graph), CUDA_ERROR_INVALID_VALUE);
	ok(cuGraphLaunch(exec, s));
	ok(cuStreamSynchronize(s));
	assert_int_equal(word_at(p + 4), 5);
	ok(cuGraphExecDestroy(exec));
	fails(cuGraphLaunch(exec, s), CUDA_ERROR_INVALID_VALUE);
	ok(cuStreamDestroy_v2(s));
	ok(cuMemFree_v2(p));
}

static void fork_and_join(void **state)
{
	CUstream a = stream_of(CU_STREAM_NON_BLOCKING), b = stream_of(CU_STREAM_NON_BLOCKING);
	CUgraphNode from[8], to[8];
	CUevent fork, join;
	CUgraph graph;
	CUdeviceptr p;
	size_t n = 8;

	ok(cuMemAlloc_v2(&p, 64));
	ok(cuEventCreate(&fork, CU_EVENT_DISABLE_TIMING));
	ok(cuEventCreate(&join, CU_EVENT_DISABLE_TIMING));
	ok(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	ok(cuMemsetD32Async(p, 1, 1, a));
	ok(cuEventRecord(fork, a));
	ok(cuStreamWaitEvent(b, fork, 0));
	ok(cuMemsetD32Async(p + 4, 2, 1, b));
	ok(cuMemsetD32Async(p + 8, 3, 1, a));
	ok(cuEventRecord(join, b));
	ok(cuStreamWaitEvent(a, join, 0));
	ok(cuMemsetD32Async(p + 12, 4, 1, a));
	ok(cuStreamEndCapture(a, &graph));
	ok(cuGraphGetEdges(graph, from, to, &n));
	assert_int_equal(n, 4);
	assert_ptr_equal(from[0], from[1]);
	assert_ptr_equal(to[2], to[3]);
	fails(cuStreamSynchronize((CUstream)graph), CUDA_ERROR_INVALID_HANDLE);
	ok(cuStreamSynchronize(b));
	ok(cuGraphDestroy(graph));
	fails(cuEventQuery(fork), CUDA_ERROR_INVALID_VALUE);
	fails(cuStreamWaitEvent(b, fork, 0), CUDA_ERROR_INVALID_VALUE);

	ok(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	ok(cuEventRecord(fork, a));
	ok(cuStreamWaitEvent(b, fork, 0));
	ok(cuMemsetD32Async(p, 1, 1, b));
	fails(cuStreamEndCapture(a, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
	ok(cuStreamQuery(b));
	ok(cuEventDestroy_v2(fork));
	ok(cuEventDestroy_v2(join));
	ok(cuStreamDestroy_v2(a));
	ok(cuStreamDestroy_v2(b));
	ok(cuMemFree_v2(p));
}

static void *end_elsewhere(void *arg)
{
	CUcontext context;
	CUgraph graph;
	CUresult result;

	cuDevicePrimaryCtxRetain(&context, 0);
	cuCtxSetCurrent(context);
	result = cuStreamEndCapture(arg, &graph);
	cuDevicePrimaryCtxRelease_v2(0);
	return (void *)(uintptr_t)result;
}

static void broken(void **state)
{
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING), t = stream_of(0);
	pthread_t thread;
	CUgraph graph;
	CUdeviceptr p;
	CUevent e;
	void *result;

	ok(cuEventCreate(&e, 0));
	ok(cuEventRecord(e, t));
	fails(cuStreamBeginCapture_v2(NULL, 0), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	fails(cuStreamEndCapture(s, &graph), CUDA_ERROR_ILLEGAL_STATE);

	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	fails(cuMemAlloc_v2(&p, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	fails(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);

	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	ok(cuThreadExchangeStreamCaptureMode(&mode));
	ok(cuMemAlloc_v2(&p, 16));
	ok(cuMemFree_v2(p));
	ok(cuThreadExchangeStreamCaptureMode(&mode));
	fails(cuStreamSynchronize(s), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	fails(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);

	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	fails(cuStreamWaitEvent(s, e, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
	fails(cuStreamEndCapture(s, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);

	ok(cuStreamBeginCapture_v2(t, CU_STREAM_CAPTURE_MODE_RELAXED));
	fails(cuStreamSynchronize(NULL), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	fails(cuStreamEndCapture(t, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);

	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	pthread_create(&thread, NULL, end_elsewhere, s);
	pthread_join(thread, &result);
	assert_int_equal((uintptr_t)result, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
	fails(cuStreamEndCapture(s, &graph), CUDA_ERROR_ILLEGAL_STATE);

	fails(cuEventRecordWithFlags(e, s, CU_EVENT_RECORD_EXTERNAL), CUDA_ERROR_ILLEGAL_STATE);
	fails(cuStreamWaitEvent(s, e, CU_EVENT_WAIT_EXTERNAL), CUDA_ERROR_ILLEGAL_STATE);

	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	ok(cuStreamDestroy_v2(s));
	ok(cuStreamDestroy_v2(t));
	ok(cuEventDestroy_v2(e));
	ok(cuCtxSynchronize());
}

static void add_one(void *arg)
{
	++*(int *)arg;
}

static void built(void **state)
{
	CUDA_MEMSET_NODE_PARAMS set = {.elementSize = 4, .width = 1, .height = 1, .value = 3}, got;
	CUDA_HOST_NODE_PARAMS host = {.fn = add_one};
	CUDA_MEMCPY3D copy = {.WidthInBytes = 4, .Height = 1, .Depth = 1}, copied;
	CUgraphNode a, b, c, child, again, list[8];
	CUgraph graph, inner, clone;
	CUgraphNodeType type;
	CUgraphExec exec, circle;
	unsigned *pinned, enabled;
	int count = 0;
	size_t n = 8;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 64));
	ok(cuMemHostAlloc((void **)&pinned, 4, 0));
	host.userData = &count;
	set.dst = p;
	copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
	copy.srcDevice = p;
	copy.dstMemoryType = CU_MEMORYTYPE_HOST;
	copy.dstHost = pinned;
	ok(cuGraphCreate(&inner, 0));
	ok(cuGraphAddHostNode(&child, inner, NULL, 0, &host));
	ok(cuGraphCreate(&graph, 0));
	ok(cuGraphAddMemsetNode(&a, graph, NULL, 0, &set, *state));
	ok(cuGraphAddMemcpyNode(&b, graph, NULL, 0, &copy, *state));
	ok(cuGraphAddDependencies(graph, &a, &b, 1));
	ok(cuGraphAddDependencies(graph, &b, &a, 1));
	fails(cuGraphInstantiateWithFlags(&circle, graph, 0), CUDA_ERROR_INVALID_VALUE);
	ok(cuGraphRemoveDependencies(graph, &b, &a, 1));
	fails(cuGraphAddDependencies(graph, &a, &b, 1), CUDA_ERROR_INVALID_VALUE);
	ok(cuGraphAddChildGraphNode(&c, graph, &b, 1, inner));
	ok(cuGraphDestroy(inner));
	ok(cuGraphNodeGetType(c, &type));
	assert_int_equal(type, CU_GRAPH_NODE_TYPE_GRAPH);
	ok(cuGraphNodeGetDependencies(c, list, &n));
	assert_int_equal(n, 1);
	assert_ptr_equal(list[0], b);
	ok(cuGraphMemsetNodeGetParams(a, &got));
	assert_int_equal(got.value, 3);
	ok(cuGraphMemcpyNodeGetParams(b, &copied));
	assert_ptr_equal(copied.dstHost, pinned);
	ok(cuGraphClone(&clone, graph));
	ok(cuGraphNodeFindInClone(&again, a, clone));
	assert_ptr_not_equal(again, a);

	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphLaunch(exec, NULL));
	ok(cuGraphLaunch(exec, NULL));
	ok(cuCtxSynchronize());
	assert_int_equal(*pinned, 3);
	assert_int_equal(count, 2);

	set.value = 8;
	ok(cuGraphExecMemsetNodeSetParams(exec, a, &set, *state));
	ok(cuGraphLaunch(exec, NULL));
	ok(cuCtxSynchronize());
	assert_int_equal(*pinned, 8);
	ok(cuGraphNodeSetEnabled(exec, b, 0));
	ok(cuGraphNodeGetEnabled(exec, b, &enabled));
	assert_int_equal(enabled, 0);
	*pinned = 0;
	ok(cuGraphLaunch(exec, NULL));
	ok(cuCtxSynchronize());
	assert_int_equal(*pinned, 0);
	ok(cuGraphExecDestroy(exec));

	ok(cuGraphInstantiateWithFlags(&exec, clone, 0));
	ok(cuGraphDestroyNode(a));
	n = 8;
	ok(cuGraphGetNodes(graph, list, &n));
	assert_int_equal(n, 2);
	ok(cuGraphDestroy(graph));
	fails(cuGraphNodeGetType(b, &type), CUDA_ERROR_INVALID_VALUE);
	ok(cuGraphLaunch(exec, NULL));
	ok(cuCtxSynchronize());
	assert_int_equal(*pinned, 3);
	ok(cuGraphExecDestroy(exec));
	ok(cuGraphDestroy(clone));
	ok(cuMemFreeHost(pinned));
	ok(cuMemFree_v2(p));
}

static CUgraph capture_fill(CUstream s, CUdeviceptr p, unsigned value, unsigned times)
{
	CUgraph graph = NULL;

	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	while (times--)
		ok(cuMemsetD32Async(p, value, 1, s));
	ok(cuStreamEndCapture(s, &graph));
	return graph;
}

static void updated(void **state)
{
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING);
	CUgraphExecUpdateResultInfo info;
	CUgraph one, two, other;
	CUgraphExec exec;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 64));
	one = capture_fill(s, p, 1, 3);
	two = capture_fill(s, p, 2, 3);
	other = capture_fill(s, p, 2, 2);
	ok(cuGraphInstantiateWithFlags(&exec, one, 0));
	ok(cuGraphExecUpdate_v2(exec, two, &info));
	assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_SUCCESS);
	fails(cuGraphExecUpdate_v2(exec, other, &info), CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
	assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED);
	ok(cuGraphLaunch(exec, s));
	ok(cuStreamSynchronize(s));
	assert_int_equal(word_at(p), 2);
	ok(cuGraphDestroy(one));
	ok(cuGraphDestroy(two));
	ok(cuGraphDestroy(other));
	ok(cuGraphExecDestroy(exec));
	ok(cuStreamDestroy_v2(s));
	ok(cuMemFree_v2(p));
}

static void events_in_graphs(void **state)
{
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING);
	CUgraphNode wait, host, record;
	struct gate gate = {0};
	CUDA_HOST_NODE_PARAMS params = {gate_wait, &gate};
	CUgraphExec exec;
	CUgraph graph;
	CUevent e;

	ok(cuEventCreate(&e, 0));
	ok(cuGraphCreate(&graph, 0));
	ok(cuGraphAddEventWaitNode(&wait, graph, NULL, 0, e));
	ok(cuGraphAddHostNode(&host, graph, &wait, 1, &params));
	ok(cuGraphAddEventRecordNode(&record, graph, &host, 1, e));
	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphLaunch(exec, s));
	fails(cuEventQuery(e), CUDA_ERROR_NOT_READY);
	gate_open(&gate);
	ok(cuEventSynchronize(e));
	ok(cuGraphExecDestroy(exec));
	ok(cuGraphDestroy(graph));
	ok(cuEventDestroy_v2(e));
	ok(cuStreamDestroy_v2(s));
}

static void count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void comes_to(atomic_int *count, int value)
{
	for (int i = 0; i < 60000 && atomic_load(count) != value; i++)
		usleep(1000);
	assert_int_equal(atomic_load(count), value);
}

/* A graph that calls @fn and keeps an object, which counts up @destroyed. */
static CUgraph keeper(CUhostFn fn, atomic_int *argument, atomic_int *destroyed)
{
	CUDA_HOST_NODE_PARAMS host = {fn, argument};
	CUuserObject user;
	CUgraphNode node;
	CUgraph graph;

	ok(cuGraphCreate(&graph, 0));
	ok(cuGraphAddHostNode(&node, graph, NULL, 0, &host));
	ok(cuUserObjectCreate(&user, destroyed, count_up, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
	ok(cuGraphRetainUserObject(graph, user, 1, CU_GRAPH_USER_OBJECT_MOVE));
	return graph;
}

static void user_objects(void **state)
{
	atomic_int destroyed = 0, called = 0;
	CUgraphExec exec;
	CUuserObject user;
	CUgraph graph = keeper(count_up, &called, &destroyed);

	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphDestroy(graph));
	usleep(1000);
	assert_int_equal(atomic_load(&destroyed), 0);
	ok(cuGraphExecDestroy(exec));
	comes_to(&destroyed, 1);
	ok(cuUserObjectCreate(&user, &destroyed, count_up, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
	ok(cuUserObjectRelease(user, 1));
	comes_to(&destroyed, 2);
	fails(cuUserObjectRetain(user, 1), CUDA_ERROR_INVALID_VALUE);
}

static void wait_for_it(void *arg)
{
	while (!atomic_load((atomic_int *)arg))
		usleep(100);
}

/* Launches that are under way keep the objects too. */
static void user_objects_in_use(void **state)
{
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING);
	atomic_int destroyed = 0, go = 0;
	CUgraph graph = keeper(wait_for_it, &go, &destroyed);
	CUgraphExec exec;

	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphDestroy(graph));
	ok(cuGraphLaunch(exec, s));
	ok(cuGraphExecDestroy(exec));
	usleep(5000);
	assert_int_equal(atomic_load(&destroyed), 0);
	atomic_store(&go, 1);
	ok(cuStreamSynchronize(s));
	comes_to(&destroyed, 1);
	ok(cuStreamDestroy_v2(s));
}

/* An update exchanges what is kept. */
static void user_objects_updated(void **state)
{
	atomic_int first = 0, second = 0, called = 0;
	CUgraph one = keeper(count_up, &called, &first), two = keeper(count_up, &called, &second);
	CUgraphExecUpdateResultInfo info;
	CUgraphExec exec;

	ok(cuGraphInstantiateWithFlags(&exec, one, 0));
	ok(cuGraphDestroy(one));
	ok(cuGraphExecUpdate_v2(exec, two, &info));
	ok(cuGraphDestroy(two));
	comes_to(&first, 1);
	usleep(1000);
	assert_int_equal(atomic_load(&second), 0);
	ok(cuGraphExecDestroy(exec));
	comes_to(&second, 1);
}

static void value_nodes(void **state)
{
	CUstreamBatchMemOpParams op = {
		.writeValue = {.operation = CU_STREAM_MEM_OP_WRITE_VALUE_32, .value = 99}};
	CUDA_BATCH_MEM_OP_NODE_PARAMS params = {.ctx = *state, .count = 1, .paramArray = &op};
	CUgraphExec exec;
	CUgraphNode node;
	CUgraph graph;
	CUdeviceptr p;

	ok(cuMemAlloc_v2(&p, 4));
	op.writeValue.address = p;
	ok(cuGraphCreate(&graph, 0));
	ok(cuGraphAddBatchMemOpNode(&node, graph, NULL, 0, &params));
	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphLaunch(exec, NULL));
	assert_int_equal(word_at(p), 99);
	op.writeValue.value = 98;
	ok(cuGraphExecBatchMemOpNodeSetParams(exec, node, &params));
	ok(cuGraphLaunch(exec, NULL));
	assert_int_equal(word_at(p), 98);
	ok(cuGraphExecDestroy(exec));
	ok(cuGraphDestroy(graph));
	ok(cuMemFree_v2(p));
}

static void memory_nodes(void **state)
{
	CUstream s = stream_of(CU_STREAM_NON_BLOCKING);
	size_t before, after, total;
	CUgraphExec exec;
	CUgraph graph;
	CUdeviceptr p, out;

	ok(cuMemAlloc_v2(&out, 4));
	ok(cuMemGetInfo_v2(&before, &total));
	ok(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	ok(cuMemAllocAsync(&p, 1 << 20, s));
	ok(cuMemsetD32Async(p, 77, 1, s));
	ok(cuMemcpyDtoDAsync_v2(out, p, 4, s));
	ok(cuMemFreeAsync(p, s));
	ok(cuStreamEndCapture(s, &graph));
	ok(cuGraphInstantiateWithFlags(&exec, graph, 0));
	ok(cuGraphDestroy(graph));
	ok(cuGraphLaunch(exec, s));
	ok(cuGraphLaunch(exec, s));
	ok(cuStreamSynchronize(s));
	assert_int_equal(word_at(out), 77);
	ok(cuGraphExecDestroy(exec));
	ok(cuStreamDestroy_v2(s));
	ok(cuMemGetInfo_v2(&after, &total));
	assert_int_equal(before, after);
	ok(cuMemFree_v2(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(captured), TEST(fork_and_join), TEST(broken),
		TEST(built), TEST(updated), TEST(events_in_graphs), TEST(memory_nodes),
		TEST(user_objects), TEST(user_objects_in_use), TEST(user_objects_updated),
		TEST(value_nodes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
