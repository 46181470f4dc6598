/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See watch.h. Measured on driver 580: cuModuleLoadData, cuLibraryUnload,
 * cuMemHostUnregister, cuMemFree and cuCtxSetLimit wait for all work of the
 * context with a lock held that launches, copies, records and allocations of
 * other threads need. Queries of events and streams do not need it. So this
 * thread, which only queries, goes on when the dispatcher has not looked for a
 * while; it sleeps while the session has had nothing to poll for some time, but
 * for a look at what failed now and then.
 */
#include "watch.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "thread.h"

enum {
	LOOK_US = 1000,	   /* between two looks at whether the dispatcher polls */
	POLL_US = 50,	   /* between two polls in its place */
	LOOKS_AWAKE = 200, /* looks without anything to poll before it sleeps */
	FAULT_LOOKS = 10,  /* looks of which one is at faults, too */
	SLEEP_US = 100000, /* at most, where there are contexts in which something may fail */
};

static bool has_contexts(struct session *s)
{
	bool some;

	pthread_mutex_lock(&s->state);
	some = !LIST_EMPTY(&s->contexts);
	pthread_mutex_unlock(&s->state);
	return some;
}

static void watch_sleep(struct session *s)
{
	const struct timespec limit = {.tv_nsec = SLEEP_US * 1000L};

	atomic_store(&s->watch_asleep, 1);
	if (!session_busy(s))
		syscall(SYS_futex, &s->watch_asleep, FUTEX_WAIT_PRIVATE, 1,
			has_contexts(s) ? &limit : NULL, NULL, 0);
	atomic_store(&s->watch_asleep, 0);
}

void watch_wake(struct session *s)
{
	/* Pairs with the store in watch_sleep: what was published before is seen there, or this is
	 * seen here. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&s->watch_asleep, memory_order_relaxed))
		return;
	atomic_store(&s->watch_asleep, 0);
	syscall(SYS_futex, &s->watch_asleep, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* The dispatcher has not polled since @polls: do it until it does. */
static void watch_poll(struct session *s, uint64_t polls)
{
	while (session_busy(s) && atomic_load(&s->polls) == polls) {
		if (session_watch(s))
			session_flush(s);
		usleep(POLL_US);
	}
}

static void *watch(void *arg)
{
	struct session *s = arg;
	uint64_t before = 0;
	unsigned idle = 0, looks = 0;

	thread_prepare();
	prctl(PR_SET_TIMERSLACK, 1000UL);
	for (;;) {
		uint64_t polls = atomic_load(&s->polls);

		idle = session_busy(s) ? 0 : idle + 1;
		if (idle > LOOKS_AWAKE)
			watch_sleep(s);
		else if (!idle && polls == before)
			watch_poll(s, polls);
		if (idle > LOOKS_AWAKE || ++looks == FAULT_LOOKS) {
			fault_look(s);
			looks = 0;
		}
		before = polls;
		usleep(LOOK_US);
	}
	return NULL;
}

int watch_start(struct session *s)
{
	return thread_start(watch, s);
}
