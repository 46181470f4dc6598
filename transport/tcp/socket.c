/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and sockets: resolving, listening, accepting, connecting within a
 * time limit. A host may have several addresses; connecting tries them in
 * order, and each gets its share of the time that is left, so that one which
 * swallows packets does not starve the next.
 */
#include "tcp/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum {
	HOST_MAX = 256,	     /* longer than any name that DNS can hold */
	KEEPALIVE_IDLE = 15, /* seconds */
	KEEPALIVE_INTERVAL = 5,
	KEEPALIVE_COUNT = 4,
};

/* "host:port" or "[host]:port", neither empty: no host would mean every address. */
static int split_address(const char *address, char host[HOST_MAX], const char **port)
{
	const char *start = address, *end;

	if (*address == '[') {
		start = address + 1;
		end = strchr(start, ']');
		if (!end || end[1] != ':')
			return -EINVAL;
		*port = end + 2;
	} else {
		end = strchr(address, ':');
		if (!end || strchr(end + 1, ':'))
			return -EINVAL;
		*port = end + 1;
	}
	if (!**port || end == start || end - start >= HOST_MAX)
		return -EINVAL;

	memcpy(host, start, end - start);
	host[end - start] = '\0';
	return 0;
}

static int resolve_error(int error)
{
	switch (error) {
	case EAI_SYSTEM:
		return errno ? -errno : -EIO;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_AGAIN:
		return -EHOSTUNREACH;
	case EAI_SERVICE:
	case EAI_BADFLAGS:
		return -EINVAL;
	default:
		return -ENOENT;
	}
}

/* The port must be a number: a service's name could mean one port here and another there. */
static int resolve(const char *address, int flags, struct addrinfo **out)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};
	char host[HOST_MAX];
	const char *port;
	int err;

	err = split_address(address, host, &port);
	if (err)
		return err;

	/* getaddrinfo takes 65536 for 0. */
	if (strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 ||
		strtoul(port, NULL, 10) > UINT16_MAX)
		return -EINVAL;

	err = getaddrinfo(host, port, &hints, out);
	return err ? resolve_error(err) : 0;
}

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/*
 * Buffer sizes stay the kernel's, which grows them by what the path needs; a
 * size of ours would be capped at a smaller limit. On loopback one stream ran
 * at 8.2 GB/s so, at 9.4 with 256 KiB and at 8.3 with 4 MiB. No
 * TCP_USER_TIMEOUT either: it would end sessions whose client is merely
 * stopped for a while.
 */
int tcp_socket_prepare(int fd)
{
	int err;

	err = set_nonblocking(fd, false);
	if (!err)
		err = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (!err)
		err = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (!err)
		err = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
	if (!err)
		err = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
	if (!err)
		err = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	return err;
}

static int name_address(int fd, char *out, size_t size)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char host[HOST_MAX], port[8];
	int n;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV))
		return -EIO;

	n = snprintf(out, size, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

/* Never a standard file: who closed those, as daemons do, may still write to them. */
static int open_socket(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
	int above, err;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	err = -errno;
	close(fd);
	return above < 0 ? err : above;
}

static int listen_at(const struct addrinfo *ai, char *bound, size_t size)
{
	int fd, err;

	fd = open_socket(ai);
	if (fd < 0)
		return fd;

	err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0))
		err = -errno;
	if (!err)
		err = name_address(fd, bound, size);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int tcp_socket_listen(const char *address, char *bound, size_t size)
{
	struct addrinfo *list, *ai;
	int fd;

	fd = resolve(address, AI_PASSIVE, &list);
	if (fd < 0)
		return fd;

	fd = -ENOENT;
	for (ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = listen_at(ai, bound, size);
	freeaddrinfo(list);
	return fd;
}

/* Errors of a connection that died in the queue; accept(2) lists them under "Error handling". */
static bool died_waiting(int error)
{
	return error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
	       error == ENETUNREACH || error == EHOSTUNREACH || error == ENOPROTOOPT;
}

int tcp_socket_accept(int listening_fd)
{
	int fd, err;

	do {
		fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || died_waiting(errno)));
	if (fd < 0)
		return -errno;

	err = tcp_socket_prepare(fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Wait for the end of a connect that was begun on @fd. */
static int wait_connected(int fd, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error, n;

	do {
		int64_t left = deadline - clock_ms();

		n = poll(&p, 1, left > 0 ? left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!n)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

/* On loopback, TCP's simultaneous open lets a socket whose port the kernel chose meet itself. */
static bool is_own_peer(int fd)
{
	struct sockaddr_storage a = {0}, b = {0};
	socklen_t an = sizeof(a), bn = sizeof(b);

	return !getsockname(fd, (struct sockaddr *)&a, &an) &&
	       !getpeername(fd, (struct sockaddr *)&b, &bn) && an == bn && !memcmp(&a, &b, an);
}

static int connect_to(const struct addrinfo *ai, int64_t deadline)
{
	int fd, err = 0;

	fd = open_socket(ai);
	if (fd < 0)
		return fd;

	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		err = errno == EINPROGRESS || errno == EINTR ? wait_connected(fd, deadline)
							     : -errno;
	if (!err && is_own_peer(fd))
		err = -ECONNREFUSED;
	if (!err)
		err = tcp_socket_prepare(fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int tcp_socket_connect(const char *address, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;
	struct addrinfo *list, *ai;
	int fd, left = 0;

	fd = resolve(address, 0, &list);
	if (fd < 0)
		return fd;

	for (ai = list; ai; ai = ai->ai_next)
		left++;
	fd = -ENOENT;
	for (ai = list; ai && fd < 0; ai = ai->ai_next) {
		int64_t now = clock_ms();

		fd = connect_to(ai, now < deadline ? now + (deadline - now) / left-- : now);
	}
	freeaddrinfo(list);
	return fd;
}
