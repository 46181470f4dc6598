/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the client library: stderr only, as much as RGPU_LOG asks for. */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
