/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of the values that go with attributes, for the types that are `sized` in
 * the spec. They take any number: it may come from the peer.
 */
#ifndef SIZES_H
#define SIZES_H

#include "cuda_types.h"

static inline uint64_t size_of_CUmemPool_attribute(uint64_t attribute)
{
	switch (attribute) {
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
	case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
	case CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
	case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
	case CU_MEMPOOL_ATTR_USED_MEM_HIGH:
		return sizeof(cuuint64_t);
	default:
		return sizeof(int);
	}
}

#endif
