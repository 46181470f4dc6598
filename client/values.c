/* SPDX-License-Identifier: Apache-2.0 */
/* See values.h. What is wrong with a wait is found later; what it has set does not harm then. */
#include "values.h"

#include "client_calls.h"

_Atomic bool values_were_awaited;

CUresult value_await(void)
{
	atomic_store_explicit(&values_were_awaited, true, memory_order_release);
	return CUDA_SUCCESS;
}

CUresult values_await(unsigned int count, CUstreamBatchMemOpParams *operations)
{
	for (unsigned int i = 0; operations && i < count; i++) {
		if (operations[i].operation == CU_STREAM_MEM_OP_WAIT_VALUE_32 ||
			operations[i].operation == CU_STREAM_MEM_OP_WAIT_VALUE_64)
			return value_await();
	}
	return CUDA_SUCCESS;
}

CUresult values_node_await(const CUDA_BATCH_MEM_OP_NODE_PARAMS *node)
{
	return node ? values_await(node->count, node->paramArray) : CUDA_SUCCESS;
}
