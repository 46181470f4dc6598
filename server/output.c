/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See output.h. A thread empties the pipe as it fills, since the driver prints
 * more than a pipe holds inside of one call; what it took waits in a buffer for
 * output_forward, which is called before each completion that a client waits
 * for. The lock keeps the order of the two.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "thread.h"

enum {
	PIPE_SIZE = 1 << 20,
	OUTPUT_MAX = 64 << 20, /* kept for a client that does not wait; more is sent at once */
	OUTPUT_PART = 64 << 10,
};

static int pipe_end = -1;

struct output {
	struct session *session;
	pthread_mutex_t lock;
	char *text;
	size_t used, room;
};

int output_capture(void)
{
	int end[2];

	if (pipe2(end, O_CLOEXEC) < 0)
		return -errno;
	fcntl(end[1], F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(end[0], F_SETFL, O_NONBLOCK);
	if (dup2(end[1], STDOUT_FILENO) < 0)
		return -errno;
	close(end[1]);
	pipe_end = end[0];
	return 0;
}

static int output_grow(struct output *o)
{
	size_t room = o->room ? 2 * o->room : 2 * OUTPUT_PART;
	char *bigger;

	if (o->room - o->used >= OUTPUT_PART)
		return 0;
	bigger = realloc(o->text, room);
	if (!bigger)
		return -ENOMEM;
	o->text = bigger;
	o->room = room;
	return 0;
}

/* The lock is held. */
static void output_read(struct output *o)
{
	while (!output_grow(o)) {
		ssize_t n = read(pipe_end, o->text + o->used, o->room - o->used);

		if (n <= 0)
			return;
		o->used += n;
	}
}

static void output_send(struct output *o)
{
	for (size_t at = 0; at < o->used; at += OUTPUT_PART) {
		size_t n = o->used - at < OUTPUT_PART ? o->used - at : OUTPUT_PART;
		uint8_t *out = frame_begin(o->session, FRAME_OUTPUT, 8 + n);

		if (!out)
			break;
		put_u32(&out, n);
		put_u32(&out, 0);
		put_bytes(&out, o->text + at, n);
		frame_end(o->session, FRAME_OUTPUT, 8 + n, false);
	}
	o->used = 0;
}

static void *drain(void *arg)
{
	struct output *o = arg;
	struct pollfd poll_end = {.fd = pipe_end, .events = POLLIN};

	for (;;) {
		poll(&poll_end, 1, -1);
		pthread_mutex_lock(&o->lock);
		output_read(o);
		if (o->used >= OUTPUT_MAX)
			output_send(o);
		pthread_mutex_unlock(&o->lock);
	}
	return NULL;
}

int output_create(struct session *s)
{
	struct output *o;

	if (pipe_end < 0)
		return 0;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->session = s;
	pthread_mutex_init(&o->lock, NULL);
	s->output = o;
	return thread_start(drain, o);
}

void output_forward(struct session *s)
{
	struct output *o = s->output;

	if (!o)
		return;
	fflush(stdout);
	pthread_mutex_lock(&o->lock);
	output_read(o);
	output_send(o);
	pthread_mutex_unlock(&o->lock);
}
