/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block size that fills a multiprocessor best. The driver calls back into
 * the application for the shared memory of every size it tries, so the search
 * is made here, with the (cached) occupancy that the server's driver computes.
 */
#include "call.h"
#include "client.h"
#include "client_calls.h"
#include "context.h"
#include "module.h"

CUresult client_cuOccupancyMaxPotentialBlockSizeWithFlags(int *minGridSize, int *blockSize,
	CUfunction func, CUoccupancyB2DSize blockSizeToDynamicSMemSize, size_t dynamicSMemSize,
	int blockSizeLimit, unsigned int flags)
{
	const struct device *d;
	struct function *f;
	int best_threads = 0, largest, warp;
	CUresult r = call_check(0);

	if (!r)
		r = function_find(func, &f);
	if (r)
		return r;
	if (!minGridSize || !blockSize)
		return CUDA_ERROR_INVALID_VALUE;
	d = &client.device[context_self()->device];
	warp = d->attribute[CU_DEVICE_ATTRIBUTE_WARP_SIZE];
	largest = function_attributes(f, context_self()->device)[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK];
	if (blockSizeLimit > 0 && blockSizeLimit < largest)
		largest = blockSizeLimit;
	/* From large to small, so that of equal ones the largest block is taken, as the driver does. */
	for (int size = largest; size > 0; size = (size - 1) / warp * warp) {
		size_t shared = blockSizeToDynamicSMemSize ? blockSizeToDynamicSMemSize(size)
							    : dynamicSMemSize;
		int blocks;

		r = stub_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, func, size,
			shared, flags);
		if (r)
			return r;
		if (blocks * size > best_threads) {
			best_threads = blocks * size;
			*blockSize = size;
			*minGridSize =
				blocks * d->attribute[CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT];
		}
		if (best_threads ==
			d->attribute[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR])
			break;
	}
	return best_threads ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult client_cuOccupancyMaxPotentialBlockSize(int *minGridSize, int *blockSize, CUfunction func,
	CUoccupancyB2DSize blockSizeToDynamicSMemSize, size_t dynamicSMemSize, int blockSizeLimit)
{
	return client_cuOccupancyMaxPotentialBlockSizeWithFlags(minGridSize, blockSize, func,
		blockSizeToDynamicSMemSize, dynamicSMemSize, blockSizeLimit, 0);
}
