/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See output.h. A thread empties the pipes as they fill, since the driver prints
 * more than a pipe holds inside of one call; what it took waits in a buffer for
 * output_forward, which is called before each completion that a client waits
 * for. The lock keeps the order of the two.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "thread.h"

enum {
	PIPE_SIZE = 1 << 20,
	OUTPUT_MAX = 64 << 20, /* kept for a client that does not wait; more is sent at once */
	OUTPUT_PART = 64 << 10,
	STREAMS = 2,
};

static const int streams[STREAMS] = {STDOUT_FILENO, STDERR_FILENO};
static int pipe_end[STREAMS] = {-1, -1};

struct text {
	char *at;
	size_t used, room;
};

struct output {
	struct session *session;
	pthread_mutex_t lock;
	struct text text[STREAMS];
};

/* Of the sanitizers, where they are: their reports are the operator's. */
extern void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

/* What the C library said last is the operator's, too. */
static void aborted(int number)
{
	char part[4096];
	ssize_t n;

	while ((n = read(pipe_end[1], part, sizeof(part))) > 0) {
		if (write(log_descriptor(), part, n) < 0)
			break;
	}
	signal(number, SIG_DFL);
	raise(number);
}

static int capture(int i)
{
	int end[2];

	if (pipe2(end, O_CLOEXEC) < 0)
		return -errno;
	fcntl(end[1], F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(end[0], F_SETFL, O_NONBLOCK);
	if (dup2(end[1], streams[i]) < 0)
		return -errno;
	close(end[1]);
	pipe_end[i] = end[0];
	return 0;
}

int output_capture(void)
{
	int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), err;

	if (own < 0)
		return -errno;
	log_set_descriptor(own);
	if (&__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)(intptr_t)own);
	err = capture(0);
	if (!err)
		err = capture(1);
	signal(SIGABRT, aborted);
	return err;
}

static int text_grow(struct text *t)
{
	size_t room = t->room ? 2 * t->room : 2 * OUTPUT_PART;
	char *bigger;

	if (t->room - t->used >= OUTPUT_PART)
		return 0;
	bigger = realloc(t->at, room);
	if (!bigger)
		return -ENOMEM;
	t->at = bigger;
	t->room = room;
	return 0;
}

/* The lock is held, here and below. */
static void output_read(struct output *o, int i)
{
	struct text *t = &o->text[i];

	while (!text_grow(t)) {
		ssize_t n = read(pipe_end[i], t->at + t->used, t->room - t->used);

		if (n <= 0)
			return;
		t->used += n;
	}
}

static void output_send(struct output *o, int i)
{
	struct text *t = &o->text[i];

	for (size_t at = 0; at < t->used; at += OUTPUT_PART) {
		size_t n = t->used - at < OUTPUT_PART ? t->used - at : OUTPUT_PART;
		uint8_t *out = frame_begin(o->session, FRAME_OUTPUT, 8 + n);

		if (!out)
			break;
		put_u32(&out, n);
		put_u32(&out, streams[i]);
		put_bytes(&out, t->at + at, n);
		frame_end(o->session, FRAME_OUTPUT, 8 + n, false);
	}
	t->used = 0;
}

static void *drain(void *arg)
{
	struct output *o = arg;
	struct pollfd ends[STREAMS] = {
		{.fd = pipe_end[0], .events = POLLIN}, {.fd = pipe_end[1], .events = POLLIN}};

	for (;;) {
		poll(ends, STREAMS, -1);
		pthread_mutex_lock(&o->lock);
		for (int i = 0; i < STREAMS; i++) {
			output_read(o, i);
			if (o->text[i].used >= OUTPUT_MAX)
				output_send(o, i);
		}
		pthread_mutex_unlock(&o->lock);
	}
	return NULL;
}

int output_create(struct session *s)
{
	struct output *o;

	if (pipe_end[0] < 0)
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
	for (int i = 0; i < STREAMS; i++) {
		output_read(o, i);
		output_send(o, i);
	}
	pthread_mutex_unlock(&o->lock);
}
