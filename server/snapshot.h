/* SPDX-License-Identifier: Apache-2.0 */
/* What a client is told once about the server's devices. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "control.h"

/* Fill the welcome's device list, driver version and memory limit. The memory is the process's.
 * -EIO when the driver refuses what it must know. */
int snapshot_fill(Control__Welcome *welcome);

#endif
