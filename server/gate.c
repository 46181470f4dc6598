/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening and accepting; visitor.c reads what comes. Under a flood of
 * silent connections the oldest give way, so that a client that speaks at once
 * always gets through.
 */
#include "gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport.h"
#include "visitor.h"

enum {
	GATE_MAX = 512,	 /* visitors; with a hello of CONTROL_MAX each: 32 MiB */
	GATE_BURST = 64, /* accepted before others get their turn */
	GATE_REST_MS = 100,
};

struct listener {
	SLIST_ENTRY(listener) link;
	struct gate *gate;
	const struct transport *transport;
	int fd;
	uv_poll_t poll;
};

static void evict_oldest(struct gate *g, const char *why)
{
	struct visitor *v = TAILQ_FIRST(&g->visitors);
	struct log_subject about = {.peer = v->peer};

	log_line(LOG_WARN, &about, "dropped before it said who it is: %s", why);
	visitor_drop(v);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void listen_again(struct gate *g)
{
	struct listener *l;

	SLIST_FOREACH(l, &g->listeners, link)
		uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

static void on_rested(uv_timer_t *timer)
{
	struct gate *g = timer->data;

	g->resting = false;
	listen_again(g);
}

/* Descriptors or memory ran out: a readable listener would keep the loop busy. */
static void rest(struct gate *g, int err)
{
	struct listener *l;

	if (!TAILQ_EMPTY(&g->visitors)) {
		evict_oldest(g, strerror(-err));
		return;
	}
	if (g->resting)
		return;
	log_error("cannot accept connections: %s", strerror(-err));
	SLIST_FOREACH(l, &g->listeners, link)
		uv_poll_stop(&l->poll);
	uv_timer_start(&g->rest, on_rested, GATE_REST_MS, 0);
	g->resting = true;
}

/* False when nothing more can be accepted now. */
static bool accept_one(struct listener *l)
{
	struct connection *c;
	int fd, err;

	err = l->transport->accept(l->fd, &c);
	if (err == -EAGAIN)
		return false;
	if (err) {
		rest(l->gate, err);
		return false;
	}
	fd = l->transport->detach(c);
	if (fd < 0) {
		l->transport->close(c);
		return true;
	}
	if (l->gate->count >= GATE_MAX)
		evict_oldest(l->gate, "too many connections at once");
	err = visitor_create(l->gate, fd, l->transport->scheme);
	if (err) {
		log_error("cannot accept a connection: %s", strerror(-err));
		close(fd);
	}
	return true;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	int i;

	for (i = 0; i < GATE_BURST && accept_one(l); i++)
		;
}

int gate_init(struct gate *g, uv_loop_t *loop, const struct gate_events *events, void *owner)
{
	*g = (struct gate){.loop = loop, .events = events, .owner = owner};
	TAILQ_INIT(&g->visitors);
	SLIST_INIT(&g->listeners);
	g->rest.data = g;
	return uv_timer_init(loop, &g->rest);
}

static int open_listener(struct listener *l, const char *rest, char *url, size_t size)
{
	char address[300], bound[128];
	int err, n;

	err = transport_address(rest, CONTROL_PORT, address, sizeof(address));
	if (err)
		return err;
	l->fd = l->transport->listen(address, bound, sizeof(bound));
	if (l->fd < 0)
		return l->fd;
	n = snprintf(url, size, "%s://%s", l->transport->scheme, bound);
	err = n < 0 || (size_t)n >= size ? -ENOSPC : uv_poll_init(l->gate->loop, &l->poll, l->fd);
	if (err)
		close(l->fd);
	return err;
}

int gate_listen(struct gate *g, const char *address, char *url, size_t size)
{
	struct listener *l = calloc(1, sizeof(*l));
	const char *rest;
	int err;

	if (!l)
		return -ENOMEM;
	l->gate = g;
	l->poll.data = l;
	l->transport = transport_find(address, &rest);
	err = l->transport ? open_listener(l, rest, url, size) : -EINVAL;
	if (err) {
		free(l);
		return err;
	}
	SLIST_INSERT_HEAD(&g->listeners, l, link);
	return uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

void gate_close(struct gate *g)
{
	struct listener *l;

	SLIST_FOREACH(l, &g->listeners, link) {
		uv_close((uv_handle_t *)&l->poll, NULL);
		close(l->fd);
	}
	uv_close((uv_handle_t *)&g->rest, NULL);
	while (!TAILQ_EMPTY(&g->visitors))
		visitor_drop(TAILQ_FIRST(&g->visitors));
}

void gate_fini(struct gate *g)
{
	while (!SLIST_EMPTY(&g->listeners)) {
		struct listener *l = SLIST_FIRST(&g->listeners);

		SLIST_REMOVE_HEAD(&g->listeners, link);
		free(l);
	}
}
