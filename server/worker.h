/* SPDX-License-Identifier: Apache-2.0 */
/* The process that serves one session: `gpuserverd --worker`. */
#ifndef WORKER_H
#define WORKER_H

/* --driver NAME, --log LEVEL, --nvml; the supervisor's link is WORKER_LINK_FD. An exit status. */
int worker_main(int argc, char **argv);

#endif
