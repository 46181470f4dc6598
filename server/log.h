/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's log: one line per event on stderr, written in one piece, so
 * that lines of the supervisor and its workers never mix:
 *
 *   2026-01-31T12:00:00.123Z info session=7 peer=10.0.0.9:50122 pid=4711 text
 *
 * A worker serves one session and names it once; the supervisor names the
 * subject of each line. Control characters are replaced: some of the text
 * comes from clients. So does the number of lines: below LOG_DEBUG, and but for
 * errors, a process writes 20 a second, and LOG_BURST at once. Who logs never
 * waits for long for who reads.
 */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

enum { LOG_BURST = 2000 };

struct log_subject {
	uint64_t session; /* 0: none yet */
	const char *peer; /* may be NULL */
};

/* Lines above this level are left out; LOG_INFO at start. */
void log_set_level(enum log_level level);
/* "error", "warn", "info" or "debug"; -EINVAL for other words. */
int log_parse_level(const char *word, enum log_level *out);
const char *log_level_name(enum log_level level);

/* What this process's lines are about when they name no subject. @peer is copied. Called before
 * there are other threads. */
void log_set_session(uint64_t session, const char *peer);

/* Where lines go; stderr at start. */
void log_set_descriptor(int fd);
int log_descriptor(void);

/* @about may be NULL. */
void log_line(enum log_level level, const struct log_subject *about, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
