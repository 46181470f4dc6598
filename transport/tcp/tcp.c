/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection over TCP: a blocking socket, and per half a ring that is mapped
 * at its first use, since bulk lanes and connections that are only handed on
 * never need one.
 *
 * How it ends: any error of the socket is the end of the stream, told as
 * -EPIPE. A failed send ends only the sending half: what the peer sent before
 * it went is still received. End of stream on the receiving half ends both.
 */
#include "tcp/tcp.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "ring.h"

enum {
	SEND_BATCH = 64,	  /* pieces in one system call */
	SEND_RESTART = 64 << 10, /* bytes of the sending ring that are used over and over */
};

struct tcp_connection {
	struct connection base;
	int fd;
	/* Only ever set. Written by interrupt and by the half that finds out, read by both; no
	 * data depends on them, so relaxed order does. */
	atomic_bool send_over;
	atomic_bool recv_over;
	atomic_bool interrupted;
	pthread_mutex_t sending; /* removing from the first of these, and the socket's sending half */
	struct ring out;	 /* committed, not sent */
	struct ring in;		 /* received, not consumed */
};

static struct tcp_connection *tcp(struct connection *c)
{
	return (struct tcp_connection *)c;
}

static bool is_set(const atomic_bool *flag)
{
	return atomic_load_explicit(flag, memory_order_relaxed);
}

static void set(atomic_bool *flag)
{
	atomic_store_explicit(flag, true, memory_order_relaxed);
}

/* Takes ownership of @fd on success only. */
static int tcp_create(int fd, struct connection **out)
{
	struct tcp_connection *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->base.ops = &tcp_transport;
	t->fd = fd;
	/* Held for a system call, which is over before a thread would be asleep. */
	t->sending = (pthread_mutex_t)PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
	*out = &t->base;
	return 0;
}

/* @fd: a new socket or -errno. */
static int create_or_close(int fd, struct connection **out)
{
	int err;

	if (fd < 0)
		return fd;
	err = tcp_create(fd, out);
	if (err)
		close(fd);
	return err;
}

static int tcp_accept(int listening_fd, struct connection **out)
{
	return create_or_close(tcp_socket_accept(listening_fd), out);
}

static int tcp_connect(const char *address, int timeout_ms, struct connection **out)
{
	return create_or_close(tcp_socket_connect(address, timeout_ms), out);
}

static int tcp_adopt(int fd, struct connection **out)
{
	int err;

	err = tcp_socket_prepare(fd);
	return err ? err : tcp_create(fd, out);
}

static void tcp_free(struct tcp_connection *t)
{
	ring_fini(&t->out);
	ring_fini(&t->in);
	pthread_mutex_destroy(&t->sending);
	free(t);
}

static int tcp_detach(struct connection *c)
{
	struct tcp_connection *t = tcp(c);
	int fd = t->fd;

	if (ring_used(&t->in) || ring_used(&t->out))
		return -EBUSY;
	tcp_free(t);
	return fd;
}

/* Send @iov, which is used up, blocking. */
static int send_pieces(struct tcp_connection *t, struct iovec *iov, int count, int flags)
{
	while (count) {
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = count};
		ssize_t n = sendmsg(t->fd, &m, MSG_NOSIGNAL | flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			set(&t->send_over);
			return -EPIPE;
		}
		while (count && (size_t)n >= iov->iov_len) {
			n -= iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= n;
		}
	}
	return 0;
}

/* Called with the lock held. */
static int send_all(struct tcp_connection *t, const struct iovec *iov, int count)
{
	struct iovec pieces[SEND_BATCH];
	size_t used = ring_used(&t->out);
	int n = 0, err;

	if (is_set(&t->send_over))
		return -EPIPE;

	if (used)
		pieces[n++] = (struct iovec){ring_data(&t->out), used};
	do {
		while (count && n < SEND_BATCH) {
			pieces[n++] = *iov++;
			count--;
		}
		err = send_pieces(t, pieces, n, count ? MSG_MORE : 0);
		n = 0;
	} while (!err && count);

	if (!err)
		ring_remove(&t->out, used);
	return err;
}

static int tcp_send(struct connection *c, const struct iovec *iov, int count)
{
	struct tcp_connection *t = tcp(c);
	int err;

	pthread_mutex_lock(&t->sending);
	err = send_all(t, iov, count);
	pthread_mutex_unlock(&t->sending);
	return err;
}

static void restart(struct tcp_connection *t)
{
	if (pthread_mutex_trylock(&t->sending))
		return;
	ring_restart(&t->out);
	pthread_mutex_unlock(&t->sending);
}

static void *tcp_reserve(struct connection *c, size_t size)
{
	struct tcp_connection *t = tcp(c);

	assert(size <= TRANSPORT_BUFFER / 2);
	if (is_set(&t->send_over))
		return NULL;
	if (!t->out.base && ring_init(&t->out, TRANSPORT_BUFFER)) {
		set(&t->send_over);
		return NULL;
	}
	if (ring_data(&t->out) - t->out.base > SEND_RESTART && !ring_used(&t->out))
		restart(t);
	if (ring_room(&t->out) < size && tcp_send(c, NULL, 0))
		return NULL;
	return ring_end(&t->out);
}

static void tcp_commit(struct connection *c, size_t size)
{
	ring_add(&tcp(c)->out, size);
}

/* What the socket's receive call returned: @n > 0, -EAGAIN, or the end. */
static ssize_t received(struct tcp_connection *t, ssize_t n)
{
	if (n > 0)
		return n;
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	set(&t->recv_over);
	set(&t->send_over);
	return -EPIPE;
}

/* Move what has arrived into the ring. */
static int fill(struct tcp_connection *t)
{
	ssize_t n = received(t, recv(t->fd, ring_end(&t->in), ring_room(&t->in), MSG_DONTWAIT));

	if (n < 0)
		return n;
	ring_add(&t->in, n);
	return 0;
}

/* Sleep until something arrives or the peer goes, at most @us. */
static void sleep_readable(struct tcp_connection *t, int64_t us)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	struct timespec limit = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	ppoll(&p, 1, us == TRANSPORT_FOREVER ? NULL : &limit, NULL);
}

/* Fill the ring until it holds @want bytes. */
static int wait_filled(struct tcp_connection *t, size_t want, int spin_us, int timeout_us)
{
	int64_t start = 0, left;
	int err;

	for (;;) {
		err = fill(t);
		if (ring_used(&t->in) >= want)
			return 0;
		if (err == -EPIPE)
			return err;
		if (!spin_us && !timeout_us) {
			if (err)
				return err;
			continue; /* more may be there already */
		}
		if (!start)
			start = clock_us();
		if (clock_us() - start < spin_us)
			continue;
		left = TRANSPORT_FOREVER;
		if (timeout_us != TRANSPORT_FOREVER) {
			left = start + spin_us + timeout_us - clock_us();
			if (left <= 0 && err)
				return err;
		}
		if (err)
			sleep_readable(t, left);
	}
}

static ssize_t tcp_peek(
	struct connection *c, size_t want, int spin_us, int timeout_us, const void **out)
{
	struct tcp_connection *t = tcp(c);
	int err;

	assert(want <= TRANSPORT_BUFFER / 2);
	if (is_set(&t->interrupted))
		return -EPIPE;
	if (ring_used(&t->in) < want || !ring_used(&t->in)) {
		if (is_set(&t->recv_over))
			return -EPIPE;
		if (!t->in.base) {
			err = ring_init(&t->in, TRANSPORT_BUFFER);
			if (err)
				return err;
		}
		err = wait_filled(t, want, spin_us, timeout_us);
		if (err)
			return is_set(&t->interrupted) ? -EPIPE : err;
	}
	*out = ring_data(&t->in);
	return ring_used(&t->in);
}

static void tcp_consume(struct connection *c, size_t size)
{
	struct ring *in = &tcp(c)->in;

	ring_remove(in, size);
	ring_restart(in);
}

static int tcp_recv(struct connection *c, void *buffer, size_t size)
{
	struct tcp_connection *t = tcp(c);
	size_t have = ring_used(&t->in) < size ? ring_used(&t->in) : size;
	char *p = buffer;

	if (is_set(&t->interrupted))
		return -EPIPE;
	if (have) {
		memcpy(p, ring_data(&t->in), have);
		tcp_consume(c, have);
	}
	while (have < size) {
		ssize_t n;

		if (is_set(&t->recv_over))
			return -EPIPE;
		n = received(t, recv(t->fd, p + have, size - have, MSG_WAITALL));
		if (n > 0)
			have += n;
	}
	return 0;
}

static void tcp_interrupt(struct connection *c)
{
	struct tcp_connection *t = tcp(c);

	set(&t->interrupted);
	set(&t->send_over);
	set(&t->recv_over);
	/* After the flags: whoever wakes up finds them. */
	shutdown(t->fd, SHUT_RDWR);
}

static void tcp_close(struct connection *c)
{
	close(tcp(c)->fd);
	tcp_free(tcp(c));
}

const struct transport tcp_transport = {
	.scheme = "tcp",
	.listen = tcp_socket_listen,
	.accept = tcp_accept,
	.connect = tcp_connect,
	.detach = tcp_detach,
	.adopt = tcp_adopt,
	.reserve = tcp_reserve,
	.commit = tcp_commit,
	.send = tcp_send,
	.peek = tcp_peek,
	.consume = tcp_consume,
	.recv = tcp_recv,
	.interrupt = tcp_interrupt,
	.close = tcp_close,
};
