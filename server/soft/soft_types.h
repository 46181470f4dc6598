/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's types and the prototypes of all functions that the library exports. */
#ifndef SOFT_TYPES_H
#define SOFT_TYPES_H

#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <cudaProfiler.h>

#endif
