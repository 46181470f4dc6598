/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See log.h. A line that is longer than the buffer is cut, never split. Lines
 * have a time each, LINE_NS after the one before or now; who would get one that
 * is too far ahead is left out. So is what does not fit a pipe or a terminal
 * whose reader has stopped: that must not stop the server.
 */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static int descriptor = STDERR_FILENO;
static enum log_level log_level = LOG_INFO;
static uint64_t own_session;
static char own_peer[128];

#define LINE_NS UINT64_C(50000000)
#define BURST_NS (LOG_BURST * LINE_NS)

enum { READER_MS = 100 }; /* that a reader is waited for, once until it reads again */

static _Atomic uint64_t next_ns;
static _Atomic unsigned left_out;
static _Atomic bool stalled;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Whether it is time for one more line. */
static bool line_is_due(void)
{
	uint64_t now = now_ns(), next = atomic_load(&next_ns), at;

	do {
		at = next > now ? next : now;
		if (at - now > BURST_NS)
			return false;
	} while (!atomic_compare_exchange_weak(&next_ns, &next, at + LINE_NS));
	return true;
}

void log_set_descriptor(int fd)
{
	descriptor = fd;
}

int log_descriptor(void)
{
	return descriptor;
}

/* A pipe that can be written to has room for a line. */
static bool has_room(void)
{
	struct pollfd p = {.fd = descriptor, .events = POLLOUT};
	bool room = poll(&p, 1, atomic_load(&stalled) ? 0 : READER_MS) != 0;

	atomic_store(&stalled, !room);
	return room;
}

void log_set_level(enum log_level level)
{
	log_level = level;
}

int log_parse_level(const char *word, enum log_level *out)
{
	size_t i;

	for (i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (!strcmp(word, level_names[i])) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_set_session(uint64_t session, const char *peer)
{
	own_session = session;
	snprintf(own_peer, sizeof(own_peer), "%s", peer ? peer : "");
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

static size_t put_head(
	char *out, size_t size, enum log_level level, const struct log_subject *about)
{
	uint64_t session = about ? about->session : own_session;
	const char *peer = about ? about->peer : own_peer;
	char date[32], number[24] = "-";
	struct timespec now;
	struct tm utc;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	if (session)
		snprintf(number, sizeof(number), "%llu", (unsigned long long)session);
	n = snprintf(out, size, "%s.%03ldZ %s session=%s peer=%s pid=%d ", date,
		now.tv_nsec / 1000000, level_names[level], number, peer && *peer ? peer : "-",
		(int)getpid());
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* False when it is left out. */
static bool put_line(
	enum log_level level, const struct log_subject *about, const char *format, va_list args)
{
	char line[2048];
	size_t n = put_head(line, sizeof(line) - 1, level, about), i;
	int more = vsnprintf(line + n, sizeof(line) - 1 - n, format, args);

	if (more > 0)
		n += (size_t)more < sizeof(line) - 1 - n ? (size_t)more : sizeof(line) - 2 - n;

	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	return has_room() && write(descriptor, line, n) > 0;
}

static bool put_text(enum log_level level, const char *format, ...)
{
	va_list args;
	bool put;

	va_start(args, format);
	put = put_line(level, NULL, format, args);
	va_end(args);
	return put;
}

static void tell_left_out(void)
{
	unsigned missing = atomic_exchange(&left_out, 0);

	if (missing && !put_text(LOG_WARN, "%u lines were left out: there were too many", missing))
		atomic_fetch_add(&left_out, missing);
}

void log_line(enum log_level level, const struct log_subject *about, const char *format, ...)
{
	bool limited = level > LOG_ERROR && log_level < LOG_DEBUG;
	int error = errno;
	va_list args;

	if (level > log_level)
		return;
	if (limited && !line_is_due()) {
		atomic_fetch_add(&left_out, 1);
		return;
	}
	tell_left_out();
	va_start(args, format);
	if (!put_line(level, about, format, args))
		atomic_fetch_add(&left_out, 1);
	va_end(args);
	errno = error;
}
