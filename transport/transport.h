/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a transport does for a session: ordered, reliable streams of bytes.
 *
 * A session uses one command connection (frames, both directions), one side
 * connection and some bulk lanes. Nobody outside transport/ knows which
 * transport a connection speaks. Transports know no CUDA and never log; they
 * return -errno. Loss of the peer is -EPIPE, and stays so: the sending half
 * tells it as soon as it is known, the receiving half after everything that
 * had arrived before.
 *
 * Threads: per connection, one thread at a time may reserve and commit, while
 * any send; and one may use the receiving half (peek, consume, recv). The halves
 * are independent. close and detach are called when no thread uses either;
 * interrupt may be called from any thread at any time before close.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct transport;

/* First member of every transport's own connection. */
struct connection {
	const struct transport *ops;
};

enum {
	TRANSPORT_FOREVER = -1,
	TRANSPORT_BUFFER = 4 << 20, /* bytes of the sending and of the receiving ring, each */
};

struct transport {
	const char *scheme; /* "tcp" */

	/* Listen at "host:port" (port 0: any; no host: not an address, so that a variable that is
	 * not set never means every address); a pollable fd, owned by the caller. @bound (of @size
	 * bytes) gets the address in the form that connect takes. -EINVAL: not such an address;
	 * -ENOENT: no such host. */
	int (*listen)(const char *address, char *bound, size_t size);

	/* Accept one connection from a listening fd; -EAGAIN when none waits. */
	int (*accept)(int listening_fd, struct connection **out);

	/* Connect to "host:port" within @timeout_ms, trying all of the host's addresses.
	 * -ETIMEDOUT, -ECONNREFUSED, ... of the last one; -EINVAL and -ENOENT as for listen. */
	int (*connect)(const char *address, int timeout_ms, struct connection **out);

	/* Give the connection up as a descriptor that this or another process can adopt; the
	 * connection is gone then. Everything committed must have been sent; bytes received but
	 * not consumed are an error (-EBUSY, and nothing changed), so the acceptor must read no
	 * further than it consumes: see recv. Until it is adopted the descriptor is a stream
	 * socket with the peer at its other end, for an acceptor that does its own reading.
	 * adopt takes ownership of @fd on success only. */
	int (*detach)(struct connection *c);
	int (*adopt)(int fd, struct connection **out);

	/* Room for @size contiguous bytes (at most TRANSPORT_BUFFER / 2) in the sending ring.
	 * Blocks while the ring is full, sending what was committed meanwhile. NULL once the peer
	 * is gone. The bytes are the caller's to write until commit. */
	void *(*reserve)(struct connection *c, size_t size);

	/* The first @size bytes of the room follow in the stream. Does not send. */
	void (*commit)(struct connection *c, size_t size);

	/* Send all that was committed, then @iov (which may be empty), blocking. The buffers are
	 * the caller's again on return. 0 or -EPIPE. */
	int (*send)(struct connection *c, const struct iovec *iov, int count);

	/* Wait until at least @want bytes (at most TRANSPORT_BUFFER / 2) are in the receiving ring
	 * and give a pointer to all of them, contiguous; the number is returned. Spins for
	 * @spin_us first, then sleeps up to @timeout_us (TRANSPORT_FOREVER: no limit; both 0: looks
	 * once). -EAGAIN on timeout, -EPIPE when the peer is gone or interrupt was called. The
	 * bytes stay until the next consume or recv. They may still change if the peer shares the
	 * memory: copy before you check. */
	ssize_t (*peek)(
		struct connection *c, size_t want, int spin_us, int timeout_us, const void **out);
	void (*consume)(struct connection *c, size_t size);

	/* Receive exactly @size bytes into @buffer: first what the ring holds, then straight from
	 * the wire; never reads more than @size from the wire. 0 or -EPIPE. */
	int (*recv)(struct connection *c, void *buffer, size_t size);

	/* End both directions now: every blocked and later call returns -EPIPE. */
	void (*interrupt)(struct connection *c);

	/* What was sent may be lost when the peer's bytes were not all received: who must be sure
	 * lets the peer close first, and receives until -EPIPE. */
	void (*close)(struct connection *c);
};

/* The transport of "[scheme://]rest", tcp by default, with *rest set; NULL if there is none. */
const struct transport *transport_find(const char *url, const char **rest);

/* "host", "host:port" or an IPv6 address, in brackets or not, as the "host:port" that listen and
 * connect take, with @port where none is given. -EINVAL when a bracket is missing, or when it does
 * not fit. */
int transport_address(const char *address, const char *port, char *out, size_t size);

#endif
