/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software GPU, which it is linked with, but that copies of an odd number of bytes to the host
 * fail: for tests of what becomes of errors that nobody waits for.
 */
#include "cuda_types.h"

CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t bytes, CUstream stream);
CUresult cuMemcpyDtoHAsync_v2_ptsz(void *dst, CUdeviceptr src, size_t bytes, CUstream stream);

__attribute__((visibility("default"))) CUresult cuMemcpyDtoHAsync_v2(
	void *dst, CUdeviceptr src, size_t bytes, CUstream stream)
{
	if (bytes % 2)
		return CUDA_ERROR_NOT_PERMITTED;
	return cuMemcpyDtoHAsync_v2_ptsz(dst, src, bytes, stream ? stream : CU_STREAM_LEGACY);
}
