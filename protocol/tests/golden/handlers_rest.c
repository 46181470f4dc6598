/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include <errno.h>
#include "driver_calls.h"
#include "handlers.h"
#include "server_calls.h"
#include "sizes.h"

int serve_allocate(struct request *q);
int serve_allocate(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Address at = {0};
	size_t n = {0};
	size_t payload = 8;
	uint8_t *out;
	int err;

	get_value(&in, &n, 8);
	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = server_allocate(q, &at, n);
	if (r == (CUresult)REQUEST_PENDING)
		return 0;
	if (r != CUDA_SUCCESS)
		return request_done(q, r);
	err = request_reply(q, CUDA_SUCCESS, payload);
	if (err < 0)
		return err;
	out = q->out;
	put_bytes(&out, &at, 8);
	q->out = out;
	return request_send(q);
}

int serve_stream_create(struct request *q);
int serve_stream_create(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	uint64_t stream_id;
	int *values = NULL;
	Event event = {0};
	const uint8_t *values_raw;

	stream_id = get_u64(&in);
	get_value(&in, &event, 8);
	values_raw = get_run(&in, 4, 4);
	if (!get_all(&in))
		return -EPROTO;
	find_minted(q, KIND_Event, &event, &r);
	values = run_copy(q, values_raw, 4, 4, &r);
	if (r == CUDA_SUCCESS)
		r = server_stream_create(q, stream_id, values, event);
	if (r == (CUresult)REQUEST_PENDING)
		return 0;
	if (r != CUDA_SUCCESS)
		handle_set(q->session, KIND_Stream, stream_id, NULL, r);
	return request_done(q, r);
}

int serve_limit_range(struct request *q);
int serve_limit_range(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	size_t value = {0};
	size_t payload = 8;
	uint8_t *out;
	int err;

	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = driver.limit(&value);
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

int serve_event_plain(struct request *q);
int serve_event_plain(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Mode mode = {0};
	uint64_t event_id;
	Event event = {0};

	get_value(&in, &mode, 4);
	event_id = get_u64(&in);
	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = driver.eventCreate(&event, mode);
	if (r == CUDA_SUCCESS) {
		r = handle_set(q->session, KIND_Event, event_id, (void *)(uintptr_t)event, CUDA_SUCCESS);
		if (r != CUDA_SUCCESS)
			driver.eventDestroy(event);
	}
	if (r != CUDA_SUCCESS)
		handle_set(q->session, KIND_Event, event_id, NULL, r);
	return request_done(q, r);
}

int serve_mode_reset(struct request *q);
int serve_mode_reset(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	size_t value = {0};

	get_value(&in, &value, 8);
	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = driver.setLimit(MODE_PLAIN, value);
	return request_done(q, r);
}

int serve_event_end(struct request *q);
int serve_event_end(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Event event = {0};
	Mode mode = {0};
	uint64_t event_id;

	get_value(&in, &event, 8);
	event_id = (uint64_t)(uintptr_t)event;
	get_value(&in, &mode, 4);
	if (!get_all(&in))
		return -EPROTO;
	find_minted(q, KIND_Event, &event, &r);
	if (r == CUDA_SUCCESS)
		r = event_leave(q, event, mode);
	if (r == CUDA_SUCCESS)
		r = driver.eventDestroy(event);
	if (r == CUDA_SUCCESS) {
		handle_drop(q->session, KIND_Event, event_id);
	}
	return request_done(q, r);
}

int serve_event_awaited(struct request *q);
int serve_event_awaited(struct request *q)
{
	struct cursor in = q->in;
	CUresult r = CUDA_SUCCESS;
	Mode mode = {0};
	uint64_t event_id;
	Event event = {0};

	get_value(&in, &mode, 4);
	event_id = get_u64(&in);
	if (!get_all(&in))
		return -EPROTO;
	if (r == CUDA_SUCCESS)
		r = driver.eventCreate(&event, mode);
	if (r == CUDA_SUCCESS) {
		r = handle_set(q->session, KIND_Event, event_id, (void *)(uintptr_t)event, CUDA_SUCCESS);
		if (r != CUDA_SUCCESS)
			driver.eventDestroy(event);
	}
	return request_done(q, r);
}

