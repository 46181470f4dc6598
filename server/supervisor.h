/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpuserverd's main process: lets clients in, gives each session a worker
 * process, and outlives whatever happens to any of them. It never touches the
 * driver.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <stdint.h>

#include "options.h"

/* Serve until SIGTERM or SIGINT, then end all workers. The hashes are those of the specs that
 * this program was built from, NVML's 0 when it serves none. 0, or -errno, with the reason logged,
 * when serving could not begin: an address is none (-EINVAL) or not to be had, or the driver cannot
 * be loaded. */
int supervisor_run(const struct options *options, uint64_t cuda_hash, uint64_t nvml_hash);

#endif
