/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls that are answered here share. */
#ifndef LOCAL_H
#define LOCAL_H

#include "nvml_types.h"

/* A list of processes for a caller that has checked nothing: empty. */
nvmlReturn_t local_processes(nvmlDevice_t device, unsigned int *count);

#endif
