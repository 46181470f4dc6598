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

	r = stream_check(stream, &stream_wire);
	if (r != CUDA_SUCCESS)
		return call_refuse(0, r);
	return wire_setAsync(at, value, n, stream_wire);
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
	if (!value)
		return call_refuse(CALL_NO_WORK, CUDA_ERROR_INVALID_VALUE);
	return wire_limit(value, mode);
}

CUresult CUDAAPI limit(size_t *value, Mode mode)
{
	CALL_COUNTED(2, stub_limit(value, mode));
}

CUresult stub_setLimit(Mode mode, size_t value)
{
	return wire_setLimit(mode, value);
}

CUresult CUDAAPI setLimit(Mode mode, size_t value)
{
	CALL_COUNTED(3, stub_setLimit(mode, value));
}

CUresult stub_eventCreate(Event *event, unsigned int flags)
{
	struct object *made;
	uint64_t event_wire;
	CUresult r;

	if (!event)
		return call_refuse(CALL_NO_WORK, CUDA_ERROR_INVALID_VALUE);
	made = object_create(KIND_Event);
	if (!made)
		return call_refuse(CALL_NO_WORK, CUDA_ERROR_OUT_OF_MEMORY);
	event_wire = made->handle;
	r = wire_eventCreate(event_wire, flags);
	if (r == CUDA_SUCCESS) {
		*event = (Event)(uintptr_t)event_wire;
	}
	if (r != CUDA_SUCCESS)
		object_destroy(KIND_Event, made);
	return r;
}

CUresult CUDAAPI eventCreate(Event *event, unsigned int flags)
{
	CALL_COUNTED(4, stub_eventCreate(event, flags));
}

CUresult stub_eventDestroy(Event event)
{
	uint64_t event_wire = 0;
	CUresult r;

	if (!object_get(KIND_Event, event))
		return call_refuse(CALL_NO_WORK, (CUresult)400);
	event_wire = (uint64_t)(uintptr_t)event;
	r = wire_eventDestroy(event_wire);
	if (r == CUDA_SUCCESS) {
		object_destroy(KIND_Event, object_get(KIND_Event, event));
	}
	return r;
}

CUresult CUDAAPI eventDestroy(Event event)
{
	CALL_COUNTED(5, stub_eventDestroy(event));
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
	return wire_nodes(graph_wire, nodes, count);
}

CUresult CUDAAPI nodes(Graph graph, Node *nodes, size_t *count)
{
	CALL_COUNTED(6, stub_nodes(graph, nodes, count));
}

CUresult stub_make(Graph *graph, const Config *config, Result *result, const char *name, char *log,
		size_t size)
{
	Config config_wire;
	uint64_t config_handle = 0;
	CUresult r;

	if (!graph)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!config)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!config->boxes && config->count)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	config_wire = *config;
	r = stream_check(config->stream, &config_handle);
	if (r != CUDA_SUCCESS)
		return call_refuse(0, r);
	config_wire.stream = (Stream)(uintptr_t)config_handle;
	if (!result)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!name)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	return wire_make(graph, &config_wire, result, name, log, size);
}

CUresult CUDAAPI make(Graph *graph, const Config *config, Result *result, const char *name,
		char *log, size_t size)
{
	CALL_COUNTED(7, stub_make(graph, config, result, name, log, size));
}

CUresult stub_attribute(Attribute which, void *value)
{
	if (!value && which)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	return wire_attribute(which, value);
}

CUresult CUDAAPI attribute(Attribute which, void *value)
{
	CALL_COUNTED(8, stub_attribute(which, value));
}

CUresult stub_encode(Box *box, unsigned int rank, void *base, const int *corner)
{
	if (!box)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	if (!corner && rank)
		return call_refuse(0, CUDA_ERROR_INVALID_VALUE);
	return wire_encode(box, rank, base, corner);
}

CUresult CUDAAPI encode(Box *box, unsigned int rank, void *base, const int *corner)
{
	CALL_COUNTED(9, stub_encode(box, rank, base, corner));
}

