/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the supervisor and one worker: a unix SOCK_SEQPACKET pair, at the
 * worker on descriptor 3. Assign goes to the worker, beside the descriptor of
 * a connection that becomes the worker's; Report comes back. When either side
 * ends, the other reads end of file: a worker without a session exits then,
 * one with a session goes on.
 */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include <stddef.h>
#include <sys/types.h>

#include "control.h"

enum {
	WORKER_LINK_FD = 3,
	WORKER_LINK_MAX = CONTROL_MAX + 4096, /* an Assign holds a Hello */
};

/* Send a message, with @fd beside it unless it is -1; @fd stays the caller's to close.
 * -EAGAIN when the link does not block and is full, -EPIPE when the other side is gone. */
int worker_link_send(int link, const ProtobufCMessage *message, int fd);

/* Receive one message's bytes into @buffer (WORKER_LINK_MAX of them) and the descriptor beside it,
 * -1 if there is none; close-on-exec, the caller's. The number of bytes, 0 at end of file (no
 * message is empty), -EAGAIN when the link does not block and nothing is there. */
ssize_t worker_link_recv(int link, void *buffer, int *fd);

#endif
