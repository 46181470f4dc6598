/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "call.h"
#include "layout.h"
#include "opcodes.h"
#include "real.h"
#include "sizes.h"
#include "wire_calls.h"

CUresult wire_allocate(Address *at, size_t n)
{
	size_t payload = 8;
	struct call c;
	CUresult r;
	uint8_t *out;
	Address at_got;

	r = call_begin(&c, OP_allocate, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &n, 8);
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &at_got, sizeof(at_got));
		if (!c.in.bad) {
			*at = at_got;
		}
	}
	return call_end(&c, r);
}

CUresult wire_stream_create(uint64_t stream, const int *values, uint64_t event)
{
	size_t payload = 16;
	struct call c;
	CUresult r;
	uint8_t *out;

	payload = run_add(payload, 4, 4);
	if (payload > FRAME_MAX - sizeof(struct frame))
		return CUDA_ERROR_INVALID_VALUE;
	r = call_begin(&c, OP_stream_create, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &stream, 8);
	put_bytes(&out, &event, 8);
	put_bytes(&out, values, 4 * 4);
	c.out = out;
	return call_post(&c);
}

CUresult wire_limit_range(size_t *value)
{
	size_t payload = 0;
	struct call c;
	CUresult r;
	uint8_t *out;
	size_t value_got;

	r = call_begin(&c, OP_limit_range, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	c.out = out;
	r = call_wait(&c);
	if (r == CUDA_SUCCESS) {
		get_value(&c.in, &value_got, sizeof(value_got));
		if (!c.in.bad) {
			*value = value_got;
		}
	}
	return call_end(&c, r);
}

CUresult wire_event_plain(Mode mode, uint64_t event)
{
	size_t payload = 12;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_event_plain, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &mode, 4);
	put_bytes(&out, &event, 8);
	c.out = out;
	return call_post(&c);
}

CUresult wire_mode_reset(size_t value)
{
	size_t payload = 8;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_mode_reset, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &value, 8);
	c.out = out;
	r = call_wait(&c);
	return call_end(&c, r);
}

CUresult wire_event_end(uint64_t event, Mode mode)
{
	size_t payload = 12;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_event_end, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &event, 8);
	put_bytes(&out, &mode, 4);
	c.out = out;
	return call_post(&c);
}

CUresult wire_event_awaited(Mode mode, uint64_t event)
{
	size_t payload = 12;
	struct call c;
	CUresult r;
	uint8_t *out;

	r = call_begin(&c, OP_event_awaited, payload, 0);
	if (r != CUDA_SUCCESS)
		return r;
	out = c.out;
	put_bytes(&out, &mode, 4);
	put_bytes(&out, &event, 8);
	c.out = out;
	r = call_wait(&c);
	return call_end(&c, r);
}

