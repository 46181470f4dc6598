/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See supervisor.h. One loop: the gate lets clients in, sessions.c gives them
 * workers, signals end it all. The first signal ends in order; the loop runs
 * out when the last worker has been reaped. Whether the driver works is told
 * by the first worker; who connects before that waits for it.
 */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "gate.h"
#include "sessions.h"
#include "spawn.h"

struct supervisor {
	uv_loop_t loop;
	const struct options *options;
	struct gate gate;
	struct sessions sessions;
	uv_signal_t terminate, interrupt;
	char url[OPTIONS_LISTEN_MAX][160];
	bool ending;
	int err; /* why it ended, if not as asked */
};

/* The loop runs out. Signals stay caught to the very end: one more is no reason to end by it. */
static void on_over(void *owner)
{
	struct supervisor *s = owner;

	uv_unref((uv_handle_t *)&s->terminate);
	uv_unref((uv_handle_t *)&s->interrupt);
}

static void end(struct supervisor *s)
{
	s->ending = true;
	sessions_end(&s->sessions);
	gate_close(&s->gate);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct supervisor *s = signal->data;

	if (s->ending)
		return;
	log_info("%s: ending, with %u session%s", strsignal(number), s->sessions.count,
		s->sessions.count == 1 ? "" : "s");
	end(s);
}

static void on_ready(void *owner, const char *driver)
{
	struct supervisor *s = owner;

	if (*driver)
		log_info("the driver is %s", driver);
	for (int i = 0; i < s->options->listen_count; i++)
		printf("listening on %s\n", s->url[i]);
	fflush(stdout);
}

static const char *advice(const char *driver)
{
	if (!strcmp(driver, "soft"))
		return "put libcuda-soft.so beside gpuserverd";
	if (!strcmp(driver, "auto"))
		return "install NVIDIA's driver, or put libcuda-soft.so beside gpuserverd";
	return "give --driver the path of NVIDIA's libcuda.so.1, or \"soft\" for the software GPU";
}

static void on_failed(void *owner, const char *why)
{
	struct supervisor *s = owner;
	const char *driver = s->options->driver;

	log_error("cannot start with --driver %s: %s; %s", driver, why, advice(driver));
	s->err = -ENODEV;
	end(s);
}

static const struct sessions_events sessions_events = {
	.ready = on_ready,
	.failed = on_failed,
	.over = on_over,
};

static int watch_signals(struct supervisor *s)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	s->terminate.data = s->interrupt.data = s;
	err = uv_signal_init(&s->loop, &s->terminate);
	if (!err)
		err = uv_signal_init(&s->loop, &s->interrupt);
	if (!err)
		err = uv_signal_start(&s->terminate, on_signal, SIGTERM);
	if (!err)
		err = uv_signal_start(&s->interrupt, on_signal, SIGINT);
	return err;
}

static const char *listen_error(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no such host";
	case -EINVAL:
		return "it must be ADDR:PORT, with a port of at most 65535 and IPv6 in brackets; "
		       "0.0.0.0 or [::] is every address of this machine";
	case -EADDRNOTAVAIL:
		return "this machine has no such address";
	default:
		return strerror(-err);
	}
}

static int listen_all(struct supervisor *s)
{
	int i, err;

	for (i = 0; i < s->options->listen_count; i++) {
		err = gate_listen(&s->gate, s->options->listen[i], s->url[i], sizeof(s->url[i]));
		if (err) {
			log_error("cannot listen on \"%s\": %s", s->options->listen[i],
				listen_error(err));
			return err;
		}
	}
	return 0;
}

int supervisor_run(const struct options *options, uint64_t cuda_hash, uint64_t nvml_hash)
{
	static struct supervisor s; /* handlers of signals name it for good */
	int err;

	s.options = options;
	spawn_raise_limits();
	err = uv_loop_init(&s.loop);
	if (!err)
		err = watch_signals(&s);
	if (!err)
		err = sessions_init(&s.sessions, &s.loop, options, &sessions_events, &s);
	if (!err)
		err = gate_init(&s.gate, &s.loop, &sessions_gate_events, &s.sessions);
	if (err) {
		log_error("cannot start: %s", uv_strerror(err));
		return err;
	}
	s.gate.spec_hash[CONTROL__SESSION_KIND__CUDA] = cuda_hash;
	s.gate.spec_hash[CONTROL__SESSION_KIND__NVML] = nvml_hash;
	s.err = listen_all(&s);
	if (s.err)
		end(&s);
	else
		sessions_begin(&s.sessions);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	gate_fini(&s.gate);
	return s.err;
}
