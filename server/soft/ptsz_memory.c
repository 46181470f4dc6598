/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of copying, filling and allocating, for programs that were compiled for
 * per-thread default streams.
 */
#include "soft.h"

CUresult cuMemPrefetchAsync_ptsz(
	CUdeviceptr devPtr, size_t count, CUdevice dstDevice, CUstream hStream)
{
	return PER_THREAD(cuMemPrefetchAsync(devPtr, count, dstDevice, hStream));
}

CUresult cuMemPrefetchAsync_v2_ptsz(CUdeviceptr devPtr, size_t count, CUmemLocation location,
	unsigned int flags, CUstream hStream)
{
	return PER_THREAD(cuMemPrefetchAsync_v2(devPtr, count, location, flags, hStream));
}

CUresult cuMemAllocAsync_ptsz(CUdeviceptr *dptr, size_t bytesize, CUstream hStream)
{
	return PER_THREAD(cuMemAllocAsync(dptr, bytesize, hStream));
}

CUresult cuMemAllocFromPoolAsync_ptsz(
	CUdeviceptr *dptr, size_t bytesize, CUmemoryPool pool, CUstream hStream)
{
	return PER_THREAD(cuMemAllocFromPoolAsync(dptr, bytesize, pool, hStream));
}

CUresult cuMemFreeAsync_ptsz(CUdeviceptr dptr, CUstream hStream)
{
	return PER_THREAD(cuMemFreeAsync(dptr, hStream));
}

CUresult cuMemcpy_ptds(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount)
{
	return PER_THREAD(cuMemcpy(dst, src, ByteCount));
}

CUresult cuMemcpyAsync_ptsz(CUdeviceptr dst, CUdeviceptr src, size_t ByteCount, CUstream hStream)
{
	return PER_THREAD(cuMemcpyAsync(dst, src, ByteCount, hStream));
}

CUresult cuMemcpyHtoD_v2_ptds(CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount)
{
	return PER_THREAD(cuMemcpyHtoD_v2(dstDevice, srcHost, ByteCount));
}

CUresult cuMemcpyHtoDAsync_v2_ptsz(
	CUdeviceptr dstDevice, const void *srcHost, size_t ByteCount, CUstream hStream)
{
	return PER_THREAD(cuMemcpyHtoDAsync_v2(dstDevice, srcHost, ByteCount, hStream));
}

CUresult cuMemcpyDtoH_v2_ptds(void *dstHost, CUdeviceptr srcDevice, size_t ByteCount)
{
	return PER_THREAD(cuMemcpyDtoH_v2(dstHost, srcDevice, ByteCount));
}

CUresult cuMemcpyDtoHAsync_v2_ptsz(
	void *dstHost, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream)
{
	return PER_THREAD(cuMemcpyDtoHAsync_v2(dstHost, srcDevice, ByteCount, hStream));
}

CUresult cuMemcpyDtoD_v2_ptds(CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount)
{
	return PER_THREAD(cuMemcpyDtoD_v2(dstDevice, srcDevice, ByteCount));
}

CUresult cuMemcpyDtoDAsync_v2_ptsz(
	CUdeviceptr dstDevice, CUdeviceptr srcDevice, size_t ByteCount, CUstream hStream)
{
	return PER_THREAD(cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, ByteCount, hStream));
}

CUresult cuMemcpyPeer_ptds(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount)
{
	return PER_THREAD(cuMemcpyPeer(dstDevice, dstContext, srcDevice, srcContext, ByteCount));
}

CUresult cuMemcpyPeerAsync_ptsz(CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice,
	CUcontext srcContext, size_t ByteCount, CUstream hStream)
{
	return PER_THREAD(cuMemcpyPeerAsync(
		dstDevice, dstContext, srcDevice, srcContext, ByteCount, hStream));
}

CUresult cuMemcpy2D_v2_ptds(const CUDA_MEMCPY2D *pCopy)
{
	return PER_THREAD(cuMemcpy2D_v2(pCopy));
}

CUresult cuMemcpy2DUnaligned_v2_ptds(const CUDA_MEMCPY2D *pCopy)
{
	return PER_THREAD(cuMemcpy2DUnaligned_v2(pCopy));
}

CUresult cuMemcpy2DAsync_v2_ptsz(const CUDA_MEMCPY2D *pCopy, CUstream hStream)
{
	return PER_THREAD(cuMemcpy2DAsync_v2(pCopy, hStream));
}

CUresult cuMemcpy3D_v2_ptds(const CUDA_MEMCPY3D *pCopy)
{
	return PER_THREAD(cuMemcpy3D_v2(pCopy));
}

CUresult cuMemcpy3DAsync_v2_ptsz(const CUDA_MEMCPY3D *pCopy, CUstream hStream)
{
	return PER_THREAD(cuMemcpy3DAsync_v2(pCopy, hStream));
}

CUresult cuMemcpy3DPeer_ptds(const CUDA_MEMCPY3D_PEER *pCopy)
{
	return PER_THREAD(cuMemcpy3DPeer(pCopy));
}

CUresult cuMemcpy3DPeerAsync_ptsz(const CUDA_MEMCPY3D_PEER *pCopy, CUstream hStream)
{
	return PER_THREAD(cuMemcpy3DPeerAsync(pCopy, hStream));
}

CUresult cuMemcpyBatchAsync_ptsz(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,
	CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs, size_t *failIdx,
	CUstream hStream)
{
	return PER_THREAD(cuMemcpyBatchAsync(
		dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs, failIdx, hStream));
}

CUresult cuMemcpyBatchAsync_v2_ptsz(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes,
	size_t count, CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs,
	CUstream hStream)
{
	return PER_THREAD(cuMemcpyBatchAsync_v2(
		dsts, srcs, sizes, count, attrs, attrsIdxs, numAttrs, hStream));
}

CUresult cuMemsetD8_v2_ptds(CUdeviceptr dstDevice, unsigned char uc, size_t N)
{
	return PER_THREAD(cuMemsetD8_v2(dstDevice, uc, N));
}

CUresult cuMemsetD16_v2_ptds(CUdeviceptr dstDevice, unsigned short us, size_t N)
{
	return PER_THREAD(cuMemsetD16_v2(dstDevice, us, N));
}

CUresult cuMemsetD32_v2_ptds(CUdeviceptr dstDevice, unsigned int ui, size_t N)
{
	return PER_THREAD(cuMemsetD32_v2(dstDevice, ui, N));
}

CUresult cuMemsetD2D8_v2_ptds(
	CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc, size_t Width, size_t Height)
{
	return PER_THREAD(cuMemsetD2D8_v2(dstDevice, dstPitch, uc, Width, Height));
}

CUresult cuMemsetD2D16_v2_ptds(
	CUdeviceptr dstDevice, size_t dstPitch, unsigned short us, size_t Width, size_t Height)
{
	return PER_THREAD(cuMemsetD2D16_v2(dstDevice, dstPitch, us, Width, Height));
}

CUresult cuMemsetD2D32_v2_ptds(
	CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui, size_t Width, size_t Height)
{
	return PER_THREAD(cuMemsetD2D32_v2(dstDevice, dstPitch, ui, Width, Height));
}

CUresult cuMemsetD8Async_ptsz(CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream)
{
	return PER_THREAD(cuMemsetD8Async(dstDevice, uc, N, hStream));
}

CUresult cuMemsetD16Async_ptsz(CUdeviceptr dstDevice, unsigned short us, size_t N, CUstream hStream)
{
	return PER_THREAD(cuMemsetD16Async(dstDevice, us, N, hStream));
}

CUresult cuMemsetD32Async_ptsz(CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream)
{
	return PER_THREAD(cuMemsetD32Async(dstDevice, ui, N, hStream));
}

CUresult cuMemsetD2D8Async_ptsz(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc,
	size_t Width, size_t Height, CUstream hStream)
{
	return PER_THREAD(cuMemsetD2D8Async(dstDevice, dstPitch, uc, Width, Height, hStream));
}

CUresult cuMemsetD2D16Async_ptsz(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us,
	size_t Width, size_t Height, CUstream hStream)
{
	return PER_THREAD(cuMemsetD2D16Async(dstDevice, dstPitch, us, Width, Height, hStream));
}

CUresult cuMemsetD2D32Async_ptsz(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui,
	size_t Width, size_t Height, CUstream hStream)
{
	return PER_THREAD(cuMemsetD2D32Async(dstDevice, dstPitch, ui, Width, Height, hStream));
}
