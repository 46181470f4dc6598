/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See supervisor.h. Everything happens on one loop; arrange() is the only place
 * that brings waiting sessions and workers together. It looks at the whole
 * state and may be called at any time, so that no event needs to know what it
 * makes possible.
 *
 * Back-off: when a worker that nobody asked for cannot start, the next is
 * tried later and later, and sessions that would need one are told the reason.
 */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "gate.h"
#include "crew.h"
#include "refusal.h"
#include "spawn.h"
#include "ticket.h"

enum {
	SESSIONS_MAX = 1024,
	STARTING_MAX = 16, /* workers at once: contexts made side by side slow each other down */
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_LAST_MS = 30000,
};

struct supervisor {
	uv_loop_t loop;
	const struct options *options;
	struct gate gate;
	struct crew crew;
	struct tickets tickets;
	unsigned ticket_count;
	uint64_t sessions; /* numbers given so far */
	uv_signal_t terminate, interrupt;
	uv_timer_t retry; /* active: backing off */
	uint64_t backoff_ms;
	char failure[512]; /* why there are no warm workers; empty: there can be */
	bool ending;
	bool warm_told;
};

static const struct settings no_settings;

static void drop_ticket(struct supervisor *s, struct ticket *t)
{
	TAILQ_REMOVE(&s->tickets, t, link);
	s->ticket_count--;
	if (t->worker)
		t->worker->ticket = NULL;
	ticket_destroy(t);
}

static void refuse_ticket(struct supervisor *s, struct ticket *t, enum refusal why,
	const char *reason)
{
	char text[768];

	if (why == REFUSAL_NO_DEVICE)
		snprintf(text, sizeof(text), "the server has no worker for this session: %s", reason);
	else
		snprintf(text, sizeof(text), "%s", reason);
	visitor_refuse(t->visitor, refusal_result(t->hello->kind, why), text);
	drop_ticket(s, t);
}

static void assign(struct supervisor *s, struct ticket *t)
{
	int err;

	ticket_log(t, LOG_INFO, "session of %s[%u] on %s goes to worker %d", t->hello->program,
		t->hello->pid, t->hello->host, (int)t->worker->pid);
	err = ticket_assign(t, s->options->memory_limit);
	if (!err) {
		t->worker->state = WORKER_SERVING;
		return;
	}
	ticket_log(t, LOG_ERROR, "worker %d does not take its session: %s", (int)t->worker->pid,
		strerror(-err));
	worker_end(t->worker);
	refuse_ticket(s, t, REFUSAL_INTERNAL, "the worker ended before it could begin: try again");
}

static bool is_warm_kind(Control__SessionKind kind, const struct settings *settings)
{
	return kind == CONTROL__SESSION_KIND__CUDA && settings_empty(settings);
}

/* Give a waiting session a worker, or let it wait for a place to start one. */
static void claim(struct supervisor *s, struct ticket *t)
{
	struct worker *w = crew_find(&s->crew, t->hello->kind, &t->settings);
	int err;

	if (!w && *s->failure && is_warm_kind(t->hello->kind, &t->settings)) {
		refuse_ticket(s, t, REFUSAL_NO_DEVICE, s->failure);
		return;
	}
	if (!w && crew_count(&s->crew, WORKER_STARTING) >= STARTING_MAX)
		return;
	if (!w) {
		err = crew_start(&s->crew, t->hello->kind, &t->settings, &w);
		if (err) {
			refuse_ticket(s, t, REFUSAL_INTERNAL, strerror(-err));
			return;
		}
	}
	t->worker = w;
	w->ticket = t;
	if (w->state == WORKER_READY)
		assign(s, t);
}

/* Start what is missing of the warm workers, end idle ones that nobody will ask for. */
static void stock(struct supervisor *s)
{
	struct worker *w;
	unsigned warm = 0, ready = 0;
	int err;

	LIST_FOREACH (w, &s->crew.workers, link) {
		if (w->ticket || w->told_to_end || w->state == WORKER_SERVING)
			continue;
		if (!is_warm_kind(w->kind, &w->settings) || warm == s->options->warm) {
			worker_end(w);
			continue;
		}
		warm++;
		ready += w->state == WORKER_READY;
	}
	if (ready && ready == s->options->warm && !s->warm_told) {
		log_info("%u warm worker%s ready", ready, ready == 1 ? " is" : "s are");
		s->warm_told = true;
	}
	if (uv_is_active((uv_handle_t *)&s->retry))
		return;
	while (warm < s->options->warm && crew_count(&s->crew, WORKER_STARTING) < STARTING_MAX) {
		err = crew_start(&s->crew, CONTROL__SESSION_KIND__CUDA, &no_settings, &w);
		if (err) {
			log_error("cannot start a worker: %s", strerror(-err));
			return;
		}
		warm++;
	}
}

static void arrange(struct supervisor *s)
{
	struct ticket *t, *next;

	if (s->ending)
		return;
	for (t = TAILQ_FIRST(&s->tickets); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (!t->worker)
			claim(s, t);
		else if (t->visitor && t->worker->state == WORKER_READY)
			assign(s, t);
	}
	stock(s);
}

static void on_hello(void *owner, struct visitor *v, Control__Hello *hello)
{
	struct supervisor *s = owner;
	Control__SessionKind kind = hello->kind;
	const char *reason = "the server has no room for another session: try again later";
	enum refusal why = REFUSAL_BUSY;
	struct ticket *t;
	int err = -EBUSY;

	if (s->ticket_count < SESSIONS_MAX) {
		err = ticket_create(&t, s->sessions + 1, v, hello);
		why = err == -EINVAL ? REFUSAL_MALFORMED : REFUSAL_INTERNAL;
		reason = err == -EINVAL ? "a CUDA_ setting of the client's environment has a value "
					  "that cannot be one"
					: "the server is out of memory";
	}
	if (err) {
		control__hello__free_unpacked(hello, NULL);
		visitor_refuse(v, refusal_result(kind, why), reason);
		return;
	}
	s->sessions++;
	s->ticket_count++;
	TAILQ_INSERT_TAIL(&s->tickets, t, link);
	arrange(s);
}

static void on_join(void *owner, struct visitor *v, const struct prelude *p)
{
	struct supervisor *s = owner;
	struct ticket *t = tickets_find(&s->tickets, p->ticket);
	struct log_subject about = {.peer = visitor_peer(v)};
	int err;

	if (!t || !t->worker || t->worker->state != WORKER_SERVING) {
		log_line(LOG_WARN, &about, "dropped: it shows no valid ticket");
	} else {
		err = ticket_join(t, v, p);
		about.session = t->session;
		if (err)
			log_line(LOG_WARN, &about, "dropped: the worker does not take it: %s",
				strerror(-err));
	}
	visitor_drop(v);
}

static void on_gone(void *owner, struct visitor *v)
{
	struct supervisor *s = owner;
	struct ticket *t;

	TAILQ_FOREACH (t, &s->tickets, link)
		if (t->visitor == v)
			break;
	if (t) {
		ticket_log(t, LOG_INFO, "the client went away before its session began");
		drop_ticket(s, t);
	}
	arrange(s);
}

static const struct gate_events gate_events = {
	.hello = on_hello,
	.join = on_join,
	.gone = on_gone,
};

static void on_retry(uv_timer_t *timer)
{
	struct supervisor *s = timer->data;

	arrange(s);
}

/* A worker that nobody had claimed ended by itself. */
static void back_off(struct supervisor *s, const struct worker *w)
{
	log_error("worker %d %s: %s; the next is tried in %d s", (int)w->pid,
		w->was_ready ? "ended while idle" : "could not become ready",
		*w->failure ? w->failure : "it ended", (int)(s->backoff_ms / 1000));
	snprintf(s->failure, sizeof(s->failure), "%s",
		*w->failure ? w->failure : "the worker ended while it was started");
	s->warm_told = false;
	if (uv_is_active((uv_handle_t *)&s->retry))
		return;
	uv_timer_start(&s->retry, on_retry, s->backoff_ms, 0);
	s->backoff_ms = s->backoff_ms * 2 < BACKOFF_LAST_MS ? s->backoff_ms * 2 : BACKOFF_LAST_MS;
}

static void end_session(struct supervisor *s, struct ticket *t, const struct worker *w)
{
	if (!t->visitor) {
		ticket_log(t, *w->failure ? LOG_WARN : LOG_INFO, "session ended%s%s",
			*w->failure ? ": " : "", w->failure);
		drop_ticket(s, t);
		return;
	}
	refuse_ticket(s, t, REFUSAL_NO_DEVICE,
		*w->failure ? w->failure : "the worker ended while it was started");
}

static void on_ended(struct supervisor *s, struct worker *w)
{
	struct ticket *t = w->ticket;
	bool served = t && !t->visitor;

	if (t)
		end_session(s, t, w);
	if (served || s->ending || (w->told_to_end && !*w->failure))
		return;
	if (is_warm_kind(w->kind, &w->settings) && s->options->warm)
		back_off(s, w);
	else
		log_error("worker %d: %s", (int)w->pid, w->failure);
}

static void finish_if_ended(struct supervisor *s);

static void on_changed(void *owner, struct worker *w)
{
	struct supervisor *s = owner;

	if (w->state == WORKER_ENDED) {
		on_ended(s, w);
	} else {
		log_debug("worker %d is ready", (int)w->pid);
		if (is_warm_kind(w->kind, &w->settings)) {
			s->failure[0] = '\0';
			s->backoff_ms = BACKOFF_FIRST_MS;
		}
	}
	arrange(s);
	finish_if_ended(s);
}

/* Close what still keeps the loop running once the last worker is gone. */
static void finish_if_ended(struct supervisor *s)
{
	if (!s->ending || !crew_empty(&s->crew) || uv_is_closing((uv_handle_t *)&s->retry))
		return;
	crew_close(&s->crew);
	uv_close((uv_handle_t *)&s->retry, NULL);
	uv_close((uv_handle_t *)&s->terminate, NULL);
	uv_close((uv_handle_t *)&s->interrupt, NULL);
}

static void end(struct supervisor *s)
{
	struct ticket *t, *next;

	s->ending = true;
	for (t = TAILQ_FIRST(&s->tickets); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->visitor)
			refuse_ticket(s, t, REFUSAL_BUSY, "the server is shutting down");
	}
	gate_close(&s->gate);
	crew_end(&s->crew);
	finish_if_ended(s);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct supervisor *s = signal->data;

	if (s->ending)
		return;
	log_info("%s: ending, with %u session%s", strsignal(number), s->ticket_count,
		s->ticket_count == 1 ? "" : "s");
	end(s);
}

static int watch_signals(struct supervisor *s)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	s->terminate.data = s->interrupt.data = s->retry.data = s;
	err = uv_timer_init(&s->loop, &s->retry);
	if (!err)
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
		return "it must be ADDR:PORT";
	case -EPROTONOSUPPORT:
		return "its scheme is not one that this server has";
	default:
		return strerror(-err);
	}
}

static int listen_all(struct supervisor *s)
{
	char url[160];
	int i, err;

	for (i = 0; i < s->options->listen_count; i++) {
		err = gate_listen(&s->gate, s->options->listen[i], url, sizeof(url));
		if (err) {
			log_error("cannot listen on %s: %s", s->options->listen[i],
				listen_error(err));
			return err;
		}
		printf("listening on %s\n", url);
	}
	fflush(stdout);
	return 0;
}

int supervisor_run(const struct options *options, uint64_t cuda_hash, uint64_t nvml_hash)
{
	struct supervisor s = {.options = options, .backoff_ms = BACKOFF_FIRST_MS};
	int err;

	TAILQ_INIT(&s.tickets);
	spawn_raise_limits();
	err = uv_loop_init(&s.loop);
	if (!err)
		err = watch_signals(&s);
	if (!err)
		err = crew_init(&s.crew, &s.loop, options, on_changed, &s);
	if (!err)
		err = gate_init(&s.gate, &s.loop, &gate_events, &s);
	if (err) {
		log_error("cannot start: %s", uv_strerror(err));
		return err;
	}
	s.gate.spec_hash[CONTROL__SESSION_KIND__CUDA] = cuda_hash;
	s.gate.spec_hash[CONTROL__SESSION_KIND__NVML] = nvml_hash;
	err = listen_all(&s);
	if (err)
		end(&s);
	arrange(&s);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	gate_fini(&s.gate);
	uv_loop_close(&s.loop);
	return err;
}
