/* SPDX-License-Identifier: Apache-2.0 */
/* See values.h, and what is checked of values in streams before they are sent. */
#include "values.h"

#include "call.h"
#include "client_calls.h"

enum { BATCH_MAX = 256 }; /* operations of one call */

_Atomic bool values_were_awaited;

static bool wait_good(CUdeviceptr address, size_t size, unsigned int flags)
{
	const unsigned known = CU_STREAM_WAIT_VALUE_NOR | CU_STREAM_WAIT_VALUE_FLUSH;

	return address % size == 0 && !(flags & ~known);
}

static bool write_good(CUdeviceptr address, size_t size, unsigned int flags)
{
	return address % size == 0 && !(flags & ~CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER);
}

static bool operation_good(const CUstreamBatchMemOpParams *op)
{
	switch (op->operation) {
	case CU_STREAM_MEM_OP_WAIT_VALUE_32:
	case CU_STREAM_MEM_OP_WAIT_VALUE_64:
		return wait_good(op->waitValue.address,
			op->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64 ? 8 : 4,
			op->waitValue.flags);
	case CU_STREAM_MEM_OP_WRITE_VALUE_32:
	case CU_STREAM_MEM_OP_WRITE_VALUE_64:
		return write_good(op->writeValue.address,
			op->operation == CU_STREAM_MEM_OP_WRITE_VALUE_64 ? 8 : 4,
			op->writeValue.flags);
	case CU_STREAM_MEM_OP_BARRIER:
	case CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES:
		return true;
	default:
		return false;
	}
}

static void values_awaited_now(void)
{
	atomic_store_explicit(&values_were_awaited, true, memory_order_release);
}

CUresult value_await(CUdeviceptr address, size_t size, unsigned int flags)
{
	CUresult r = call_argument(wait_good(address, size, flags));

	if (!r)
		values_awaited_now();
	return r;
}

CUresult value_write(CUdeviceptr address, size_t size, unsigned int flags)
{
	return call_argument(write_good(address, size, flags));
}

static void note_waits(unsigned int count, const CUstreamBatchMemOpParams *operations)
{
	for (unsigned int i = 0; operations && i < count; i++) {
		if (operations[i].operation == CU_STREAM_MEM_OP_WAIT_VALUE_32 ||
			operations[i].operation == CU_STREAM_MEM_OP_WAIT_VALUE_64)
			values_awaited_now();
	}
}

CUresult values_batch(unsigned int count, CUstreamBatchMemOpParams *operations, unsigned int flags)
{
	bool good = !flags && count <= BATCH_MAX && (operations || !count);
	CUresult r;

	for (unsigned int i = 0; good && i < count; i++)
		good = operation_good(&operations[i]);
	r = call_argument(good);
	if (!r)
		note_waits(count, operations);
	return r || count ? r : (CUresult)CALL_NOTHING;
}

CUresult values_node_await(const CUDA_BATCH_MEM_OP_NODE_PARAMS *node)
{
	if (node)
		note_waits(node->count, node->paramArray);
	return CUDA_SUCCESS;
}
