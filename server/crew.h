/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker processes, from start to end. Each serves one session in its
 * life; which one is the owner's affair, who claims a worker by setting its
 * ticket. A worker that serves ends with its session; all end when the crew
 * is told to.
 */
#ifndef CREW_H
#define CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <uv.h>

#include "control.h"
#include "options.h"
#include "settings.h"

enum worker_state {
	WORKER_STARTING,
	WORKER_READY,	/* waits for its session */
	WORKER_SERVING, /* has been assigned */
	WORKER_ENDED,
};

struct crew;
struct ticket;

struct worker {
	LIST_ENTRY(worker) link;
	struct crew *crew;
	struct ticket *ticket; /* the owner's: whom it will serve or serves */
	enum worker_state state;
	bool was_ready;
	bool told_to_end;
	Control__SessionKind kind;
	struct settings settings;
	pid_t pid;
	int link_fd;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles;
	char driver[512];  /* that it has loaded and that works, in words; empty: none yet */
	char failure[512]; /* why it could not become ready, or how it ended; empty: as it should */
};

LIST_HEAD(workers, worker);

struct crew {
	uv_loop_t *loop;
	const struct options *options;
	/* A worker has a driver now, or is READY or ENDED; an ENDED one is gone when this returns.
	 */
	void (*changed)(void *owner, struct worker *w);
	void *owner;
	struct workers workers;
	uv_signal_t reaper;
};

int crew_init(struct crew *c, uv_loop_t *loop, const struct options *options,
	void (*changed)(void *owner, struct worker *w), void *owner);
/* Tell all workers to end; crew_empty once they have. Then crew_close. */
void crew_end(struct crew *c);
bool crew_empty(const struct crew *c);
void crew_close(struct crew *c);

/* Start a worker with this profile; the settings are copied. */
int crew_start(struct crew *c, Control__SessionKind kind, const struct settings *settings,
	struct worker **out);
/* The nearest to ready that has the profile and no ticket, or NULL. */
struct worker *crew_find(
	const struct crew *c, Control__SessionKind kind, const struct settings *settings);
unsigned crew_count(const struct crew *c, enum worker_state state);

/* Ask, and soon force. */
void worker_end(struct worker *w);

#endif
