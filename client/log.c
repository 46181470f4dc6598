/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per message on stderr, written by a single write() so that lines of
 * several threads and processes don't mix: what is not text in it, as a server
 * or a variable may have it, becomes "?". RGPU_LOG is read at the first message:
 * error, warn (default), info or debug; another word is told once.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_name[] = {"error", "warn", "info", "debug"};

static int threshold(void)
{
	static int known = -1;
	const char *value;
	int level = -1;

	if (known >= 0)
		return known;
	value = getenv("RGPU_LOG");
	for (int i = 0; value && i <= LOG_DEBUG; i++) {
		if (strcmp(value, level_name[i]) == 0)
			level = i;
	}
	known = level < 0 ? LOG_WARN : level;
	if (level < 0 && value && *value)
		log_write(LOG_WARN, "RGPU_LOG=%s has no meaning: it must be error, warn, info or debug",
			value);
	return known;
}

void log_write(enum log_level level, const char *format, ...)
{
	char line[2048];
	int saved = errno;
	va_list args;
	int n, m;

	if ((int)level > threshold())
		return;
	n = snprintf(line, sizeof(line), "remotegpu: %s: ", level_name[level]);
	va_start(args, format);
	m = vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	if (m < 0)
		m = 0;
	n += m;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (m = 0; m < n; m++)
		if ((unsigned char)line[m] < ' ' || line[m] == 0x7f)
			line[m] = '?';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		n = 0;
	errno = saved;
}
