/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launches: everything that a program can do wrong is found here, then one
 * frame is posted. Rules and error codes as cuLaunchKernel and
 * cuLaunchKernelEx in the CUDA driver API.
 */
#include "launch.h"

#include <string.h>

#include "call.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "event.h"
#include "hostmem.h"
#include "mirror.h"
#include "module.h"
#include "stream.h"
#include "window.h"
#include "wire_calls.h"

enum { LAUNCH_ATTRIBUTES = 32, PORTABLE_CLUSTER = 8 };

/* The buffer form: a list of (id, value) that END ends. */
static CUresult read_extra(const struct function *f, void **extra, struct launch_params *out)
{
	void *buffer = NULL;
	size_t *size = NULL;

	for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
		if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
			buffer = extra[1];
		else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
			size = extra[1];
		else
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (!buffer || !size || !*size)
		return CUDA_ERROR_INVALID_VALUE;
	if (*size > f->param_size)
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	/* Too short a buffer is taken, as the driver does. */
	memcpy(out->bytes, buffer, *size);
	memset(out->bytes + *size, 0, f->param_size - *size);
	return CUDA_SUCCESS;
}

CUresult launch_pack(const struct function *f, void **params, void **extra,
	struct launch_params *out)
{
	out->size = f->param_size;
	if (params && extra && *extra == CU_LAUNCH_PARAM_END)
		extra = NULL;
	if (params && extra)
		return CUDA_ERROR_INVALID_VALUE;
	if (extra)
		return read_extra(f, extra, out);
	if (!f->param_count)
		return CUDA_SUCCESS;
	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	memset(out->bytes, 0, f->param_size);
	for (uint32_t i = 0; i < f->param_count; i++) {
		if (!params[i])
			return CUDA_ERROR_INVALID_VALUE;
		memcpy(out->bytes + f->param[2 * i], params[i], f->param[2 * i + 1]);
	}
	return CUDA_SUCCESS;
}

static bool exceeds(unsigned value, int limit)
{
	return !value || (limit != INT32_MIN && value > (unsigned)limit);
}

CUresult launch_check(struct function *f, const struct launch_shape *s)
{
	CUdevice device = context_self()->device;
	const int *limit = client.device[device].attribute, *own = function_attributes(f, device);
	uint64_t threads = (uint64_t)s->block[0] * s->block[1] * s->block[2];

	for (int i = 0; i < 3; i++) {
		if (exceeds(s->grid[i], limit[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X + i]) ||
			exceeds(s->block[i], limit[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X + i]))
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (threads > (uint64_t)limit[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK])
		return CUDA_ERROR_INVALID_VALUE;
	if (threads > (uint64_t)own[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK])
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	if (s->shared > (unsigned)own[CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES])
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* A cooperative grid must fit the device as a whole. */
static CUresult check_cooperative(const struct function *f, const struct launch_shape *s)
{
	const struct device *d = &client.device[context_self()->device];
	uint64_t blocks = (uint64_t)s->grid[0] * s->grid[1] * s->grid[2];
	int per_processor;
	CUresult r;

	r = wire_cuOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, f->object.handle,
		s->block[0] * s->block[1] * s->block[2], s->shared);
	if (r)
		return r;
	return blocks > (uint64_t)per_processor *
				       d->attribute[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT]
		       ? CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE
		       : CUDA_SUCCESS;
}

static bool is_cooperative(const CUlaunchAttribute *attributes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (attributes[i].id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE)
			return attributes[i].value.cooperative;
	}
	return false;
}

/* A grid is of whole clusters, which are larger than is portable only where the function allows it.
 * Of a function of a library's module that was found by its name we do not know what was set for
 * its kernel. */
static CUresult check_cluster(struct function *f, const struct launch_shape *s,
	const CUlaunchAttribute *attributes, unsigned count)
{
	const int *own = function_attributes(f, context_self()->device);

	for (unsigned i = 0; i < count; i++) {
		const CUlaunchAttributeValue *v = &attributes[i].value;
		unsigned cluster[3] = {v->clusterDim.x, v->clusterDim.y, v->clusterDim.z};
		uint64_t blocks = 1;

		if (attributes[i].id != CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
			continue;
		for (int d = 0; d < 3; d++) {
			if (cluster[d] && s->grid[d] % cluster[d])
				return CUDA_ERROR_INVALID_CLUSTER_SIZE;
			blocks *= cluster[d];
		}
		if (blocks > PORTABLE_CLUSTER && (f->kernel || !f->module->owner) &&
			!own[CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED])
			return CUDA_ERROR_INVALID_CLUSTER_SIZE;
	}
	return CUDA_SUCCESS;
}

static CUresult launch(CUfunction function, const struct launch_shape *shape, CUstream stream,
	const CUlaunchAttribute *attributes, unsigned count, void **params, void **extra)
{
	struct launch_params packed;
	struct function *f;
	struct stream *s;
	uint64_t wire;
	CUresult r = call_check(0);

	if (!r)
		r = function_find(function, &f);
	if (!r)
		r = launch_check(f, shape);
	if (!r && is_cooperative(attributes, count))
		r = check_cooperative(f, shape);
	if (!r && count)
		r = check_cluster(f, shape, attributes, count);
	if (!r)
		r = launch_pack(f, params, extra, &packed);
	if (!r)
		r = stream_find(stream, &s);
	/* A kernel is launched in the context of the stream. */
	if (!r && f->context && f->context != s->context)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = window_take(s, 1);
	if (!r)
		r = hostmem_scan(packed.bytes, packed.size);
	if (!r)
		r = mirror_send();
	if (!r)
		r = stream_use(s, &wire);
	if (r)
		return r;
	return wire_launch(f->object.handle, shape->grid[0], shape->grid[1], shape->grid[2],
		shape->block[0], shape->block[1], shape->block[2], shape->shared, wire,
		attributes, count, packed.bytes, packed.size);
}

CUresult client_cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,
	unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,
	unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream, void **kernelParams,
	void **extra)
{
	struct launch_shape shape = {{gridDimX, gridDimY, gridDimZ},
		{blockDimX, blockDimY, blockDimZ}, sharedMemBytes};

	return launch(f, &shape, hStream, NULL, 0, kernelParams, extra);
}

CUresult client_cuLaunchCooperativeKernel(CUfunction f, unsigned int gridDimX,
	unsigned int gridDimY, unsigned int gridDimZ, unsigned int blockDimX,
	unsigned int blockDimY, unsigned int blockDimZ, unsigned int sharedMemBytes,
	CUstream hStream, void **kernelParams)
{
	struct launch_shape shape = {{gridDimX, gridDimY, gridDimZ},
		{blockDimX, blockDimY, blockDimZ}, sharedMemBytes};
	CUlaunchAttribute cooperative = {.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE};

	cooperative.value.cooperative = 1;
	return launch(f, &shape, hStream, &cooperative, 1, kernelParams, NULL);
}

/* The event that an attribute names, as the server knows it. */
static CUresult translate_event(CUevent *event)
{
	uint64_t wire;
	CUresult r = event_check(*event, &wire);

	if (!r)
		*event = (CUevent)(uintptr_t)wire;
	return r;
}

/* With handles as the server knows them. @to has LAUNCH_ATTRIBUTES places. */
static CUresult launch_attributes(
	const CUlaunchAttribute *from, unsigned count, CUlaunchAttribute *to)
{
	CUresult r = CUDA_SUCCESS;

	if (count > LAUNCH_ATTRIBUTES || (count && !from))
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < count && !r; i++) {
		to[i] = from[i];
		if (from[i].id >= CU_LAUNCH_ATTRIBUTE_MAX)
			r = CUDA_ERROR_INVALID_VALUE;
		else if (from[i].id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT)
			r = translate_event(&to[i].value.programmaticEvent.event);
		else if (from[i].id == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT)
			r = translate_event(&to[i].value.launchCompletionEvent.event);
		else if (from[i].id == CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE &&
			 from[i].value.deviceUpdatableKernelNode.deviceUpdatable)
			r = CUDA_ERROR_NOT_SUPPORTED;
	}
	return r;
}

CUresult client_cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction f, void **kernelParams,
	void **extra)
{
	CUlaunchAttribute attributes[LAUNCH_ATTRIBUTES];
	struct launch_shape shape;
	CUresult r = call_check(0);

	if (r)
		return r;
	if (!config)
		return CUDA_ERROR_INVALID_VALUE;
	r = launch_attributes(config->attrs, config->numAttrs, attributes);
	if (r)
		return r;
	shape = (struct launch_shape){{config->gridDimX, config->gridDimY, config->gridDimZ},
		{config->blockDimX, config->blockDimY, config->blockDimZ}, config->sharedMemBytes};
	return launch(f, &shape, config->hStream, attributes, config->numAttrs, kernelParams, extra);
}
