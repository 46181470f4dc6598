/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that the driver takes for pools and graphs, under a memory limit of
 * LIMIT bytes (the argument). Prints what is wrong and ends with 1, or "ok".
 */
#include <stdio.h>
#include <stdlib.h>

#include "cuda_prototypes.h"

#define CHECK(call) check((call), #call)

static int failures;

static void expect(int ok, const char *what)
{
	if (ok)
		return;
	printf("wrong: %s\n", what);
	failures++;
}

static void check(CUresult r, const char *call)
{
	if (!r)
		return;
	printf("%s: %d\n", call, (int)r);
	exit(1);
}

static CUresult add_memory(CUgraph graph, CUdevice device, size_t bytes)
{
	CUDA_MEM_ALLOC_NODE_PARAMS params = {.bytesize = bytes};
	CUgraphNode node;

	params.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
	params.poolProps.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	params.poolProps.location.id = device;
	return cuGraphAddMemAllocNode(&node, graph, NULL, 0, &params);
}

/* The memory of a graph's nodes, and that of what is captured. */
static void graphs(CUdevice device, size_t limit)
{
	size_t part = limit / 8 * 3;
	CUgraph graph, captured;
	CUstream stream;
	CUdeviceptr p;

	CHECK(cuGraphCreate(&graph, 0));
	expect(add_memory(graph, device, limit + 1) == CUDA_ERROR_OUT_OF_MEMORY,
		"a node of more than the limit is refused");
	CHECK(add_memory(graph, device, part));
	expect(cuMemAlloc_v2(&p, limit - part + 1) == CUDA_ERROR_OUT_OF_MEMORY,
		"memory of nodes is charged");
	CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	CHECK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
	CHECK(cuMemAllocAsync(&p, part, stream));
	expect(cuMemAllocAsync(&p, part, stream) == CUDA_ERROR_OUT_OF_MEMORY,
		"captured memory is charged");
	CHECK(cuStreamEndCapture(stream, &captured));
	expect(add_memory(graph, device, part) == CUDA_ERROR_OUT_OF_MEMORY,
		"nodes fit up to the limit");
	CHECK(cuGraphDestroy(captured));
	CHECK(cuGraphDestroy(graph));
	CHECK(cuStreamDestroy_v2(stream));
	CHECK(cuDeviceGraphMemTrim(device));
}

/* A pool whose memory outlives it. */
static void pools(CUdevice device, size_t limit)
{
	CUmemPoolProps props = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED};
	CUmemoryPool pool;
	CUdeviceptr first, p;

	props.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	props.location.id = device;
	CHECK(cuMemPoolCreate(&pool, &props));
	CHECK(cuMemAllocFromPoolAsync(&first, limit / 8 * 5, pool, NULL));
	CHECK(cuMemPoolDestroy(pool));
	CHECK(cuMemPoolCreate(&pool, &props));
	expect(cuMemAllocFromPoolAsync(&p, limit / 8 * 5, pool, NULL) == CUDA_ERROR_OUT_OF_MEMORY,
		"memory of a destroyed pool is charged");
	CHECK(cuMemFree_v2(first));
	CHECK(cuMemAllocFromPoolAsync(&p, limit / 8 * 5, pool, NULL));
	CHECK(cuMemFree_v2(p));
	CHECK(cuMemPoolDestroy(pool));
}

/* All of it can be had in the end. */
static void fill(size_t limit)
{
	CUdeviceptr p;

	CHECK(cuMemAlloc_v2(&p, limit - (4 << 20)));
	CHECK(cuMemFree_v2(p));
}

int main(int argc, char **argv)
{
	size_t limit = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	CUcontext context;

	CHECK(cuInit(0));
	CHECK(cuDevicePrimaryCtxRetain(&context, 0));
	CHECK(cuCtxSetCurrent(context));
	graphs(0, limit);
	fill(limit);
	pools(0, limit);
	fill(limit);
	if (!failures)
		printf("ok\n");
	return failures != 0;
}
