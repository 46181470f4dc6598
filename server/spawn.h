/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a worker process.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

/*
 * Run this program again with @argv and @environment, in a session of its own
 * (a terminal's Ctrl-C is the supervisor's to hear), with the compat address
 * layout that keeps driver addresses out of where clients have their heaps,
 * and one end of a socket pair as WORKER_LINK_FD; its stdout is our stderr.
 * *link gets our end, which does not block. 0 or -errno; failure of the exec
 * itself shows as exit status 127.
 */
int spawn_worker(char *const argv[], char *const environment[], pid_t *pid, int *link);

/* Allow this process as many descriptors as it may have; workers get the limit back that was. */
void spawn_raise_limits(void);

#endif
