/* SPDX-License-Identifier: Apache-2.0 */
/* Streams that wait for values in memory and write them. */
#include "soft.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH_MAX = 256,
};

static bool op_good(const CUstreamBatchMemOpParams *p)
{
	bool wide = p->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64 ||
		    p->operation == CU_STREAM_MEM_OP_WRITE_VALUE_64;
	size_t size = wide ? 8 : 4;

	switch (p->operation) {
	case CU_STREAM_MEM_OP_WAIT_VALUE_32:
	case CU_STREAM_MEM_OP_WAIT_VALUE_64:
		if (p->waitValue.flags & ~(3u | CU_STREAM_WAIT_VALUE_FLUSH))
			return false;
		break;
	case CU_STREAM_MEM_OP_WRITE_VALUE_32:
	case CU_STREAM_MEM_OP_WRITE_VALUE_64:
		if (p->writeValue.flags & ~(unsigned)CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER)
			return false;
		break;
	case CU_STREAM_MEM_OP_BARRIER:
	case CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES:
		return true;
	default:
		return false;
	}
	return p->waitValue.address % size == 0 && range_covered(p->waitValue.address, size);
}

CUresult values_op(const CUstreamBatchMemOpParams *ops, unsigned count, struct op *op)
{
	unsigned i;

	*op = (struct op){.kind = OP_NONE};
	if (!ops || count > BATCH_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	for (i = 0; i < count; i++)
		if (!op_good(&ops[i]))
			return CUDA_ERROR_INVALID_VALUE;
	op->values.ops = malloc(count * sizeof(*ops));
	if (!op->values.ops)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(op->values.ops, ops, count * sizeof(*ops));
	op->values.count = count;
	op->kind = OP_VALUES;
	return CUDA_SUCCESS;
}

static CUresult submit(CUstream stream, const CUstreamBatchMemOpParams *ops, unsigned count)
{
	struct context *c;
	struct stream *s;
	struct op op;
	CUresult result = enter(&c);

	if (result)
		return result;
	result = stream_find_own(c, stream, &s);
	if (!result)
		result = values_op(ops, count, &op);
	return leave(result ? result : stream_submit(s, &op, NULL));
}

static CUresult batch(
	CUstream stream, unsigned count, const CUstreamBatchMemOpParams *ops, unsigned flags)
{
	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	return count ? submit(stream, ops, count) : CUDA_SUCCESS;
}

/* Waiting and writing have one layout: operation, address, value, flags. */
static CUresult single(CUstream stream, CUstreamBatchMemOpType type, CUdeviceptr addr,
	uint64_t value, unsigned flags)
{
	CUstreamBatchMemOpParams p;

	memset(&p, 0, sizeof(p));
	p.waitValue.operation = type;
	p.waitValue.address = addr;
	if (type == CU_STREAM_MEM_OP_WAIT_VALUE_64 || type == CU_STREAM_MEM_OP_WRITE_VALUE_64)
		p.waitValue.value64 = value;
	else
		p.waitValue.value = value;
	p.waitValue.flags = flags;
	return submit(stream, &p, 1);
}

CUresult cuStreamWaitValue32_v2(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return single(stream, CU_STREAM_MEM_OP_WAIT_VALUE_32, addr, value, flags);
}

CUresult cuStreamWaitValue64_v2(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return single(stream, CU_STREAM_MEM_OP_WAIT_VALUE_64, addr, value, flags);
}

CUresult cuStreamWriteValue32_v2(
	CUstream stream, CUdeviceptr addr, cuuint32_t value, unsigned int flags)
{
	return single(stream, CU_STREAM_MEM_OP_WRITE_VALUE_32, addr, value, flags);
}

CUresult cuStreamWriteValue64_v2(
	CUstream stream, CUdeviceptr addr, cuuint64_t value, unsigned int flags)
{
	return single(stream, CU_STREAM_MEM_OP_WRITE_VALUE_64, addr, value, flags);
}

CUresult cuStreamBatchMemOp_v2(
	CUstream stream, unsigned int count, CUstreamBatchMemOpParams *ops, unsigned int flags)
{
	return batch(stream, count, ops, flags);
}
