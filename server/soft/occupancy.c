/* SPDX-License-Identifier: Apache-2.0 */
/* How many blocks fit a multiprocessor of the device that the attributes describe. */
#include "soft.h"

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned active_blocks(const struct function *f, unsigned threads, size_t shared)
{
	unsigned warps = (threads + WARP_SIZE - 1) / WARP_SIZE, n = SM_BLOCKS;
	unsigned registers = round_up(f->ptx->registers ? f->ptx->registers : 1, 8) * WARP_SIZE;
	size_t used = round_up(f->ptx->shared_bytes + shared, 256);

	if (!threads || threads > BLOCK_THREADS_MAX || used > SM_SHARED)
		return 0;
	n = least(n, SM_THREADS / (warps * WARP_SIZE));
	n = least(n, SM_REGISTERS / (registers * warps));
	if (used)
		n = least(n, SM_SHARED / used);
	return n ? n : f->ptx->registers > 64 ? 1 : 0;
}

static CUresult max_blocks(int *out, CUfunction handle, int block, size_t shared, unsigned flags)
{
	struct function *f;
	int limit;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if (!out || block <= 0 || flags & ~1u)
		return leave(CUDA_ERROR_INVALID_VALUE);
	limits_get(f->ptx, f->limits, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &limit);
	*out = block > limit ? 0 : active_blocks(f, block, shared);
	return leave(CUDA_SUCCESS);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(
	int *out, CUfunction f, int block, size_t shared)
{
	return max_blocks(out, f, block, shared, 0);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
	int *out, CUfunction f, int block, size_t shared, unsigned int flags)
{
	return max_blocks(out, f, block, shared, flags);
}

CUresult cuOccupancyAvailableDynamicSMemPerBlock(
	size_t *out, CUfunction handle, int blocks, int block)
{
	struct function *f;
	size_t each;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if (!out || blocks <= 0 || block <= 0)
		return leave(CUDA_ERROR_INVALID_VALUE);
	each = SM_SHARED / blocks / 256 * 256;
	if (each > SHARED_DEFAULT)
		each = SHARED_DEFAULT;
	if (each < f->ptx->shared_bytes || active_blocks(f, block, 0) < (unsigned)blocks)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = each - f->ptx->shared_bytes;
	return leave(CUDA_SUCCESS);
}

/* Without clusters in hardware, a cluster is one block. */
CUresult cuOccupancyMaxActiveClusters(int *out, CUfunction handle, const CUlaunchConfig *config)
{
	struct function *f;
	unsigned i;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if (!out || !config || (config->numAttrs && !config->attrs))
		return leave(CUDA_ERROR_INVALID_VALUE);
	for (i = 0; i < config->numAttrs; i++)
		if (config->attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION &&
			config->attrs[i].value.clusterDim.x * config->attrs[i].value.clusterDim.y *
					config->attrs[i].value.clusterDim.z !=
				1)
			return leave(CUDA_ERROR_INVALID_CLUSTER_SIZE);
	*out = SM_COUNT * active_blocks(f,
				  config->blockDimX * config->blockDimY * config->blockDimZ,
				  config->sharedMemBytes);
	return leave(CUDA_SUCCESS);
}

CUresult cuOccupancyMaxPotentialClusterSize(
	int *out, CUfunction handle, const CUlaunchConfig *config)
{
	struct function *f;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if (!out || !config)
		return leave(CUDA_ERROR_INVALID_VALUE);
	*out = 1;
	return leave(CUDA_SUCCESS);
}

static CUresult best_block(int *grid, int *block, CUfunction handle, CUoccupancyB2DSize shared_of,
	size_t shared, int most)
{
	struct function *f;
	unsigned n, active, best = 0;
	int limit;
	CUresult result = enter_function(handle, &f);

	if (result)
		return result;
	if (!grid || !block)
		return leave(CUDA_ERROR_INVALID_VALUE);
	limits_get(f->ptx, f->limits, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &limit);
	if (most > 0 && most < limit)
		limit = most;
	for (n = limit; (int)n > 0; n = n % WARP_SIZE ? n / WARP_SIZE * WARP_SIZE : n - WARP_SIZE) {
		active = active_blocks(f, n, shared_of ? shared_of(n) : shared);
		if (active * n <= best)
			continue;
		best = active * n;
		*block = n;
		*grid = active * SM_COUNT;
	}
	return leave(best ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

CUresult cuOccupancyMaxPotentialBlockSize(
	int *grid, int *block, CUfunction f, CUoccupancyB2DSize shared_of, size_t shared, int most)
{
	return best_block(grid, block, f, shared_of, shared, most);
}

CUresult cuOccupancyMaxPotentialBlockSizeWithFlags(int *grid, int *block, CUfunction f,
	CUoccupancyB2DSize shared_of, size_t shared, int most, unsigned int flags)
{
	return flags & ~1u ? CUDA_ERROR_INVALID_VALUE
			   : best_block(grid, block, f, shared_of, shared, most);
}
