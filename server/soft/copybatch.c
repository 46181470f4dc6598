/* SPDX-License-Identifier: Apache-2.0 */
/* Many copies in one call, one after the other in the stream. */
#include "copy.h"

static CUresult batch(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	size_t *fail, CUstream stream)
{
	CUresult result;
	size_t i;

	if (fail)
		*fail = SIZE_MAX;
	if (!dsts || !srcs || !sizes || !count || !stream || stream == CU_STREAM_LEGACY)
		return CUDA_ERROR_INVALID_VALUE;
	for (i = 0; i < count; i++) {
		result = sizes[i] ? copy_linear(dsts[i], srcs[i], sizes[i], stream, COPY_ANY)
				  : CUDA_ERROR_INVALID_VALUE;
		if (!result)
			continue;
		if (fail)
			*fail = i;
		return result;
	}
	return CUDA_SUCCESS;
}

CUresult cuMemcpyBatchAsync(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	CUmemcpyAttributes *attributes, size_t *indices, size_t n, size_t *fail, CUstream stream)
{
	return batch(dsts, srcs, sizes, count, fail, stream);
}

CUresult cuMemcpyBatchAsync_v2(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	CUmemcpyAttributes *attributes, size_t *indices, size_t n, CUstream stream)
{
	return batch(dsts, srcs, sizes, count, NULL, stream);
}
