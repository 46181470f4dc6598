/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setting memory. Where it is the client knows, so a set that leaves its
 * allocation fails at the call; pinned host memory can be set as well.
 */
#include "call.h"
#include "client_calls.h"
#include "hostmem.h"
#include "memory.h"
#include "mirror.h"
#include "stream.h"
#include "wire_calls.h"

/* Everything before posting a set of @height rows of @width elements of @size bytes. */
static CUresult prepare(CUdeviceptr dst, size_t pitch, size_t width, size_t height, size_t size,
	CUstream stream, uint64_t *wire)
{
	size_t bytes, extent;
	CUresult r = call_check(0);

	if (r)
		return r;
	if (dst % size || pitch % size || __builtin_mul_overflow(width, size, &bytes) ||
		(height > 1 && pitch < bytes) ||
		__builtin_mul_overflow(pitch, height ? height - 1 : 0, &extent) ||
		__builtin_add_overflow(extent, bytes, &extent))
		return CUDA_ERROR_INVALID_VALUE;
	if (bytes && height)
		r = memory_check(dst, extent);
	if (!r)
		r = stream_check(stream, wire);
	if (!r)
		r = hostmem_use(dst);
	return r ? r : mirror_send();
}

CUresult client_cuMemsetD8Async(CUdeviceptr dstDevice, unsigned char uc, size_t N, CUstream hStream)
{
	uint64_t stream;
	CUresult r = prepare(dstDevice, 0, N, 1, 1, hStream, &stream);

	return r || !N ? r : wire_cuMemsetD8Async(dstDevice, uc, N, stream);
}

CUresult client_cuMemsetD16Async(CUdeviceptr dstDevice, unsigned short us, size_t N,
	CUstream hStream)
{
	uint64_t stream;
	CUresult r = prepare(dstDevice, 0, N, 1, 2, hStream, &stream);

	return r || !N ? r : wire_cuMemsetD16Async(dstDevice, us, N, stream);
}

CUresult client_cuMemsetD32Async(CUdeviceptr dstDevice, unsigned int ui, size_t N, CUstream hStream)
{
	uint64_t stream;
	CUresult r = prepare(dstDevice, 0, N, 1, 4, hStream, &stream);

	return r || !N ? r : wire_cuMemsetD32Async(dstDevice, ui, N, stream);
}

CUresult client_cuMemsetD2D8Async(CUdeviceptr dstDevice, size_t dstPitch, unsigned char uc,
	size_t Width, size_t Height, CUstream hStream)
{
	uint64_t stream;
	CUresult r = prepare(dstDevice, dstPitch, Width, Height, 1, hStream, &stream);

	return r || !Width || !Height
		       ? r
		       : wire_cuMemsetD2D8Async(dstDevice, dstPitch, uc, Width, Height, stream);
}

CUresult client_cuMemsetD2D16Async(CUdeviceptr dstDevice, size_t dstPitch, unsigned short us,
	size_t Width, size_t Height, CUstream hStream)
{
	uint64_t stream;
	CUresult r = prepare(dstDevice, dstPitch, Width, Height, 2, hStream, &stream);

	return r || !Width || !Height
		       ? r
		       : wire_cuMemsetD2D16Async(dstDevice, dstPitch, us, Width, Height, stream);
}

CUresult client_cuMemsetD2D32Async(CUdeviceptr dstDevice, size_t dstPitch, unsigned int ui,
	size_t Width, size_t Height, CUstream hStream)
{
	uint64_t stream;
	CUresult r = prepare(dstDevice, dstPitch, Width, Height, 4, hStream, &stream);

	return r || !Width || !Height
		       ? r
		       : wire_cuMemsetD2D32Async(dstDevice, dstPitch, ui, Width, Height, stream);
}
