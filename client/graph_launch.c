/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launching graphs. The handle of an executable graph is the driver's own, so
 * only the server knows a wrong one: a graph's first launch waits for its
 * answer, later ones are posted.
 */
#include <pthread.h>
#include <stdlib.h>

#include "call.h"
#include "client_calls.h"
#include "mirror.h"
#include "stream.h"
#include "window.h"
#include "wire_calls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CUgraphExec *known; /* launched once with success */
static size_t count, room;

static bool is_known(CUgraphExec exec)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; !found && i < count; i++)
		found = known[i] == exec;
	pthread_mutex_unlock(&lock);
	return found;
}

static void learn(CUgraphExec exec)
{
	pthread_mutex_lock(&lock);
	if (count == room) {
		size_t more = room ? 2 * room : 16;
		CUgraphExec *list = realloc(known, more * sizeof(CUgraphExec));

		if (list) {
			known = list;
			room = more;
		}
	}
	if (count < room)
		known[count++] = exec;
	pthread_mutex_unlock(&lock);
}

static void forget(CUgraphExec exec)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++) {
		if (known[i] == exec)
			known[i--] = known[--count];
	}
	pthread_mutex_unlock(&lock);
}

CUresult client_cuGraphLaunch(CUgraphExec hGraph, CUstream hStream)
{
	struct stream *s;
	uint64_t stream;
	CUresult r = call_check(0);

	if (!r && !hGraph)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = stream_find(hStream, &s);
	if (!r)
		r = stream_use(s, &stream);
	if (!r)
		r = window_take(s);
	if (!r)
		r = mirror_send();
	if (r)
		return r;
	if (is_known(hGraph))
		return wire_cuGraphLaunch((uintptr_t)hGraph, stream);
	call_wait_once();
	r = wire_cuGraphLaunch((uintptr_t)hGraph, stream);
	if (!r)
		learn(hGraph);
	return r;
}

CUresult client_cuGraphExecDestroy(CUgraphExec hGraphExec)
{
	CUresult r = call_check(CALL_NO_CONTEXT);

	if (r)
		return r;
	if (!hGraphExec)
		return CUDA_ERROR_INVALID_VALUE;
	forget(hGraphExec);
	return wire_cuGraphExecDestroy((uintptr_t)hGraphExec);
}
