/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See address.h, and what is checked before functions of the driver: copies,
 * sets and values in streams, and nodes of graphs that will do such things.
 */
#include "address.h"

#include "memory.h"
#include "mirror.h"
#include "pool.h"
#include "server_calls.h"
#include "stream.h"

static bool inside(uint64_t base, uint64_t size, uint64_t address, uint64_t bytes)
{
	return address >= base && address - base < size && bytes <= size - (address - base);
}

static bool pinned_whole(CUdeviceptr address, uint64_t bytes)
{
	CUdeviceptr base = 0;
	size_t size = 0;

	return !driver.cuPointerGetAttribute(
		       &base, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, address) &&
	       !driver.cuPointerGetAttribute(&size, CU_POINTER_ATTRIBUTE_RANGE_SIZE, address) &&
	       inside(base, size, address, bytes);
}

/* 0: the driver does not know it. */
static CUmemorytype memory_type(CUdeviceptr address)
{
	CUmemorytype type = 0;

	return driver.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address)
		       ? 0
		       : type;
}

/* Of memory on the device the driver knows the bounds, and refuses what is beyond them. Host memory
 * that it knows is pinned for the session; it goes on where that ends. */
static bool driver_has(CUdeviceptr address, uint64_t bytes)
{
	CUmemorytype type = memory_type(address);

	if (type == CU_MEMORYTYPE_HOST)
		return pinned_whole(address, bytes);
	return type == CU_MEMORYTYPE_DEVICE || type == CU_MEMORYTYPE_UNIFIED;
}

CUresult address_check(struct session *s, uint64_t address, uint64_t bytes)
{
	/* Neither changes after the start of the session. */
	const struct arena *arena = &s->memory->arena;

	if (inside(arena->base, arena->size, address, bytes) || !bytes ||
		inside(ADDRESS_POOLS, ADDRESS_POOLS_SIZE, address, bytes) ||
		mirror_has(s, address, bytes) || driver_has(address, bytes) ||
		graph_memory_has(s, address, bytes))
		return CUDA_SUCCESS;
	return CUDA_ERROR_INVALID_VALUE;
}

CUresult address_check_rows(
	struct session *s, uint64_t address, uint64_t pitch, uint64_t width, uint64_t height)
{
	uint64_t bytes;

	if (!width || !height)
		return CUDA_SUCCESS;
	if (__builtin_mul_overflow(pitch, height - 1, &bytes) ||
		__builtin_add_overflow(bytes, width, &bytes))
		return CUDA_ERROR_INVALID_VALUE;
	return address_check(s, address, bytes);
}

CUresult copy_within(struct request *q, CUdeviceptr dst, CUdeviceptr src, size_t bytes)
{
	CUresult r = address_check(q->session, dst, bytes);

	return r ? r : address_check(q->session, src, bytes);
}

static CUresult set_check(
	struct request *q, CUdeviceptr dst, size_t pitch, size_t width, size_t height, size_t size)
{
	size_t row;

	if (__builtin_mul_overflow(width, size, &row))
		return CUDA_ERROR_INVALID_VALUE;
	return address_check_rows(q->session, dst, pitch, row, height);
}

CUresult set_rows_within(struct request *q, CUdeviceptr dst, size_t pitch, size_t width,
	size_t height, size_t size, CUstream stream)
{
	CUresult r = set_check(q, dst, pitch, width, height, size);
	bool captured = false;

	/* The driver captures a set of what is no memory, and makes nothing executable of it. */
	if (r && !stream_capturing(stream, &captured) && captured && !memory_type(dst))
		return CUDA_SUCCESS;
	return r;
}

CUresult set_within(struct request *q, CUdeviceptr dst, size_t n, size_t size, CUstream stream)
{
	return set_rows_within(q, dst, size, size, n, 1, stream);
}

CUresult set_node_within(struct request *q, const CUDA_MEMSET_NODE_PARAMS *set)
{
	return set_check(q, set->dst, set->pitch, set->width, set->height, set->elementSize);
}

CUresult value_within(struct request *q, CUdeviceptr address, size_t bytes)
{
	return address_check(q->session, address, bytes);
}

static CUresult operation_within(struct request *q, const CUstreamBatchMemOpParams *op)
{
	switch (op->operation) {
	case CU_STREAM_MEM_OP_WAIT_VALUE_32:
		return address_check(q->session, op->waitValue.address, 4);
	case CU_STREAM_MEM_OP_WAIT_VALUE_64:
		return address_check(q->session, op->waitValue.address, 8);
	case CU_STREAM_MEM_OP_WRITE_VALUE_32:
		return address_check(q->session, op->writeValue.address, 4);
	case CU_STREAM_MEM_OP_WRITE_VALUE_64:
		return address_check(q->session, op->writeValue.address, 8);
	case CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES:
	case CU_STREAM_MEM_OP_BARRIER:
		return CUDA_SUCCESS;
	default:
		/* Newer ones may have their addresses elsewhere. */
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult values_within(struct request *q, unsigned int count, CUstreamBatchMemOpParams *operations)
{
	CUresult r = CUDA_SUCCESS;

	for (unsigned int i = 0; i < count && !r; i++)
		r = operation_within(q, &operations[i]);
	return r;
}

CUresult values_node_within(struct request *q, const CUDA_BATCH_MEM_OP_NODE_PARAMS *node)
{
	return values_within(q, node->count, node->paramArray);
}

static bool device_type(CUmemorytype type)
{
	return type == CU_MEMORYTYPE_DEVICE || type == CU_MEMORYTYPE_UNIFIED;
}

/* One side of a copy of boxes: where the first byte of @base is, and how rows and slices follow. */
struct side {
	uint64_t base, x, y, z, pitch, rows;
};

/* All from the base to the end of the last row. A pitch or a number of rows of 0 means the box's.
 */
static CUresult side_within(
	struct session *s, const struct side *side, uint64_t width, uint64_t height, uint64_t depth)
{
	uint64_t pitch = side->pitch, rows = side->rows, row, bytes;

	if (!width || !height || !depth)
		return CUDA_SUCCESS;
	if ((!pitch && __builtin_add_overflow(width, side->x, &pitch)) ||
		(!rows && __builtin_add_overflow(height, side->y, &rows)) ||
		__builtin_add_overflow(side->z, depth - 1, &row) ||
		__builtin_mul_overflow(row, rows, &row) ||
		__builtin_add_overflow(row, side->y, &row) ||
		__builtin_add_overflow(row, height - 1, &row) ||
		__builtin_mul_overflow(row, pitch, &bytes) ||
		__builtin_add_overflow(bytes, side->x, &bytes) ||
		__builtin_add_overflow(bytes, width, &bytes))
		return CUDA_ERROR_INVALID_VALUE;
	return address_check(s, side->base, bytes);
}

/* Its host side would be this process's own memory. */
CUresult copy_on_device(struct request *q, CUDA_MEMCPY2D *c)
{
	const struct side src = {c->srcDevice, c->srcXInBytes, c->srcY, 0, c->srcPitch, c->Height};
	const struct side dst = {c->dstDevice, c->dstXInBytes, c->dstY, 0, c->dstPitch, c->Height};
	CUresult r;

	if (!device_type(c->srcMemoryType) || !device_type(c->dstMemoryType))
		return CUDA_ERROR_INVALID_VALUE;
	r = side_within(q->session, &src, c->WidthInBytes, c->Height, 1);
	return r ? r : side_within(q->session, &dst, c->WidthInBytes, c->Height, 1);
}

/* The driver would follow the address of an array. */
static bool linear_type(CUmemorytype type)
{
	return type == CU_MEMORYTYPE_HOST || device_type(type);
}

static uint64_t base_of(CUmemorytype type, const void *host, CUdeviceptr device)
{
	return type == CU_MEMORYTYPE_HOST ? (uintptr_t)host : device;
}

CUresult copy_node_within(struct request *q, CUDA_MEMCPY3D *c)
{
	const struct side src = {base_of(c->srcMemoryType, c->srcHost, c->srcDevice),
		c->srcXInBytes, c->srcY, c->srcZ, c->srcPitch, c->srcHeight};
	const struct side dst = {base_of(c->dstMemoryType, c->dstHost, c->dstDevice),
		c->dstXInBytes, c->dstY, c->dstZ, c->dstPitch, c->dstHeight};
	CUresult r;

	if (!linear_type(c->srcMemoryType) || !linear_type(c->dstMemoryType))
		return CUDA_ERROR_NOT_SUPPORTED;
	r = side_within(q->session, &src, c->WidthInBytes, c->Height, c->Depth);
	return r ? r : side_within(q->session, &dst, c->WidthInBytes, c->Height, c->Depth);
}
