/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "call.h"
#include "layout.h"
#include "opcodes.h"
#include "real.h"
#include "sizes.h"
#include "wire_calls.h"

_Static_assert(sizeof(CUresult) == 4, "size of CUresult");
_Static_assert(sizeof(Mode) == 4, "size of Mode");
_Static_assert(sizeof(Attribute) == 4, "size of Attribute");
_Static_assert(sizeof(Address) == 8, "size of Address");
_Static_assert(sizeof(Stream) == 8, "size of Stream");
_Static_assert(sizeof(Event) == 8, "size of Event");
_Static_assert(sizeof(Graph) == 8, "size of Graph");
_Static_assert(sizeof(Node) == 8, "size of Node");

CUresult wire_setAsync(Address at, unsigned char value, size_t n, uint64_t stream)
{
	size_t payload = 25;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_setAsync, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &at, 8);
	put_bytes(&out, &value, 1);
	put_bytes(&out, &n, 8);
	put_bytes(&out, &stream, 8);
	c.out = out;
	return call_post(&c);
}

CUresult wire_limit(size_t *value, Mode mode)
{
	size_t payload = 4;
	struct call c;
	CUresult r;
	uint8_t *out;
	size_t value_got;
	uint8_t key[2048], answer[8];

	if (payload > sizeof(key))
		return CUDA_ERROR_INVALID_VALUE;
	key[0] = 0;
	out = key;
	put_bytes(&out, &mode, 4);
	r = call_cached(OP_limit, key, out - key, answer, sizeof(answer), CALL_NO_WORK);
	c.in = (struct cursor){ answer, answer + sizeof(answer), false };
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &value_got, sizeof(value_got));
		if (!c.in.bad) {
			*value = value_got;
		}
	}
	return r;
}

CUresult wire_setLimit(Mode mode, size_t value)
{
	size_t payload = 12;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_setLimit, payload, CALL_NO_WORK);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &mode, 4);
	put_bytes(&out, &value, 8);
	c.out = out;
	r = call_wait(&c);
	call_flush();
	return call_end(&c, r);
}

CUresult wire_eventTime(float *time, uint64_t start, uint64_t end)
{
	size_t payload = 16;
	struct call c;
	CUresult r;
	uint8_t *out;
	float time_got;

	r = call_begin(&c, OP_eventTime, payload, CALL_NO_WORK);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &start, 8);
	put_bytes(&out, &end, 8);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &time_got, sizeof(time_got));
		if (!c.in.bad) {
			*time = time_got;
		}
	}
	return call_end(&c, r);
}

CUresult wire_eventOf(uint64_t node, Event *event)
{
	size_t payload = 8;
	struct call c;
	CUresult r;
	uint8_t *out;
	Event event_got;

	r = call_begin(&c, OP_eventOf, payload, CALL_NO_WORK);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &node, 8);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &event_got, sizeof(event_got));
		if (!c.in.bad) {
			*event = event_got;
		}
	}
	return call_end(&c, r);
}

CUresult wire_graphDestroy(uint64_t graph)
{
	size_t payload = 8;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_graphDestroy, payload, CALL_NO_WORK);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &graph, 8);
	c.out = out;
	r = call_wait(&c);
	return call_end(&c, r);
}

CUresult wire_nodes(uint64_t graph, Node *nodes, size_t *count)
{
	size_t payload = 17;
	struct call c;
	CUresult r;
	uint8_t *out;
	size_t count_got;
	const uint8_t *nodes_got;
	uint64_t nodes_count;

	r = call_begin(&c, OP_nodes, payload, CALL_NO_CONTEXT);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &graph, 8);
	put_bytes(&out, count, 8);
	put_u8(&out, nodes != NULL);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &count_got, sizeof(count_got));
		nodes_count = run_min((nodes ? *count : 0), count_got);
		nodes_got = get_run(&c.in, nodes_count, 8);
		if (!c.in.bad) {
			*count = count_got;
			if (nodes_count)
				memcpy(nodes, nodes_got, nodes_count * 8);
			real_learn(KIND_Node, nodes_got, nodes_count);
		}
	}
	return call_end(&c, r);
}

CUresult wire_make(Graph *graph, const Config *config, Result *outcome, const char *name, char
		*log, size_t size)
{
	const uint32_t name_length = string_length(name);
	size_t payload = 33;
	struct call c;
	CUresult r;
	uint8_t *out;
	CUresult r_got;
	Graph graph_got;
	Node outcome_node_got;
	void * outcome_at_got;
	const uint8_t *log_got;
	uint64_t log_count;

	payload = run_add(payload, config->count, sizeof(Box));
	payload = run_add(payload, name_length, 1);
	if (payload > FRAME_MAX - sizeof(struct frame))
		return CUDA_ERROR_INVALID_VALUE;
	r = call_begin(&c, OP_make, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &config->width, 4);
	put_bytes(&out, &config->stream, 8);
	put_bytes(&out, &config->count, 4);
	put_bytes(&out, &outcome->mode, 4);
	put_u32(&out, name_length);
	put_bytes(&out, &size, 8);
	put_u8(&out, log != NULL);
	put_bytes(&out, config->boxes, config->count * sizeof(Box));
	put_bytes(&out, name, name_length * 1);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &r_got, sizeof(r_got));
		get_value(&c.in, &graph_got, sizeof(graph_got));
		get_value(&c.in, &outcome_node_got, sizeof(outcome_node_got));
		get_value(&c.in, &outcome_at_got, sizeof(outcome_at_got));
		log_count = (log ? size : 0);
		log_got = get_run(&c.in, log_count, 1);
		if (!c.in.bad) {
			r = r_got;
			if (r == CUDA_SUCCESS)
				*graph = graph_got;
			real_learn(KIND_Graph, &graph_got, 1);
			outcome->node = outcome_node_got;
			real_learn(KIND_Node, &outcome_node_got, 1);
			outcome->at = outcome_at_got;
			if (log_count)
				memcpy(log, log_got, log_count * 1);
		}
	}
	return call_end(&c, r);
}

CUresult wire_attribute(Attribute which, void *value)
{
	size_t payload = 4;
	struct call c;
	CUresult r;
	uint8_t *out;
	const uint8_t *value_got;
	uint64_t value_count;

	r = call_begin(&c, OP_attribute, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &which, 4);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		value_count = size_of_Attribute(which);
		value_got = get_run(&c.in, value_count, 1);
		if (!c.in.bad) {
			if (value_count)
				memcpy(value, value_got, value_count * 1);
		}
	}
	return call_end(&c, r);
}

CUresult wire_encode(Box *box, unsigned int rank, void *base, const int *corner)
{
	size_t payload = 12;
	struct call c;
	CUresult r;
	uint8_t *out;
	Box box_got;

	payload = run_add(payload, (rank - 1), 4);
	if (payload > FRAME_MAX - sizeof(struct frame))
		return CUDA_ERROR_INVALID_VALUE;
	r = call_begin(&c, OP_encode, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &rank, 4);
	put_bytes(&out, &base, 8);
	put_bytes(&out, corner, (rank - 1) * 4);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &box_got, sizeof(box_got));
		if (!c.in.bad) {
			*box = box_got;
		}
	}
	return call_end(&c, r);
}

