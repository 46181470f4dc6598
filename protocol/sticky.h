/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results that natively end a context: work in it failed on the device, and
 * whatever is called there from then on answers the same.
 */
#ifndef STICKY_H
#define STICKY_H

#include <stdbool.h>

#include "cuda_types.h"

/* CUDA driver API, CUresult. It takes any number: it may come from the peer. */
static inline bool result_is_sticky(CUresult r)
{
	switch (r) {
	case CUDA_ERROR_ECC_UNCORRECTABLE:
	case CUDA_ERROR_ILLEGAL_ADDRESS:
	case CUDA_ERROR_LAUNCH_TIMEOUT:
	case CUDA_ERROR_ASSERT:
	case CUDA_ERROR_HARDWARE_STACK_ERROR:
	case CUDA_ERROR_ILLEGAL_INSTRUCTION:
	case CUDA_ERROR_MISALIGNED_ADDRESS:
	case CUDA_ERROR_INVALID_ADDRESS_SPACE:
	case CUDA_ERROR_INVALID_PC:
	case CUDA_ERROR_LAUNCH_FAILED:
		return true;
	default:
		return false;
	}
}

#endif
