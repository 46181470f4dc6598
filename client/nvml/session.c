/* SPDX-License-Identifier: Apache-2.0 */
/* See session.h. One request is under way at a time, so a reply is always the one waited for. */
#include "nvml/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"
#include "log.h"
#include "nvml_calls.h"

enum {
	REPLY_TIMEOUT_US = 60 * 1000 * 1000,
	REPLY_SPIN_US = 20,
	REPLY_HEADER = 16, /* seq, result, pushes */
};

static struct {
	pthread_mutex_t lock;
	unsigned users;	      /* nvmlInit less nvmlShutdown */
	struct opened server; /* server.command NULL: lost, or not ours after a fork */
	uint64_t seq;
	uint8_t *reply; /* FRAME_MAX bytes while there are users */
} session = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

void session_lock(void)
{
	pthread_mutex_lock(&session.lock);
}

void session_unlock(void)
{
	pthread_mutex_unlock(&session.lock);
}

/* The connection is the parent's: give up this process's descriptor without a word on it. */
static void leave_parents(void)
{
	struct opened *o = &session.server;
	int fd;

	if (o->command) {
		fd = o->transport->detach(o->command);
		if (fd >= 0)
			close(fd);
		o->command = NULL;
	}
	session_unlock();
}

static void watch_forks(void)
{
	pthread_atfork(session_lock, session_unlock, leave_parents);
}

static void disconnect(void)
{
	struct opened *o = &session.server;

	if (o->command)
		o->transport->close(o->command);
	o->command = NULL;
	opened_fini(o);
	cache_clear();
}

/* A server without NVML says so by its own result; anything else is as if no driver were there. */
static nvmlReturn_t connect_server(void)
{
	Control__Hello hello = CONTROL__HELLO__INIT;
	char why[CONNECT_WHY];
	int refused, err;

	disconnect();
	hello.kind = CONTROL__SESSION_KIND__NVML;
	hello.spec_hash = NVML_SPEC_HASH;
	err = connect_session(&hello, &session.server, &refused, why, sizeof(why));
	session.seq = 0;
	if (!err)
		return NVML_SUCCESS;
	session.server.command = NULL;
	log_write(LOG_ERROR, "%s", why);
	return refused ? (nvmlReturn_t)refused : NVML_ERROR_DRIVER_NOT_LOADED;
}

nvmlReturn_t session_check(void)
{
	return session.users ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t session_open(void)
{
	nvmlReturn_t r;

	if (session.users && session.server.command) {
		session.users++;
		return NVML_SUCCESS;
	}
	pthread_once(&fork_once, watch_forks);
	if (!session.reply)
		session.reply = malloc(FRAME_MAX);
	if (!session.reply)
		return NVML_ERROR_MEMORY;
	r = connect_server();
	if (r == NVML_SUCCESS)
		session.users++;
	return r;
}

/* The server executes nothing that could be lost, so there is no goodbye to wait for. */
nvmlReturn_t session_close(void)
{
	if (!session.users)
		return NVML_ERROR_UNINITIALIZED;
	if (--session.users)
		return NVML_SUCCESS;
	disconnect();
	free(session.reply);
	session.reply = NULL;
	return NVML_SUCCESS;
}

static int send_request(uint16_t opcode, const void *request, size_t size)
{
	struct opened *o = &session.server;
	struct frame frame = {
		.size = wire_pad(sizeof(frame) + size),
		.opcode = opcode,
		.flags = FRAME_WAITS,
		.seq = ++session.seq,
	};
	uint8_t *room = o->transport->reserve(o->command, frame.size);

	if (!room)
		return -EPIPE;
	memset(room + frame.size - 8, 0, 8);
	memcpy(room, &frame, sizeof(frame));
	if (size)
		memcpy(room + sizeof(frame), request, size);
	o->transport->commit(o->command, frame.size);
	return o->transport->send(o->command, NULL, 0);
}

/* One whole frame into session.reply. */
static int receive_frame(struct frame *frame)
{
	struct opened *o = &session.server;
	const void *bytes;
	ssize_t n;

	n = o->transport->peek(o->command, sizeof(*frame), REPLY_SPIN_US, REPLY_TIMEOUT_US, &bytes);
	if (n < 0)
		return n;
	memcpy(frame, bytes, sizeof(*frame));
	if (frame->size < sizeof(*frame) || frame->size > FRAME_MAX || frame->size % 8)
		return -EPROTO;
	n = o->transport->peek(o->command, frame->size, 0, REPLY_TIMEOUT_US, &bytes);
	if (n < 0)
		return n;
	memcpy(session.reply, bytes, frame->size);
	o->transport->consume(o->command, frame->size);
	return 0;
}

static int receive_reply(nvmlReturn_t *result, struct cursor *reply)
{
	struct cursor c;
	struct frame frame;
	int err;

	err = receive_frame(&frame);
	if (err < 0)
		return err;
	c = (struct cursor){session.reply + sizeof(frame), session.reply + frame.size, false};
	if (frame.opcode != FRAME_REPLY || frame.size < sizeof(frame) + REPLY_HEADER ||
		get_u64(&c) != session.seq)
		return -EPROTO;
	*result = get_u32(&c);
	get_u32(&c);
	*reply = c;
	return 0;
}

nvmlReturn_t session_exchange(
	uint16_t opcode, const void *request, size_t size, struct cursor *reply)
{
	nvmlReturn_t result = NVML_ERROR_GPU_IS_LOST;
	int err = -EPIPE;

	for (int attempt = 0; attempt < 2 && err; attempt++) {
		if (!session.server.command && connect_server() != NVML_SUCCESS)
			return NVML_ERROR_GPU_IS_LOST;
		err = send_request(opcode, request, size);
		if (!err)
			err = receive_reply(&result, reply);
		if (err)
			disconnect();
		if (err == -EAGAIN)
			return NVML_ERROR_TIMEOUT;
		if (err == -EPROTO)
			return NVML_ERROR_UNKNOWN;
	}
	return result;
}
