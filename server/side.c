/* SPDX-License-Identifier: Apache-2.0 */
/* See side.h. The supervisor may end and the session goes on; without its client it does not. */
#include "side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bulk.h"
#include "control.h"
#include "hostfunc.h"
#include "log.h"
#include "mirror.h"
#include "thread.h"
#include "worker_link.h"

enum {
	SIDE_FRAME_MAX = 64 << 10,
	SIDE_COME_S = 30,  /* time for the side connection to come */
	END_STILLS = 10,
	STILL_US = 300000, /* a dispatcher without progress so long is held in the driver */
};

struct side {
	struct session *session;
	struct connection *_Atomic connection;
	uint64_t received;
	_Atomic uint64_t wrote; /* for mirrors */
};

static struct side side;

/* The client is gone. The dispatcher sees it too, after the frames that came before, unless the
 * driver holds it. */
_Noreturn static void side_ended(struct session *s, const char *why)
{
	uint64_t before = UINT64_MAX;
	unsigned still = 0;

	/* One that ends takes 2 s, unless the driver holds it too. */
	for (;;) {
		uint64_t now = atomic_load(&s->progress);

		still = now == before ? still + 1 : 0;
		if (still > (atomic_load(&s->ending) ? END_STILLS : 0))
			session_gone(s, why);
		before = now;
		usleep(STILL_US);
	}
}

static void side_frame(struct side *d, const struct frame *f, const uint8_t *payload)
{
	struct cursor in = {payload, payload + f->size - sizeof(*f), false};
	uint64_t id = get_u64(&in), size;
	const uint8_t *bytes;

	switch (f->opcode) {
	case FRAME_HEARTBEAT:
		break;
	case FRAME_HOST_DONE:
		hostfunc_done(d->session, id);
		break;
	case FRAME_HOST_BYTES:
		size = get_u64(&in);
		bytes = get_bytes(&in, size);
		if (bytes)
			hostfunc_bytes(d->session, id, bytes, size);
		break;
	case FRAME_MIRROR_WRITE:
		size = get_u64(&in);
		bytes = get_bytes(&in, size);
		if (bytes)
			mirror_write(d->session, id, bytes, size);
		atomic_fetch_add_explicit(&d->wrote, 1, memory_order_release);
		break;
	default:
		in.bad = true;
	}
	if (in.bad)
		session_fatal(d->session, CUDA_ERROR_INVALID_VALUE,
			"the side connection carries a malformed frame");
}

/* Pairs with the release in side_frame. */
bool side_wrote(uint64_t count)
{
	return atomic_load_explicit(&side.wrote, memory_order_acquire) >= count;
}

/* One frame; the time without one is limited. */
static ssize_t side_receive(struct side *d)
{
	struct connection *c = d->connection;
	const struct transport *t = c->ops;
	static uint64_t frame[SIDE_FRAME_MAX / 8];
	const void *data;
	struct frame f;
	ssize_t n;

	n = t->peek(c, sizeof(f), 0, SESSION_HEARTBEAT_S * 1000000, &data);
	if (n < 0)
		return n;
	memcpy(&f, data, sizeof(f));
	if (f.size < sizeof(f) || f.size > SIDE_FRAME_MAX || f.size % 8 || f.seq != d->received + 1)
		session_fatal(d->session, CUDA_ERROR_INVALID_VALUE,
			"the side connection carries a malformed frame");
	n = t->peek(c, f.size, 0, SESSION_HEARTBEAT_S * 1000000, &data);
	if (n < 0)
		return n;
	memcpy(frame, data, f.size);
	t->consume(c, f.size);
	d->received = f.seq;
	side_frame(d, &f, (const uint8_t *)frame + sizeof(f));
	return 0;
}

static void *side_main(void *arg)
{
	struct side *d = arg;
	ssize_t err;

	do {
		err = side_receive(d);
	} while (!err);
	side_ended(d->session, err == -EAGAIN ? "the client is silent" : "the client is gone");
}

int side_attach(struct session *s, struct connection *c)
{
	if (side.connection)
		return -EEXIST;
	side.session = s;
	side.connection = c;
	if (thread_start(side_main, &side))
		session_fatal(s, CUDA_ERROR_OUT_OF_MEMORY, "the server is out of memory");
	return 0;
}

/* Takes ownership of @fd. */
static int adopt(struct session *s, const Control__Assign *assign, int fd)
{
	struct connection *c;
	char url[64];
	const char *rest;
	const struct transport *t;
	int err;

	snprintf(url, sizeof(url), "%s://", assign->scheme);
	t = transport_find(url, &rest);
	err = t ? t->adopt(fd, &c) : -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	if (assign->role == CONTROL__ROLE__SIDE)
		err = side_attach(s, c);
	else if (assign->role == CONTROL__ROLE__BULK)
		err = bulk_attach(s, assign->lane, c);
	else
		err = -EINVAL;
	if (err)
		t->close(c);
	return err;
}

struct link {
	struct session *session;
	int fd;
};

static void *link_main(void *arg)
{
	static uint8_t buffer[WORKER_LINK_MAX];
	struct link *l = arg;
	int fd;

	for (;;) {
		ssize_t n = worker_link_recv(l->fd, buffer, &fd);
		Control__Assign *assign = NULL;
		int err = -EPROTO;

		if (n <= 0 && n != -EMSGSIZE)
			break;
		if (n > 0 && fd >= 0) {
			assign = control__assign__unpack(NULL, n, buffer);
			if (assign)
				err = adopt(l->session, assign, fd);
			else
				close(fd);
		}
		if (err)
			log_warn("a connection was not taken: %s", strerror(-err));
		if (assign)
			control__assign__free_unpacked(assign, NULL);
	}
	return NULL;
}

/* A client that never opens its side connection would never be found dead. */
static void *come_main(void *arg)
{
	sleep(SIDE_COME_S);
	if (!side.connection)
		session_gone(arg, "the side connection did not come");
	return NULL;
}

int side_start(struct session *s, int link)
{
	static struct link l;
	int err;

	l = (struct link){s, link};
	err = thread_start(link_main, &l);
	return err ? err : thread_start(come_main, s);
}
