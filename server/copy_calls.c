/* SPDX-License-Identifier: Apache-2.0 */
/* The server's halves of copies: shapes for copy.c, and copies on the device. */
#include <errno.h>

#include "address.h"
#include "bulk.h"
#include "flight.h"
#include "server_calls.h"

static CUresult rows(struct session *s, CUdeviceptr base, size_t pitch, size_t width,
	size_t height, struct copy_shape *out)
{
	CUDA_MEMCPY3D box = {.WidthInBytes = width, .Height = height, .Depth = 1};

	if (!width || !height || (height > 1 && pitch < width) ||
		address_check_rows(s, base, pitch, width, height))
		return CUDA_ERROR_INVALID_VALUE;
	if (height == 1) {
		*out = copy_flat(base, width);
		return CUDA_SUCCESS;
	}
	box.srcMemoryType = box.dstMemoryType = CU_MEMORYTYPE_DEVICE;
	box.srcDevice = box.dstDevice = base;
	box.srcPitch = box.dstPitch = pitch;
	box.srcHeight = box.dstHeight = height;
	return copy_box(&box, out);
}

CUresult server_copy_in(struct request *q, CUdeviceptr dst, size_t pitch, size_t width,
	size_t height, CUstream stream, const uint8_t *data, size_t bytes)
{
	struct copy_shape shape;
	CUresult r = rows(q->session, dst, pitch, width, height, &shape);

	if (!r && shape.bytes != bytes)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : copy_in(q, &shape, data, stream);
}

CUresult server_copy_in_fetched(struct request *q, CUdeviceptr dst, size_t pitch, size_t width,
	size_t height, CUstream stream, uint64_t id)
{
	struct copy_shape shape;
	CUresult r = rows(q->session, dst, pitch, width, height, &shape);

	return r ? r : copy_in_fetched(q, &shape, id, stream);
}

CUresult server_copy_in_bulk(
	struct request *q, CUdeviceptr dst, CUstream stream, size_t bytes, uint64_t first_chunk)
{
	struct copy_shape shape = copy_flat(dst, bytes);
	CUresult r;

	if (!bytes || bulk_announce(q->session, bytes) != first_chunk)
		session_fatal(q->session, CUDA_ERROR_INVALID_VALUE,
			"a copy announces the wrong bulk data");
	copy_accept(q);
	r = address_check(q->session, dst, bytes);
	if (r)
		copy_collect(q, first_chunk, bytes, NULL);
	return r ? r : copy_in_bulk(q, &shape, first_chunk, stream);
}

CUresult server_copy_out(struct request *q, CUdeviceptr src, size_t pitch, size_t width,
	size_t height, CUstream stream, uint64_t copy_id)
{
	struct copy_shape shape;
	CUresult r = rows(q->session, src, pitch, width, height, &shape);

	return r ? r : copy_out(q, &shape, copy_id, stream, true);
}

CUresult server_copy_out_async(struct request *q, CUdeviceptr src, size_t pitch, size_t width,
	size_t height, CUstream stream, uint64_t copy_id)
{
	struct copy_shape shape;
	CUresult r = rows(q->session, src, pitch, width, height, &shape);

	if (r)
		copy_cancel(q->session, copy_id);
	return r ? r : copy_out(q, &shape, copy_id, stream, false);
}
