/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "client_calls.h"
#include "cuda_prototypes.h"
#include "stubs.h"
#include "wire_calls.h"

CUresult stub_setAsync(Address at, unsigned char value, size_t n, Stream stream)
{
	uint64_t stream_wire = 0;
	CUresult r;

	r = set_check(at, n, 4);
	if (r != CUDA_SUCCESS)
		return r == (CUresult)CALL_NOTHING ? CUDA_SUCCESS : r;
	r = stream_check(stream, &stream_wire);
	if (r != CUDA_SUCCESS)
		return call_refuse(0, r);
	r = wire_setAsync(at, value, n, stream_wire);
	return r;
}

CUresult CUDAAPI setAsync(Address at, unsigned char value, size_t n, Stream stream)
{
	CALL_COUNTED(0, stub_setAsync(at, value, n, stream));
}

CUresult CUDAAPI setAsync_ptsz(Address at, unsigned char value, size_t n, Stream stream)
{
	CALL_COUNTED(0, stub_setAsync(at, value, n, stream ? stream : (Stream)PER_THREAD));
}

CUresult stub_set_v2(Address at, unsigned char value, size_t n)
{
	return stub_setAsync(at, value, n, 0);
}

CUresult CUDAAPI set_v2(Address at, unsigned char value, size_t n)
{
	CALL_COUNTED(1, stub_set_v2(at, value, n));
}

CUresult CUDAAPI set_v2_ptds(Address at, unsigned char value, size_t n)
{
	CALL_TWIN(1, stub_set_v2(at, value, n));
}

CUresult stub_limit(size_t *value, Mode mode)
{
	CUresult r;

	if (!value)
		return call_refuse(CALL_NO_WORK, CUDA_ERROR_INVALID_VALUE);
	r = wire_limit(value, mode);
	return r;
}

CUresult CUDAAPI limit(size_t *value, Mode mode)
{
	CALL_COUNTED(2, stub_limit(value, mode));
}

CUresult stub_setLimit(Mode mode, size_t value)
{
	CUresult r;

	r = wire_setLimit(mode, value);
	if (r == CUDA_SUCCESS)
		r = mode_set(mode);
	return r;
}

CUresult CUDAAPI setLimit(Mode mode, size_t value)
{
	CALL_COUNTED(3, stub_setLimit(mode, value));
}

CUresult CUDAAPI eventCreate(Event *event, unsigned int flags)
{
	CALL_COUNTED(4, client_eventCreate(event, flags));
}

CUresult CUDAAPI eventDestroy(Event event)
{
	CALL_COUNTED(5, client_eventDestroy(event));
}

CUresult stub_eventTime(float *time, Event start, Event end)
{
	uint64_t start_wire = 0;
	uint64_t end_wire = 0;
	CUresult r;

	if (!time)
		return call_refuse(CALL_NO_WORK, CUDA_ERROR_INVALID_VALUE);
	if (!object_get(KIND_Event, start))
		return call_refuse(CALL_NO_WORK, (CUresult)400);
	start_wire = (uint64_t)(uintptr_t)start;
	if (!object_get(KIND_Event, end))
		return call_refuse(CALL_NO_WORK, (CUresult)400);
	end_wire = (uint64_t)(uintptr_t)end;
	r = wire_eventTime(time, start_wire, end_wire);
	return r;
}

CUresult CUDAAPI eventTime(float *time, Event start, Event end)
{
	CALL_COUNTED(6, stub_eventTime(time, start, end));
}

CUresult stub_eventOf(Node node, Event *event)
{
	uint64_t node_wire = 0;
	CUresult r;

	r = call_check(CALL_NO_WORK);
	if (r != CUDA_SUCCESS)
		return r;
	if (!real_known(KIND_Node, (uint64_t)(uintptr_t)node))
		return call_refuse(CALL_NO_WORK, (CUresult)1);
	node_wire = (uint64_t)(uintptr_t)node;
	if (!event)
		return call_refuse(CALL_NO_WORK, CUDA_ERROR_INVALID_VALUE);
	r = wire_eventOf(node_wire, event);
	return r;
}

CUresult CUDAAPI eventOf(Node node, Event *event)
{
	CALL_COUNTED(7, stub_eventOf(node, event));
}

CUresult stub_graphDestroy(Graph graph)
{
	uint64_t graph_wire = 0;
	CUresult r;

	r = call_check(CALL_NO_WORK);
	if (r != CUDA_SUCCESS)
		return r;
	if (!real_known(KIND_Graph, (uint64_t)(uintptr_t)graph))
		return call_refuse(CALL_NO_WORK, (CUresult)1);
	graph_wire = (uint64_t)(uintptr_t)graph;
	real_forget(KIND_Graph, graph_wire);
	r = wire_graphDestroy(graph_wire);
	if (r != CUDA_SUCCESS)
		real_learn(KIND_Graph, &graph_wire, 1);
	return r;
}

CUresult CUDAAPI graphDestroy(Graph graph)
{
	CALL_COUNTED(8, stub_graphDestroy(graph));
}

CUresult stub_nodes(Graph graph, Node *nodes, size_t *count)
{
	uint64_t graph_wire = 0;
	CUresult r;

	r = call_check(CALL_NO_CONTEXT);
	if (r != CUDA_SUCCESS)
		return r;
	if (!real_known(KIND_Graph, (uint64_t)(uintptr_t)graph))
		return call_refuse(CALL_NO_CONTEXT, (CUresult)1);
	graph_wire = (uint64_t)(uintptr_t)graph;
	if (!count)
		return call_refuse(CALL_NO_CONTEXT, CUDA_ERROR_INVALID_VALUE);
	r = wire_nodes(graph_wire, nodes, count);
	return r;
}

CUresult CUDAAPI nodes(Graph graph, Node *nodes, size_t *count)
{
	CALL_COUNTED(9, stub_nodes(graph, nodes, count));
}

CUresult stub_make(Graph *graph, const Config *config, Result *outcome, const char *name, char
		*log, size_t size)
{
	Config config_wire;
	uint64_t config_stream = 0;
	Result outcome_wire;
	CUresult r;

	if (!graph)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!config)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	config_wire = *config;
	r = stream_check(config->stream, &config_stream);
	if (r != CUDA_SUCCESS)
		return call_refuse(0, r);
	config_wire.stream = (Stream)(uintptr_t)config_stream;
	if (!config->boxes && config->count)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!outcome)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	outcome_wire = *outcome;
	if (!name)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	r = wire_make(graph, &config_wire, &outcome_wire, name, log, size);
	*outcome = outcome_wire;
	return r;
}

CUresult CUDAAPI make(Graph *graph, const Config *config, Result *outcome, const char *name, char
		*log, size_t size)
{
	CALL_COUNTED(10, stub_make(graph, config, outcome, name, log, size));
}

CUresult stub_attribute(Attribute which, void *value)
{
	CUresult r;

	if (!value && which)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	r = wire_attribute(which, value);
	return r;
}

CUresult CUDAAPI attribute(Attribute which, void *value)
{
	CALL_COUNTED(11, stub_attribute(which, value));
}

CUresult stub_encode(Box *box, unsigned int rank, void *base, const int *corner)
{
	CUresult r;

	if (!box)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!corner && rank)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	r = wire_encode(box, rank, base, corner);
	return r;
}

CUresult CUDAAPI encode(Box *box, unsigned int rank, void *base, const int *corner)
{
	CALL_COUNTED(12, stub_encode(box, rank, base, corner));
}

