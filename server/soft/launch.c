/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launches: checked against the device's and the function's limits at the call,
 * with the driver's error codes; parameters are copied at the call. When due,
 * the kernel is interpreted; a fault becomes the context's sticky error.
 */
#include "launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool access_valid(
	void *user, uint64_t addr, size_t size, bool write, struct ptx_range *range)
{
	struct context *c = user;

	return range_access(c->dev->index, c->peers, addr, size, write, range);
}

static uint64_t heap_allocate(void *user, size_t size)
{
	struct context *c = user;
	struct range *r;
	uint64_t addr = 0;

	pthread_mutex_lock(&gpu.lock);
	if (size && size <= c->limits[CU_LIMIT_MALLOC_HEAP_SIZE] - c->heap_used &&
		!memory_new(c, RANGE_HEAP, size, &r)) {
		c->heap_used += size;
		addr = r->addr;
	}
	pthread_mutex_unlock(&gpu.lock);
	return addr;
}

static bool heap_release(void *user, uint64_t addr)
{
	struct context *c = user;
	struct range *r;
	bool found;

	pthread_mutex_lock(&gpu.lock);
	r = range_find(addr);
	found = r && r->kind == RANGE_HEAP && r->addr == addr;
	if (found) {
		c->heap_used -= r->bytes;
		memory_delete(r);
	}
	pthread_mutex_unlock(&gpu.lock);
	return found;
}

static void print(void *user, bool failed, const char *text, size_t size)
{
	printed_add(user, failed ? PRINTED_ERR : PRINTED_OUT, text, size);
}

static CUresult fault_result(int err, const struct ptx_fault *fault)
{
	if (err == -EINVAL)
		return CUDA_ERROR_LAUNCH_FAILED;
	switch (fault->kind) {
	case PTX_FAULT_ADDRESS:
		return CUDA_ERROR_ILLEGAL_ADDRESS;
	case PTX_FAULT_MISALIGNED:
		return CUDA_ERROR_MISALIGNED_ADDRESS;
	case PTX_FAULT_INSTRUCTION:
		return CUDA_ERROR_ILLEGAL_INSTRUCTION;
	case PTX_FAULT_ASSERT:
		return CUDA_ERROR_ASSERT;
	case PTX_FAULT_STACK:
		return CUDA_ERROR_HARDWARE_STACK_ERROR;
	case PTX_FAULT_DEADLOCK:
		return CUDA_ERROR_LAUNCH_TIMEOUT;
	default:
		return CUDA_ERROR_LAUNCH_FAILED;
	}
}

static unsigned host_threads(const struct launch *l)
{
	static _Atomic long processors;
	unsigned long long blocks = (unsigned long long)l->grid[0] * l->grid[1] * l->grid[2];
	long n = atomic_load(&processors);

	if (!n) {
		n = sysconf(_SC_NPROCESSORS_ONLN);
		n = n < 1 ? 1 : n > SM_COUNT ? SM_COUNT : n;
		atomic_store(&processors, n);
	}
	return blocks < (unsigned long long)n ? (unsigned)blocks : (unsigned)n;
}

CUresult launch_run(const struct launch *l, struct context *c)
{
	static _Atomic uint64_t next_grid = 1;
	const struct ptx_memory memory = {.valid = access_valid,
		.allocate = heap_allocate,
		.release = heap_release,
		.user = c};
	struct ptx_launch run = {
		.module = l->function->module->code->ptx,
		.kernel = l->function->ptx,
		.grid = {l->grid[0], l->grid[1], l->grid[2]},
		.block = {l->block[0], l->block[1], l->block[2]},
		.dynamic_shared = l->shared,
		.params = l->params,
		.params_size = l->params_size,
		.variables = l->function->module->variables,
		.memory = &memory,
		.print = print,
		.print_user = c,
		.cancel = &c->cancel,
		.threads = host_threads(l),
		.multiprocessors = SM_COUNT,
		.grid_id = atomic_fetch_add(&next_grid, 1),
		.stack_limit = c->limits[CU_LIMIT_STACK_SIZE] > 64 << 10
				       ? c->limits[CU_LIMIT_STACK_SIZE]
				       : 64 << 10,
		.cooperative = l->cooperative,
	};
	struct ptx_fault fault = {0};
	int err = ptx_run(&run, &fault);

	return err ? fault_result(err, &fault) : CUDA_SUCCESS;
}

CUresult launch_check(const struct launch *l)
{
	const unsigned *g = l->grid, *b = l->block;
	const struct function *f = l->function;
	const unsigned *need = f->ptx->required_block;
	unsigned long long threads = (unsigned long long)b[0] * b[1] * b[2];
	int limit;

	if (!g[0] || !g[1] || !g[2] || !b[0] || !b[1] || !b[2])
		return CUDA_ERROR_INVALID_VALUE;
	if (g[0] > 2147483647 || g[1] > 65535 || g[2] > 65535 || b[0] > 1024 || b[1] > 1024 ||
		b[2] > 64 || threads > BLOCK_THREADS_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	if (need[0] && (need[0] != b[0] || need[1] != b[1] || need[2] != b[2]))
		return CUDA_ERROR_INVALID_VALUE;
	limits_get(f->ptx, f->limits, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, &limit);
	if (limit < 0 || l->shared > (unsigned)limit)
		return CUDA_ERROR_INVALID_VALUE;
	limits_get(f->ptx, f->limits, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &limit);
	if (threads > (unsigned)limit)
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	if (l->cooperative &&
		(unsigned long long)g[0] * g[1] * g[2] >
			(unsigned long long)SM_COUNT * active_blocks(f, threads, l->shared))
		return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
	return CUDA_SUCCESS;
}

static CUresult gather(const struct ptx_kernel *k, void **values, char *to)
{
	unsigned i;

	for (i = 0; i < k->parameter_count; i++) {
		if (!values[i])
			return CUDA_ERROR_INVALID_VALUE;
		memcpy(to + k->parameters[i].offset, values[i], k->parameters[i].size);
	}
	return CUDA_SUCCESS;
}

/* The buffer may be longer by the padding of a structure's end. */
static CUresult from_extra(const struct ptx_kernel *k, void **extra, char *to)
{
	const void *buffer = NULL;
	const size_t *size = NULL;

	for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
		if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER)
			buffer = extra[1];
		else if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE)
			size = extra[1];
		else
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (!size || !buffer || (!*size && k->parameter_bytes))
		return CUDA_ERROR_INVALID_VALUE;
	/* As NVIDIA's driver: what is missing has no defined value, what is too much is refused. */
	if (*size > k->parameter_bytes)
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	memcpy(to, buffer, *size);
	return CUDA_SUCCESS;
}

static CUresult launch_params(struct launch *l, void **values, void **extra)
{
	const struct ptx_kernel *k = l->function->ptx;
	CUresult result = CUDA_SUCCESS;

	if (values && extra && *extra == CU_LAUNCH_PARAM_END)
		extra = NULL;
	if (values && extra)
		return CUDA_ERROR_INVALID_VALUE;
	l->params_size = k->parameter_bytes;
	l->params = calloc(1, k->parameter_bytes + 1);
	if (!l->params)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (extra)
		result = from_extra(k, extra, l->params);
	else if (values)
		result = gather(k, values, l->params);
	else if (k->parameter_count)
		result = CUDA_ERROR_INVALID_VALUE;
	if (result) {
		free(l->params);
		l->params = NULL;
	}
	return result;
}

CUresult launch_op(struct op *op, void **values, void **extra)
{
	CUresult result = launch_check(&op->launch);

	if (!result)
		result = launch_params(&op->launch, values, extra);
	if (!result)
		object_get(op->launch.function->module);
	return result;
}

/* What an attribute of an extended launch asks; events are set by the caller. */
static CUresult apply(struct op *op, const CUlaunchAttribute *a, struct event **event)
{
	const CUlaunchAttributeValue *v = &a->value;

	switch (a->id) {
	case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
		op->launch.cooperative = v->cooperative;
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
		if (v->clusterDim.x > 1 || v->clusterDim.y > 1 || v->clusterDim.z > 1)
			return CUDA_ERROR_INVALID_CLUSTER_SIZE;
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
		return event_find(v->programmaticEvent.event, event);
	case CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT:
		return event_find(v->launchCompletionEvent.event, event);
	case CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE:
		return CUDA_ERROR_NOT_SUPPORTED;
	default:
		return (int)a->id < 0 || a->id > 32 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	}
}

static CUresult launch(const CUlaunchConfig *config, bool cooperative, CUfunction handle,
	void **values, void **extra)
{
	struct op op = {.kind = OP_KERNEL,
		.launch = {.grid = {config->gridDimX, config->gridDimY, config->gridDimZ},
			.block = {config->blockDimX, config->blockDimY, config->blockDimZ},
			.shared = config->sharedMemBytes,
			.cooperative = cooperative}};
	struct event *event = NULL;
	struct fence *fence = NULL;
	struct context *c;
	struct stream *s;
	unsigned i;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find(c, config->hStream, &s);
	if (!result)
		result = function_find(s->ctx, handle, &op.launch.function);
	if (!result && op.launch.function->module->ctx != s->ctx)
		result = CUDA_ERROR_INVALID_HANDLE;
	for (i = 0; !result && i < config->numAttrs; i++)
		result = apply(&op, &config->attrs[i], &event);
	if (!result)
		result = launch_op(&op, values, extra);
	if (!result)
		result = stream_submit(s, &op, &fence);
	if (!result && event && fence)
		event_set_fence(event, fence);
	fence_put(fence);
	return leave(result);
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz,
	unsigned int bx, unsigned int by, unsigned int bz, unsigned int shared, CUstream stream,
	void **values, void **extra)
{
	CUlaunchConfig config = {gx, gy, gz, bx, by, bz, shared, stream, NULL, 0};

	return launch(&config, false, f, values, extra);
}

CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz,
	unsigned int bx, unsigned int by, unsigned int bz, unsigned int shared, CUstream stream,
	void **values)
{
	CUlaunchConfig config = {gx, gy, gz, bx, by, bz, shared, stream, NULL, 0};

	return launch(&config, true, f, values, NULL);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction f, void **values, void **extra)
{
	if (!config || (config->numAttrs && !config->attrs))
		return CUDA_ERROR_INVALID_VALUE;
	return launch(config, false, f, values, extra);
}
