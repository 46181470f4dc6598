/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See visitor.h. Reads never go past the part that is being read: the socket
 * may become a worker's at any part's end.
 */
#include "visitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "refusal.h"
#include "wire.h"

enum {
	VISITOR_DEADLINE_MS = 10000, /* from accept to the last byte of the hello */
	VISITOR_LINGER_MS = 1000,    /* after a refusal */
	VISITOR_LIST_MAX = 256,      /* of anything in a hello, which is kept while it waits */
};

static void name_peer(struct visitor *v)
{
	struct sockaddr_storage a;
	socklen_t size = sizeof(a);
	char host[INET6_ADDRSTRLEN];

	snprintf(v->peer, sizeof(v->peer), "local");
	if (getpeername(v->fd, (struct sockaddr *)&a, &size) < 0)
		return;
	if (a.ss_family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&a;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(v->peer, sizeof(v->peer), "%s:%d", host, ntohs(in->sin_port));
	} else if (a.ss_family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(v->peer, sizeof(v->peer), "[%s]:%d", host, ntohs(in6->sin6_port));
	}
}

static void visitor_log(const struct visitor *v, enum log_level level, const char *text)
{
	struct log_subject about = {.peer = v->peer};

	log_line(level, &about, "%s", text);
}

static void enlist(struct visitor *v)
{
	TAILQ_INSERT_TAIL(&v->gate->visitors, v, link);
	v->gate->count++;
}

static void delist(struct visitor *v)
{
	TAILQ_REMOVE(&v->gate->visitors, v, link);
	v->gate->count--;
}

static void on_closed(uv_handle_t *handle)
{
	struct visitor *v = handle->data;

	if (--v->handles)
		return;
	free(v->body);
	free(v);
}

void visitor_drop(struct visitor *v)
{
	if (v->state != VISITOR_WAITING)
		delist(v);
	v->state = VISITOR_CLOSED;
	uv_close((uv_handle_t *)&v->poll, on_closed);
	uv_close((uv_handle_t *)&v->timer, on_closed);
	close(v->fd);
}

static void on_late(uv_timer_t *timer)
{
	struct visitor *v = timer->data;

	if (v->state != VISITOR_REFUSED)
		visitor_log(v, LOG_WARN, "dropped: it did not say who it is in time");
	visitor_drop(v);
}

/* The answer fits any socket's empty buffer, so it is sent at once or never. */
static void send_refusal(struct visitor *v, int result, const char *text)
{
	Control__Refusal refusal = CONTROL__REFUSAL__INIT;
	Control__Answer answer = CONTROL__ANSWER__INIT;
	uint8_t *bytes;
	size_t size;

	refusal.result = result;
	refusal.text = (char *)text;
	answer.refusal = &refusal;
	if (control_pack(&answer.base, &bytes, &size))
		return;
	if (send(v->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size)
		visitor_log(v, LOG_DEBUG, "the refusal could not be sent");
	free(bytes);
	shutdown(v->fd, SHUT_WR);
}

static void on_event(uv_poll_t *poll, int status, int events);

void visitor_refuse(struct visitor *v, int result, const char *text)
{
	struct log_subject about = {.peer = v->peer};

	log_line(LOG_WARN, &about, "refused with result %d: %s", result, text);
	send_refusal(v, result, text);
	if (v->state == VISITOR_WAITING)
		enlist(v);
	v->state = VISITOR_REFUSED;
	uv_timer_start(&v->timer, on_late, VISITOR_LINGER_MS, 0);
	uv_poll_start(&v->poll, UV_READABLE, on_event);
}

/* Fill @part of @size bytes. 1 when it is complete, 0 when more must come, -errno at the end. */
static int read_part(struct visitor *v, void *part, size_t size)
{
	ssize_t n;

	while (v->have < size) {
		n = recv(v->fd, (char *)part + v->have, size - v->have, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		v->have += n;
	}
	v->have = 0;
	return 1;
}

static void refuse_version(struct visitor *v, unsigned version)
{
	char text[256];

	snprintf(text, sizeof(text),
		"server speaks protocol version %d, client version %u: use matching releases of "
		"RemoteGPU on both (the server has " RELEASE ")",
		WIRE_VERSION, version);
	visitor_refuse(v, refusal_result(CONTROL__SESSION_KIND__CUDA, REFUSAL_VERSION), text);
}

static void after_prelude(struct visitor *v)
{
	int err = prelude_check(&v->prelude);
	bool command = v->prelude.role == PRELUDE_COMMAND;

	if (err == -EPROTONOSUPPORT && command) {
		refuse_version(v, v->prelude.version);
	} else if (err) {
		visitor_log(v, LOG_WARN, "dropped: what it sends is not this protocol");
		visitor_drop(v);
	} else if (command) {
		v->state = VISITOR_LENGTH;
	} else {
		v->gate->events->join(v->gate->owner, v, &v->prelude);
	}
}

static void refuse_malformed(struct visitor *v, const char *text)
{
	visitor_refuse(v, refusal_result(CONTROL__SESSION_KIND__CUDA, REFUSAL_MALFORMED), text);
}

static void after_length(struct visitor *v)
{
	if (control_size(v->length, &v->size)) {
		refuse_malformed(v, "the first message is longer than any hello may be");
		return;
	}
	v->body = malloc(v->size + 1);
	if (!v->body) {
		visitor_refuse(v, refusal_result(CONTROL__SESSION_KIND__CUDA, REFUSAL_INTERNAL),
			"the server is out of memory");
		return;
	}
	v->state = VISITOR_HELLO;
}

/* Whether client and server were built from the same spec; refuses if not. */
static bool check_spec(struct visitor *v, const Control__Hello *h)
{
	uint64_t ours = v->gate->spec_hash[h->kind];
	char text[320];

	if (!ours) {
		visitor_refuse(v, refusal_result(h->kind, REFUSAL_NO_DEVICE),
			"this server does not serve NVML");
		return false;
	}
	if (h->spec_hash == ours)
		return true;
	snprintf(text, sizeof(text),
		"server (release " RELEASE ", calls %016" PRIx64
		") and client (release %.32s, calls "
		"%016" PRIx64
		") were built from different lists of calls: use matching releases of "
		"RemoteGPU on both",
		ours, *h->release ? h->release : "unknown", h->spec_hash);
	visitor_refuse(v, refusal_result(h->kind, REFUSAL_VERSION), text);
	return false;
}

static bool check_hello(struct visitor *v, const Control__Hello *h)
{
	if (h->kind != CONTROL__SESSION_KIND__CUDA && h->kind != CONTROL__SESSION_KIND__NVML) {
		refuse_malformed(v, "the client asks for a kind of session that this server "
				    "(release " RELEASE ") does not know: use matching releases");
		return false;
	}
	if (h->wire_version != WIRE_VERSION) {
		refuse_version(v, h->wire_version);
		return false;
	}
	if (h->n_environment > VISITOR_LIST_MAX || h->n_arena_base > VISITOR_LIST_MAX ||
		h->n_host_base > VISITOR_LIST_MAX) {
		refuse_malformed(v, "the hello lists more than any client has");
		return false;
	}
	return check_spec(v, h);
}

/* The visitor leaves the gate's list; from here on only its going away is watched. */
static void hand_over(struct visitor *v, Control__Hello *h)
{
	delist(v);
	v->state = VISITOR_WAITING;
	uv_timer_stop(&v->timer);
	uv_poll_start(&v->poll, UV_DISCONNECT, on_event);
	v->gate->events->hello(v->gate->owner, v, h);
}

static void after_hello(struct visitor *v)
{
	ProtobufCMessage *message;
	Control__Hello *h;
	int err;

	err = control_unpack(&control__hello__descriptor, v->body, v->size, &message);
	free(v->body);
	v->body = NULL;
	if (err) {
		refuse_malformed(v, "the first message is not a hello");
		return;
	}
	h = (Control__Hello *)message;
	if (check_hello(v, h))
		hand_over(v, h);
	else
		control__hello__free_unpacked(h, NULL);
}

static void discard(struct visitor *v)
{
	char bytes[4096];
	ssize_t n = recv(v->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (!n || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		visitor_drop(v);
}

/* One part at a time; true when it came in whole and the next may be there too. */
static bool read_next(struct visitor *v)
{
	enum visitor_state state = v->state;
	int n;

	if (state == VISITOR_PRELUDE)
		n = read_part(v, &v->prelude, sizeof(v->prelude));
	else if (state == VISITOR_LENGTH)
		n = read_part(v, v->length, sizeof(v->length));
	else
		n = read_part(v, v->body, v->size);
	if (n < 0) {
		visitor_log(v, LOG_INFO, "went away before it said who it is");
		visitor_drop(v);
	}
	if (n <= 0)
		return false;

	if (state == VISITOR_PRELUDE)
		after_prelude(v);
	else if (state == VISITOR_LENGTH)
		after_length(v);
	else
		after_hello(v);
	return v->state == VISITOR_LENGTH || v->state == VISITOR_HELLO;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct visitor *v = poll->data;

	if (v->state == VISITOR_WAITING) {
		v->gate->events->gone(v->gate->owner, v);
		visitor_drop(v);
	} else if (v->state == VISITOR_REFUSED) {
		discard(v);
	} else {
		while (read_next(v))
			;
	}
}

int visitor_create(struct gate *g, int fd, const char *scheme)
{
	struct visitor *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	v->gate = g;
	v->fd = fd;
	v->scheme = scheme;
	v->handles = 2;
	v->poll.data = v->timer.data = v;
	name_peer(v);
	err = uv_poll_init(g->loop, &v->poll, fd);
	if (err) {
		free(v);
		return err;
	}
	uv_timer_init(g->loop, &v->timer);
	uv_timer_start(&v->timer, on_late, VISITOR_DEADLINE_MS, 0);
	uv_poll_start(&v->poll, UV_READABLE, on_event);
	enlist(v);
	return 0;
}

int visitor_fd(const struct visitor *v)
{
	return v->fd;
}

const char *visitor_peer(const struct visitor *v)
{
	return v->peer;
}

const char *visitor_scheme(const struct visitor *v)
{
	return v->scheme;
}
