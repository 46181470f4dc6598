/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See crew.h. A worker's process is reaped by its own pid, never by -1: this
 * process may have other children. Its last report is read before its end is
 * told, so that the reason for a failed start is not lost.
 */
#include "crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"
#include "worker_link.h"

enum {
	START_LIMIT_MS = 60000, /* eight GPUs without persistence mode take a while */
	END_LIMIT_MS = 3000,
};

static void on_closed(uv_handle_t *handle)
{
	struct worker *w = handle->data;

	if (--w->handles)
		return;
	settings_fini(&w->settings);
	free(w);
}

static void close_handles(struct worker *w)
{
	uv_close((uv_handle_t *)&w->poll, on_closed);
	uv_close((uv_handle_t *)&w->timer, on_closed);
	close(w->link_fd);
}

static void on_report(struct worker *w, const Control__Report *r)
{
	if (w->state != WORKER_STARTING)
		return;
	if (*r->failure) {
		snprintf(w->failure, sizeof(w->failure), "%s", r->failure);
	} else if (r->ready) {
		w->state = WORKER_READY;
		w->was_ready = true;
		uv_timer_stop(&w->timer);
		w->crew->changed(w->crew->owner, w);
	} else if (*r->driver) {
		snprintf(w->driver, sizeof(w->driver), "%s", r->driver);
		w->crew->changed(w->crew->owner, w);
	}
}

/* False when there is no report now, or never again. */
static bool read_report(struct worker *w)
{
	uint8_t bytes[WORKER_LINK_MAX];
	Control__Report *r;
	ssize_t n;
	int fd = -1;

	n = worker_link_recv(w->link_fd, bytes, &fd);
	if (fd >= 0)
		close(fd);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		uv_poll_stop(&w->poll); /* its end is told by SIGCHLD */
		return false;
	}
	r = control__report__unpack(NULL, n, bytes);
	if (r) {
		on_report(w, r);
		control__report__free_unpacked(r, NULL);
	}
	return true;
}

static void on_link(uv_poll_t *poll, int status, int events)
{
	struct worker *w = poll->data;

	if (status < 0)
		uv_poll_stop(poll);
	else
		read_report(w);
}

static void on_start_late(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	snprintf(w->failure, sizeof(w->failure), "the worker was not ready within %d seconds",
		START_LIMIT_MS / 1000);
	w->told_to_end = true;
	kill(w->pid, SIGKILL);
}

static void on_end_late(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	kill(w->pid, SIGKILL);
}

void worker_end(struct worker *w)
{
	if (w->told_to_end)
		return;
	w->told_to_end = true;
	kill(w->pid, SIGTERM);
	uv_timer_start(&w->timer, on_end_late, END_LIMIT_MS, 0);
}

/* Say how it ended, unless that was asked for or it said itself why. */
static void describe_end(struct worker *w, int status)
{
	if (*w->failure || w->told_to_end)
		return;
	if (WIFSIGNALED(status))
		snprintf(w->failure, sizeof(w->failure), "the worker was ended by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		snprintf(w->failure, sizeof(w->failure), "the worker ended with exit status %d",
			WEXITSTATUS(status));
}

static void on_end(struct worker *w, int status)
{
	if (uv_is_active((uv_handle_t *)&w->poll))
		while (read_report(w))
			;
	describe_end(w, status);
	LIST_REMOVE(w, link);
	w->state = WORKER_ENDED;
	w->crew->changed(w->crew->owner, w);
	close_handles(w);
}

static void on_sigchld(uv_signal_t *signal, int number)
{
	struct crew *c = signal->data;
	struct worker *w, *next;
	int status;

	for (w = LIST_FIRST(&c->workers); w; w = next) {
		next = LIST_NEXT(w, link);
		if (waitpid(w->pid, &status, WNOHANG) == w->pid)
			on_end(w, status);
	}
}

int crew_init(struct crew *c, uv_loop_t *loop, const struct options *options,
	void (*changed)(void *owner, struct worker *w), void *owner)
{
	int err;

	*c = (struct crew){.loop = loop, .options = options, .changed = changed, .owner = owner};
	LIST_INIT(&c->workers);
	c->reaper.data = c;
	err = uv_signal_init(loop, &c->reaper);
	return err ? err : uv_signal_start(&c->reaper, on_sigchld, SIGCHLD);
}

void crew_end(struct crew *c)
{
	struct worker *w;

	LIST_FOREACH(w, &c->workers, link)
		worker_end(w);
}

bool crew_empty(const struct crew *c)
{
	return LIST_EMPTY(&c->workers);
}

void crew_close(struct crew *c)
{
	uv_close((uv_handle_t *)&c->reaper, NULL);
}

static int spawn(struct worker *w)
{
	const struct options *o = w->crew->options;
	const char *argv[] = {"gpuserverd", "--worker", "--driver", o->driver, "--log",
		log_level_name(o->log), w->kind == CONTROL__SESSION_KIND__NVML ? "--nvml" : NULL,
		NULL};
	char **environment = settings_environment(&w->settings);
	int err;

	if (!environment)
		return -ENOMEM;
	err = spawn_worker((char **)argv, environment, &w->pid, &w->link_fd);
	free(environment);
	return err;
}

int crew_start(struct crew *c, Control__SessionKind kind, const struct settings *settings,
	struct worker **out)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->crew = c;
	w->kind = kind;
	w->handles = 2;
	w->poll.data = w->timer.data = w;
	err = settings_copy(&w->settings, settings);
	if (!err)
		err = spawn(w);
	if (err) {
		settings_fini(&w->settings);
		free(w);
		return err;
	}

	/* A descriptor of ours and a timer: neither fails to be watched. */
	uv_poll_init(c->loop, &w->poll, w->link_fd);
	uv_timer_init(c->loop, &w->timer);
	uv_poll_start(&w->poll, UV_READABLE, on_link);
	uv_timer_start(&w->timer, on_start_late, START_LIMIT_MS, 0);
	LIST_INSERT_HEAD(&c->workers, w, link);
	*out = w;
	return 0;
}

struct worker *crew_find(
	const struct crew *c, Control__SessionKind kind, const struct settings *settings)
{
	struct worker *w, *best = NULL;

	LIST_FOREACH(w, &c->workers, link) {
		if (w->ticket || w->told_to_end || w->kind != kind ||
			!settings_equal(&w->settings, settings))
			continue;
		if (w->state == WORKER_READY)
			return w;
		best = w; /* the longest starting is last */
	}
	return best;
}

unsigned crew_count(const struct crew *c, enum worker_state state)
{
	struct worker *w;
	unsigned n = 0;

	LIST_FOREACH(w, &c->workers, link)
		n += w->state == state;
	return n;
}
