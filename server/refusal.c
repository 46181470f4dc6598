/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The results nearest to what a local driver would say in the same case.
 */
#include "refusal.h"

#include "cuda_types.h"

static const int cuda_results[] = {
	[REFUSAL_VERSION] = CUDA_ERROR_SYSTEM_DRIVER_MISMATCH,
	[REFUSAL_MALFORMED] = CUDA_ERROR_UNKNOWN,
	[REFUSAL_NO_DEVICE] = CUDA_ERROR_NO_DEVICE,
	[REFUSAL_BUSY] = CUDA_ERROR_DEVICE_UNAVAILABLE,
	[REFUSAL_INTERNAL] = CUDA_ERROR_SYSTEM_NOT_READY,
};

/* Numbers of nvml.h: LIB_RM_VERSION_MISMATCH, UNKNOWN, DRIVER_NOT_LOADED, INSUFFICIENT_RESOURCES.
 */
static const int nvml_results[] = {
	[REFUSAL_VERSION] = 18,
	[REFUSAL_MALFORMED] = 999,
	[REFUSAL_NO_DEVICE] = 9,
	[REFUSAL_BUSY] = 23,
	[REFUSAL_INTERNAL] = 999,
};

int refusal_result(Control__SessionKind kind, enum refusal why)
{
	return kind == CONTROL__SESSION_KIND__NVML ? nvml_results[why] : cuda_results[why];
}
