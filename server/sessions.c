/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sessions.h. arrange() is the only place that brings waiting sessions and
 * workers together. It looks at the whole state and may be called at any time,
 * so that no event needs to know what it makes possible.
 *
 * Back-off: when a worker that nobody asked for cannot start, the next is
 * tried later and later, and sessions that would need one are told the reason.
 * Not so for the first: a server that cannot load its driver does not begin.
 */
#include "sessions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "refusal.h"

enum {
	SESSIONS_MAX = 1024,
	STARTING_MAX = 16, /* workers at once: contexts made side by side slow each other down */
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_LAST_MS = 30000,
};

static const struct settings no_settings;

static void drop_ticket(struct sessions *s, struct ticket *t)
{
	TAILQ_REMOVE(&s->tickets, t, link);
	s->count--;
	if (t->worker)
		t->worker->ticket = NULL;
	ticket_destroy(t);
}

static void refuse_ticket(
	struct sessions *s, struct ticket *t, enum refusal why, const char *reason)
{
	char text[768];

	if (why == REFUSAL_NO_DEVICE)
		snprintf(text, sizeof(text), "the server has no worker for this session: %s",
			reason);
	else
		snprintf(text, sizeof(text), "%s", reason);
	visitor_refuse(t->visitor, refusal_result(t->hello->kind, why), text);
	drop_ticket(s, t);
}

static void assign(struct sessions *s, struct ticket *t)
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

static void pair_up(struct ticket *t, struct worker *w)
{
	t->worker = w;
	w->ticket = t;
}

/* Give a waiting session a worker, or let it wait for a place to start one. */
static void claim(struct sessions *s, struct ticket *t)
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
	pair_up(t, w);
	if (w->state == WORKER_READY)
		assign(s, t);
}

/* Serve a session whose worker is ready; another one may have been sooner than its own. */
static void serve_if_ready(struct sessions *s, struct ticket *t)
{
	struct worker *other = crew_find(&s->crew, t->worker->kind, &t->settings);

	if (t->worker->state != WORKER_READY && other && other->state == WORKER_READY) {
		t->worker->ticket = NULL;
		pair_up(t, other);
	}
	if (t->worker->state == WORKER_READY)
		assign(s, t);
}

static void refuse_waiting(struct sessions *s, enum refusal why, const char *reason)
{
	struct ticket *t, *next;

	for (t = TAILQ_FIRST(&s->tickets); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->visitor)
			refuse_ticket(s, t, why, reason);
	}
}

static void fail_start(struct sessions *s, const char *why)
{
	refuse_waiting(s, REFUSAL_NO_DEVICE, why);
	s->events->failed(s->owner, why);
}

/* Start what is missing of the warm workers, end idle ones that nobody will ask for. */
static void stock(struct sessions *s)
{
	struct worker *w;
	unsigned warm = 0, ready = 0, wanted = s->options->warm;
	int err;

	if (!s->checked && !wanted)
		wanted = 1;
	LIST_FOREACH(w, &s->crew.workers, link) {
		if (w->ticket || w->told_to_end || w->state == WORKER_SERVING)
			continue;
		if (!is_warm_kind(w->kind, &w->settings) || warm == wanted) {
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
	while (warm < wanted && crew_count(&s->crew, WORKER_STARTING) < STARTING_MAX) {
		err = crew_start(&s->crew, CONTROL__SESSION_KIND__CUDA, &no_settings, &w);
		if (err && !s->checked) {
			fail_start(s, strerror(-err));
			return;
		}
		if (err) {
			log_error("cannot start a worker: %s", strerror(-err));
			return;
		}
		warm++;
	}
}

static void arrange(struct sessions *s)
{
	struct ticket *t, *next;

	if (s->ending)
		return;
	for (t = TAILQ_FIRST(&s->tickets); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (!t->worker)
			claim(s, t);
		else if (t->visitor)
			serve_if_ready(s, t);
	}
	stock(s);
}

static void on_hello(void *owner, struct visitor *v, Control__Hello *hello)
{
	struct sessions *s = owner;
	Control__SessionKind kind = hello->kind;
	const char *reason = "the server has no room for another session: try again later";
	enum refusal why = REFUSAL_BUSY;
	struct ticket *t;
	int err = -EBUSY;

	if (s->count < SESSIONS_MAX) {
		err = ticket_create(&t, s->last + 1, v, hello);
		why = err == -EINVAL ? REFUSAL_MALFORMED : REFUSAL_INTERNAL;
		reason = err == -EINVAL ? "the client's CUDA_VISIBLE_DEVICES, or another CUDA_ "
					  "setting, has a value that cannot be one"
					: "the server is out of memory";
	}
	if (err) {
		control__hello__free_unpacked(hello, NULL);
		visitor_refuse(v, refusal_result(kind, why), reason);
		return;
	}
	s->last++;
	s->count++;
	TAILQ_INSERT_TAIL(&s->tickets, t, link);
	arrange(s);
}

/* No warning when this fails: a short session may end before all its connections are made. */
static void on_join(void *owner, struct visitor *v, const struct prelude *p)
{
	struct sessions *s = owner;
	struct ticket *t = tickets_find(&s->tickets, p->ticket);
	struct log_subject about = {.peer = visitor_peer(v)};
	int err;

	if (!t || !t->worker || t->worker->state != WORKER_SERVING) {
		log_line(LOG_INFO, &about, "dropped: it shows no valid ticket");
	} else {
		err = ticket_join(t, v, p);
		about.session = t->session;
		if (err)
			log_line(LOG_INFO, &about, "dropped: the worker does not take it: %s",
				strerror(-err));
	}
	visitor_drop(v);
}

static void on_gone(void *owner, struct visitor *v)
{
	struct sessions *s = owner;
	struct ticket *t;

	TAILQ_FOREACH(t, &s->tickets, link)
		if (t->visitor == v)
			break;
	if (t) {
		ticket_log(t, LOG_INFO, "the client went away before its session began");
		drop_ticket(s, t);
	}
	arrange(s);
}

const struct gate_events sessions_gate_events = {
	.hello = on_hello,
	.join = on_join,
	.gone = on_gone,
};

static void on_retry(uv_timer_t *timer)
{
	struct sessions *s = timer->data;

	arrange(s);
}

/* A worker that nobody had claimed ended by itself. */
static void back_off(struct sessions *s, const struct worker *w)
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

static const char *end_reason(const struct worker *w)
{
	return *w->failure ? w->failure : "the worker ended while it was started";
}

static void end_session(struct sessions *s, struct ticket *t, const struct worker *w)
{
	if (!t->visitor) {
		ticket_log(t, *w->failure ? LOG_WARN : LOG_INFO, "session ended%s%s",
			*w->failure ? ": " : "", w->failure);
		drop_ticket(s, t);
		return;
	}
	refuse_ticket(s, t, REFUSAL_NO_DEVICE, end_reason(w));
}

static void on_ended(struct sessions *s, struct worker *w)
{
	struct ticket *t = w->ticket;
	bool served = t && !t->visitor, warm = is_warm_kind(w->kind, &w->settings);

	if (t)
		end_session(s, t, w);
	if (served || s->ending || (w->told_to_end && !*w->failure))
		return;
	if (warm && !s->checked)
		fail_start(s, end_reason(w));
	else if (warm && s->options->warm)
		back_off(s, w);
	else
		log_error("worker %d: %s", (int)w->pid, w->failure);
}

/* Once the last worker is gone: close what still keeps the loop running. */
static void finish_if_ended(struct sessions *s)
{
	if (!s->ending || !crew_empty(&s->crew) || uv_is_closing((uv_handle_t *)&s->retry))
		return;
	crew_close(&s->crew);
	uv_close((uv_handle_t *)&s->retry, NULL);
	s->events->over(s->owner);
}

/* Has loaded the driver, or is ready. */
static void on_progress(struct sessions *s, const struct worker *w)
{
	bool warm = is_warm_kind(w->kind, &w->settings);

	if (w->state == WORKER_READY) {
		log_debug("worker %d is ready", (int)w->pid);
		if (warm) {
			s->failure[0] = '\0';
			s->backoff_ms = BACKOFF_FIRST_MS;
		}
	}
	if (warm && !s->checked && !s->ending) {
		s->checked = true;
		s->events->ready(s->owner, w->driver);
	}
}

static void on_changed(void *owner, struct worker *w)
{
	struct sessions *s = owner;

	if (w->state == WORKER_ENDED)
		on_ended(s, w);
	else
		on_progress(s, w);
	arrange(s);
	finish_if_ended(s);
}

int sessions_init(struct sessions *s, uv_loop_t *loop, const struct options *options,
	const struct sessions_events *events, void *owner)
{
	int err;

	*s = (struct sessions){.options = options,
		.events = events,
		.owner = owner,
		.backoff_ms = BACKOFF_FIRST_MS};
	TAILQ_INIT(&s->tickets);
	s->retry.data = s;
	err = uv_timer_init(loop, &s->retry);
	return err ? err : crew_init(&s->crew, loop, options, on_changed, s);
}

void sessions_begin(struct sessions *s)
{
	arrange(s);
}

void sessions_end(struct sessions *s)
{
	s->ending = true;
	refuse_waiting(s, REFUSAL_BUSY, "the server is shutting down");
	crew_end(&s->crew);
	finish_if_ended(s);
}
