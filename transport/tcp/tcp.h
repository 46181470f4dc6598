/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes over TCP. tcp.c moves them, socket.c makes sockets.
 */
#ifndef TCP_H
#define TCP_H

#include <stddef.h>

#include "transport.h"

extern const struct transport tcp_transport;

/* New sockets, blocking and close-on-exec (the listening one does not block), or -errno: -EINVAL
 * for an address that is not "host:port", -ENOENT when there is no such host. */
int tcp_socket_listen(const char *address, char *bound, size_t size);
int tcp_socket_accept(int listening_fd);
int tcp_socket_connect(const char *address, int timeout_ms);

/* What every connected socket of ours has set. -errno when @fd is no such socket. */
int tcp_socket_prepare(int fd);

#endif
