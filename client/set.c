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

/* Before a set of @height rows of @width elements of @size bytes. */
CUresult set_check(CUdeviceptr dst, size_t pitch, size_t width, size_t height, size_t size,
	CUstream stream)
{
	size_t bytes, extent;
	struct stream *s;
	CUresult r = call_check(0);

	if (r)
		return r;
	if (dst % size || pitch % size || __builtin_mul_overflow(width, size, &bytes) ||
		(height > 1 && pitch < bytes) ||
		__builtin_mul_overflow(pitch, height ? height - 1 : 0, &extent) ||
		__builtin_add_overflow(extent, bytes, &extent))
		return CUDA_ERROR_INVALID_VALUE;
	r = stream_find(stream, &s);
	if (!r && !(bytes && height))
		return (CUresult)CALL_NOTHING;
	/* A captured one fails when its graph becomes executable: cuDNN captures what it runs
	 * never. */
	if (!r && !atomic_load(&s->capture))
		r = memory_check(dst, extent);
	if (!r)
		r = hostmem_use(dst);
	return r ? r : mirror_send();
}
