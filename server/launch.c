/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot path: a launch as it travels goes to the driver in the form that
 * takes one buffer of parameters. No lock, no allocation, no system call.
 */
#include "server_calls.h"
#include "state.h"

/* Events are named in attributes by the numbers that travel. */
static CUresult event_resolve(struct request *q, CUevent *event)
{
	return handle_get(q->session, KIND_CUevent, (uintptr_t)*event, (void **)event);
}

static CUresult attributes_resolve(struct request *q, CUlaunchAttribute *list, unsigned count)
{
	CUresult r = CUDA_SUCCESS;

	for (unsigned i = 0; i < count && !r; i++) {
		if (list[i].id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT)
			r = event_resolve(q, &list[i].value.programmaticEvent.event);
		else if (list[i].id == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT)
			r = event_resolve(q, &list[i].value.launchCompletionEvent.event);
		else if (list[i].id == CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE)
			r = CUDA_ERROR_NOT_SUPPORTED;
	}
	return r;
}

CUresult server_launch(struct request *q, CUfunction function, unsigned int grid_x,
	unsigned int grid_y, unsigned int grid_z, unsigned int block_x, unsigned int block_y,
	unsigned int block_z, unsigned int shared_bytes, CUstream stream,
	const CUlaunchAttribute *attributes, unsigned int count, const uint8_t *params,
	unsigned int bytes)
{
	size_t size = bytes;
	void *buffer[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, (void *)params,
		CU_LAUNCH_PARAM_BUFFER_SIZE, &size, CU_LAUNCH_PARAM_END};
	void **extra = bytes ? buffer : NULL;
	CUlaunchConfig config;
	CUresult r;

	if (!count)
		return driver.cuLaunchKernel(function, grid_x, grid_y, grid_z, block_x, block_y,
			block_z, shared_bytes, stream, NULL, extra);
	config = (CUlaunchConfig){
		.gridDimX = grid_x,
		.gridDimY = grid_y,
		.gridDimZ = grid_z,
		.blockDimX = block_x,
		.blockDimY = block_y,
		.blockDimZ = block_z,
		.sharedMemBytes = shared_bytes,
		.hStream = stream,
		/* The handler's own copy of what came in the frame. */
		.attrs = (CUlaunchAttribute *)attributes,
		.numAttrs = count,
	};
	r = attributes_resolve(q, config.attrs, count);
	return r ? r : driver.cuLaunchKernelEx(&config, function, NULL, extra);
}

/* Attributes whose value names an object of the driver's, which it would follow. */
static bool names_object(int attribute)
{
	return attribute == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT ||
	       attribute == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT ||
	       attribute == CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE;
}

/* How many clusters fit does not depend on them. */
CUresult config_check(struct request *q, const CUlaunchConfig *config)
{
	for (unsigned i = 0; i < config->numAttrs; i++) {
		if (names_object(config->attrs[i].id))
			config->attrs[i].id = CU_LAUNCH_ATTRIBUTE_IGNORE;
	}
	return CUDA_SUCCESS;
}

/* Neither streams nor nodes have any of these that could be set. */
CUresult stream_attribute_check(struct request *q, CUstreamAttrID attribute)
{
	return names_object(attribute) ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult node_attribute_check(struct request *q, CUkernelNodeAttrID attribute)
{
	return names_object(attribute) ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
