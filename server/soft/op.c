/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream or graph can be told to do: checked when it is submitted,
 * checked again when it is due (memory may have gone since), then run without
 * the lock by the stream's thread.
 */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CUresult run_copy(const struct copy *copy)
{
	size_t y, z;
	char *dst;
	const char *src;

	for (z = 0; z < copy->depth; z++) {
		dst = (char *)(uintptr_t)copy->dst + z * copy->dst_slice;
		src = (const char *)(uintptr_t)copy->src + z * copy->src_slice;
		if (copy->width == copy->dst_pitch && copy->width == copy->src_pitch) {
			memmove(dst, src, copy->width * copy->height);
			continue;
		}
		for (y = 0; y < copy->height; y++)
			memmove(dst + y * copy->dst_pitch, src + y * copy->src_pitch, copy->width);
	}
	return CUDA_SUCCESS;
}

static void fill(void *at, uint32_t value, unsigned element, size_t n)
{
	uint16_t *half = at;
	uint32_t *word = at;
	size_t i;

	if (element == 1)
		memset(at, value, n);
	else if (element == 2)
		for (i = 0; i < n; i++)
			half[i] = value;
	else
		for (i = 0; i < n; i++)
			word[i] = value;
}

static CUresult run_set(const struct set *set)
{
	size_t y;

	for (y = 0; y < set->height; y++)
		fill((char *)(uintptr_t)set->dst + y * set->pitch, set->value, set->element,
			set->width);
	return CUDA_SUCCESS;
}

static pthread_mutex_t calling = PTHREAD_MUTEX_INITIALIZER;

static CUresult run_host(const struct op *op, struct context *c)
{
	struct thread *t = thread_self();

	t->in_callback = true;
	/* One after the other, those of all streams, as measured natively. */
	pthread_mutex_lock(&calling);
	if (op->kind == OP_HOST)
		op->host.fn(op->host.data);
	else
		op->host.callback(op->host.stream, c->error, op->host.data);
	pthread_mutex_unlock(&calling);
	t->in_callback = false;
	return CUDA_SUCCESS;
}

static bool satisfied(const CUstreamBatchMemOpParams *p)
{
	bool wide = p->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64;
	uint64_t want = wide ? p->waitValue.value64 : p->waitValue.value, have;

	if (wide)
		have = __atomic_load_n(
			(uint64_t *)(uintptr_t)p->waitValue.address, __ATOMIC_ACQUIRE);
	else
		have = __atomic_load_n(
			(uint32_t *)(uintptr_t)p->waitValue.address, __ATOMIC_ACQUIRE);
	switch (p->waitValue.flags & 3) {
	case CU_STREAM_WAIT_VALUE_EQ:
		return have == want;
	case CU_STREAM_WAIT_VALUE_AND:
		return have & want;
	case CU_STREAM_WAIT_VALUE_NOR:
		return wide ? ~(have | want) : (uint32_t) ~(have | want);
	default:
		return wide ? (int64_t)(have - want) >= 0 : (int32_t)(have - want) >= 0;
	}
}

static bool abandoned(struct context *c)
{
	bool gone;

	pthread_mutex_lock(&gpu.lock);
	gone = c->dying || c->error;
	pthread_mutex_unlock(&gpu.lock);
	return gone;
}

static void wait_value(const CUstreamBatchMemOpParams *p, struct context *c)
{
	unsigned pause = 1;

	while (!satisfied(p) && !abandoned(c)) {
		usleep(pause);
		if (pause < 200)
			pause *= 2;
	}
}

static CUresult run_values(const struct values *values, struct context *c)
{
	const CUstreamBatchMemOpParams *p;
	unsigned i;

	for (i = 0; i < values->count; i++) {
		p = &values->ops[i];
		if (p->operation == CU_STREAM_MEM_OP_WRITE_VALUE_32)
			__atomic_store_n((uint32_t *)(uintptr_t)p->writeValue.address,
				p->writeValue.value, __ATOMIC_RELEASE);
		else if (p->operation == CU_STREAM_MEM_OP_WRITE_VALUE_64)
			__atomic_store_n((uint64_t *)(uintptr_t)p->writeValue.address,
				p->writeValue.value64, __ATOMIC_RELEASE);
		else if (p->operation == CU_STREAM_MEM_OP_WAIT_VALUE_32 ||
			 p->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64)
			wait_value(p, c);
	}
	return CUDA_SUCCESS;
}

static CUresult run_free(uint64_t addr)
{
	pthread_mutex_lock(&gpu.lock);
	pool_free_due(addr);
	pthread_mutex_unlock(&gpu.lock);
	return CUDA_SUCCESS;
}

CUresult op_run(struct op *op, struct context *c)
{
	switch (op->kind) {
	case OP_COPY:
		return run_copy(&op->copy);
	case OP_SET:
		return run_set(&op->set);
	case OP_KERNEL:
		return launch_run(&op->launch, c);
	case OP_HOST:
	case OP_CALLBACK:
		return run_host(op, c);
	case OP_VALUES:
		return run_values(&op->values, c);
	case OP_FREE:
		return run_free(op->free_addr);
	case OP_GRAPH:
		return plan_run(op->plan, c);
	default:
		return CUDA_SUCCESS;
	}
}

void op_fini(struct op *op)
{
	switch (op->kind) {
	case OP_COPY:
		free(op->copy.staging);
		break;
	case OP_KERNEL:
		free(op->launch.params);
		object_put(op->launch.function->module);
		break;
	case OP_VALUES:
		free(op->values.ops);
		break;
	case OP_GRAPH:
		plan_put(op->plan);
		break;
	case OP_RECORD:
	case OP_WAIT:
		object_put(op->event);
		break;
	default:
		break;
	}
	op->kind = OP_NONE;
}

static int copy_bytes(void **out, const void *from, size_t size)
{
	*out = malloc(size ? size : 1);
	if (!*out)
		return -ENOMEM;
	if (size)
		memcpy(*out, from, size);
	return 0;
}

int op_clone(struct op *out, const struct op *op)
{
	void *bytes = NULL;

	*out = *op;
	switch (op->kind) {
	case OP_KERNEL:
		if (copy_bytes(&bytes, op->launch.params, op->launch.params_size) < 0)
			return -ENOMEM;
		out->launch.params = bytes;
		object_get(op->launch.function->module);
		return 0;
	case OP_VALUES:
		if (copy_bytes(&bytes, op->values.ops, op->values.count * sizeof(*op->values.ops)) <
			0)
			return -ENOMEM;
		out->values.ops = bytes;
		return 0;
	case OP_GRAPH:
		op->plan->refs++;
		return 0;
	case OP_RECORD:
	case OP_WAIT:
		object_get(op->event);
		return 0;
	default:
		return 0;
	}
}

static size_t extent(size_t width, size_t height, size_t depth, size_t pitch, size_t slice)
{
	return (depth - 1) * slice + (height - 1) * pitch + width;
}

static bool copy_valid(const struct copy *copy)
{
	if (copy->dst_device &&
		!range_covered(copy->dst, extent(copy->width, copy->height, copy->depth,
						  copy->dst_pitch, copy->dst_slice)))
		return false;
	return !copy->src_device ||
	       range_covered(copy->src, extent(copy->width, copy->height, copy->depth,
						copy->src_pitch, copy->src_slice));
}

static bool values_valid(const struct values *values)
{
	const CUstreamBatchMemOpParams *p;
	bool wide;
	unsigned i;

	for (i = 0; i < values->count; i++) {
		p = &values->ops[i];
		wide = p->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64 ||
		       p->operation == CU_STREAM_MEM_OP_WRITE_VALUE_64;
		if (p->operation == CU_STREAM_MEM_OP_BARRIER ||
			p->operation == CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES)
			continue;
		if (!range_covered(p->waitValue.address, wide ? 8 : 4))
			return false;
	}
	return true;
}

bool op_valid(const struct op *op)
{
	const struct set *set = &op->set;

	switch (op->kind) {
	case OP_COPY:
		return copy_valid(&op->copy);
	case OP_SET:
		return range_covered(
			set->dst, extent(set->width * set->element, set->height, 1, set->pitch, 0));
	case OP_VALUES:
		return values_valid(&op->values);
	default:
		return true;
	}
}
