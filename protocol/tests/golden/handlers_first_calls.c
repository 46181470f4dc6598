/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include <errno.h>
#include "driver_calls.h"
#include "handlers.h"
#include "server_calls.h"
#include "sizes.h"

int serve_setAsync(struct request *q);
int serve_setAsync(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Address at = {0};
	unsigned char value = {0};
	size_t n = {0};
	Stream stream = {0};

	get_value(&in, &at, 8);
	get_value(&in, &value, 1);
	get_value(&in, &n, 8);
	get_value(&in, &stream, 8);
	if (!get_all(&in))
		return -EPROTO;
	find_minted(q, KIND_Stream, &stream, &r);
	if (r == CUDA_SUCCESS)
		r = driver.setAsync(at, value, n, stream);
	return request_done(q, r);
}

int serve_limit(struct request *q);
int serve_limit(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	size_t value = {0};
	Mode mode = {0};
	size_t payload = 8;
	uint8_t *out;
	int err;

	get_value(&in, &mode, 4);
	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = driver.limit(&value, mode);
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &value, 8);
	q->out = out;
	return request_send(q);
}

int serve_setLimit(struct request *q);
int serve_setLimit(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Mode mode = {0};
	size_t value = {0};

	get_value(&in, &mode, 4);
	get_value(&in, &value, 8);
	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = mode_check(q, mode);
	if (r == CUDA_SUCCESS)
		r = driver.setLimit(mode, value);
	if (r == CUDA_SUCCESS)
		r = mode_note(q, mode, 3);
	return request_done(q, r);
}

int serve_eventTime(struct request *q);
int serve_eventTime(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	float time = {0};
	Event start = {0};
	Event end = {0};
	size_t payload = 4;
	uint8_t *out;
	int err;

	get_value(&in, &start, 8);
	get_value(&in, &end, 8);
	if (!get_all(&in))
		return -EPROTO;
	find_minted(q, KIND_Event, &start, &r);
	find_minted(q, KIND_Event, &end, &r);
	if (r == CUDA_SUCCESS)
		r = driver.eventTime(&time, start, end);
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &time, 4);
	q->out = out;
	return request_send(q);
}

int serve_eventOf(struct request *q);
int serve_eventOf(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Node node = {0};
	Event event = {0};
	size_t payload = 8;
	uint8_t *out;
	int err;

	get_value(&in, &node, 8);
	if (!get_all(&in))
		return -EPROTO;
	find_real(q, KIND_Node, &node, 1, &r);
	if (r == CUDA_SUCCESS)
		r = driver.eventOf(node, &event);
	if (r == CUDA_SUCCESS) {
		name_minted(q, KIND_Event, &event, &r);
	}
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &event, 8);
	q->out = out;
	return request_send(q);
}

int serve_graphDestroy(struct request *q);
int serve_graphDestroy(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Graph graph = {0};

	get_value(&in, &graph, 8);
	if (!get_all(&in))
		return -EPROTO;
	find_real(q, KIND_Graph, &graph, 1, &r);
	if (r == CUDA_SUCCESS)
		r = driver.graphDestroy(graph);
	if (r == CUDA_SUCCESS) {
		real_drop(q->session, KIND_Graph, (void *)(uintptr_t)graph);
	}
	return request_done(q, r);
}

int serve_nodes(struct request *q);
int serve_nodes(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Graph graph = {0};
	Node *nodes = NULL;
	size_t count = {0};
	uint8_t nodes_given;
	uint64_t nodes_room;
	size_t payload = 8;
	uint8_t *out;
	int err;

	get_value(&in, &graph, 8);
	get_value(&in, &count, 8);
	nodes_given = get_u8(&in) != 0;
	nodes_room = (nodes_given ? (uint64_t)count : 0);
	if (!get_all(&in))
		return -EPROTO;
	find_real(q, KIND_Graph, &graph, 1, &r);
	if (nodes_given)
		nodes = run_room(q, nodes_room, 8, &r);
	if (r == CUDA_SUCCESS)
		r = driver.nodes(graph, nodes, &count);
	if (r == CUDA_SUCCESS) {
		add_real(q, KIND_Node, nodes, run_min(nodes_room, (nodes_given ? (uint64_t)count : 0)), &r);
	}
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	payload += run_min(nodes_room, (nodes_given ? (uint64_t)count : 0)) * 8;
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &count, 8);
	put_bytes(&out, nodes, run_min(nodes_room, (nodes_given ? (uint64_t)count : 0)) * 8);
	q->out = out;
	return request_send(q);
}

int serve_make(struct request *q);
int serve_make(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Graph graph = {0};
	Config config = {0};
	Result outcome = {0};
	const char *name;
	uint32_t name_length;
	char *log = NULL;
	size_t size = {0};
	uint8_t log_given;
	const uint8_t *config_boxes_raw;
	uint64_t log_room;
	size_t payload = 28;
	uint8_t *out;
	int err;

	get_value(&in, &config.width, 4);
	get_value(&in, &config.stream, 8);
	get_value(&in, &config.count, 4);
	get_value(&in, &outcome.mode, 4);
	name_length = get_u32(&in);
	get_value(&in, &size, 8);
	log_given = get_u8(&in) != 0;
	config_boxes_raw = get_run(&in, (uint64_t)config.count, sizeof(Box));
	name = get_string(&in, name_length);
	if (!name)
		return -EPROTO;
	log_room = (log_given ? (uint64_t)size : 0);
	if (!get_all(&in))
		return -EPROTO;
	find_minted(q, KIND_Stream, &config.stream, &r);
	config.boxes = run_copy(q, config_boxes_raw, (uint64_t)config.count, sizeof(Box), &r);
	if (log_given)
		log = run_room(q, log_room, 1, &r);
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	r = driver.make(&graph, &config, &outcome, name, log, size);
	if (r == CUDA_SUCCESS) {
		add_real(q, KIND_Graph, &graph, 1, &r);
		add_real(q, KIND_Node, &outcome.node, 1, &r);
	}
	payload += log_room * 1;
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &r, 4);
	put_bytes(&out, &graph, 8);
	put_bytes(&out, &outcome.node, 8);
	put_bytes(&out, &outcome.at, 8);
	put_bytes(&out, log, log_room * 1);
	q->out = out;
	return request_send(q);
}

int serve_attribute(struct request *q);
int serve_attribute(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Attribute which = {0};
	uint8_t *value = NULL;
	uint64_t value_room;
	size_t payload = 0;
	uint8_t *out;
	int err;

	get_value(&in, &which, 4);
	value_room = size_of_Attribute((uint64_t)which);
	if (!get_all(&in))
		return -EPROTO;
	value = run_room(q, value_room, 1, &r);
	if (r == CUDA_SUCCESS)
		r = driver.attribute(which, value);
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	payload += value_room * 1;
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, value, value_room * 1);
	q->out = out;
	return request_send(q);
}

int serve_encode(struct request *q);
int serve_encode(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Box box = {0};
	unsigned int rank = {0};
	void * base = {0};
	int *corner = NULL;
	const uint8_t *corner_raw;
	size_t payload = sizeof(Box);
	uint8_t *out;
	int err;

	get_value(&in, &rank, 4);
	get_value(&in, &base, 8);
	corner_raw = get_run(&in, ((uint64_t)rank - 1), 4);
	if (!get_all(&in))
		return -EPROTO;
	corner = run_copy(q, corner_raw, ((uint64_t)rank - 1), 4, &r);
	if (r == CUDA_SUCCESS)
		r = driver.encode(&box, rank, base, corner);
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &box, sizeof(Box));
	q->out = out;
	return request_send(q);
}

