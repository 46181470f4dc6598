/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that are asked and changed after they were made, in graphs and in executable ones. */
#include <unistd.h>

#include "program.h"

static int calls;

static void late(void *user)
{
	usleep(50000);
	calls++;
}

static const char *event_name(CUevent e, CUevent a, CUevent b)
{
	return e == a ? "the first" : e == b ? "the second" : "ANOTHER";
}

static void say_events(const char *when, CUgraphNode record, CUgraphNode wait, CUevent a, CUevent b)
{
	CUevent recorded = NULL, waited = NULL;

	DO(cuGraphEventRecordNodeGetEvent(record, &recorded));
	DO(cuGraphEventWaitNodeGetEvent(wait, &waited));
	printf("%s: records %s, waits for %s\n", when, event_name(recorded, a, b),
		event_name(waited, a, b));
}

/* Nodes of events tell theirs, and take others as nodes of any type do. */
static void changed_events(void)
{
	CUgraphNodeParams to_a = {.type = CU_GRAPH_NODE_TYPE_EVENT_RECORD};
	CUgraphNodeParams from_a = {.type = CU_GRAPH_NODE_TYPE_WAIT_EVENT};
	CUDA_HOST_NODE_PARAMS host = {late, NULL};
	CUgraphNode first, record, wait;
	CUgraphExec exec;
	CUgraph graph;
	CUevent a, b, told;
	CUstream s;

	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DO(cuEventCreate(&a, 0));
	DO(cuEventCreate(&b, 0));
	DO(cuGraphCreate(&graph, 0));
	DO(cuGraphAddHostNode(&first, graph, NULL, 0, &host));
	DO(cuGraphAddEventRecordNode(&record, graph, &first, 1, b));
	DO(cuGraphAddEventWaitNode(&wait, graph, &record, 1, b));
	say_events("made", record, wait, a, b);
	SAY(cuGraphEventRecordNodeGetEvent(wait, &told));
	SAY(cuGraphEventWaitNodeGetEvent(record, &told));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));

	to_a.eventRecord.event = from_a.eventWait.event = a;
	DO(cuGraphExecNodeSetParams(exec, record, &to_a));
	DO(cuGraphExecNodeSetParams(exec, wait, &from_a));
	say_events("its executable graph changed", record, wait, a, b);
	DO(cuGraphLaunch(exec, s));
	DO(cuEventSynchronize(a));
	printf("%d calls before the event\n", calls);
	DO(cuStreamSynchronize(s));

	DO(cuGraphNodeSetParams(record, &to_a));
	DO(cuGraphNodeSetParams(wait, &from_a));
	say_events("changed", record, wait, a, b);
	SAY(cuGraphNodeSetParams(wait, &to_a));
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

int main(void)
{
	program_begin();
	changed_events();
	return 0;
}
