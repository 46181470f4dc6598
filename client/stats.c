/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts are kept per thread while a call runs and added to the process's
 * table when it leaves. Off, the whole costs one predictable branch per call.
 */
#include "stats.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "call_names.h"
#include "clock.h"
#include "log.h"

struct count {
	_Atomic uint64_t calls, waits, bytes, ns, failed;
	_Atomic CUresult error; /* of the last that failed */
};

bool call_stats;

static struct count *counts;
static const char *path;
static __thread uint64_t waits, bytes;
static __thread unsigned nesting;

void stats_sent(size_t n)
{
	bytes += n;
}

void stats_waited(void)
{
	waits++;
}

uint64_t call_stats_enter(void)
{
	if (nesting++ == 0)
		waits = bytes = 0;
	return clock_ns();
}

void call_stats_leave(unsigned index, uint64_t entered, CUresult result)
{
	struct count *c = &counts[index];

	if (--nesting)
		return;
	atomic_fetch_add(&c->calls, 1);
	atomic_fetch_add(&c->waits, waits);
	atomic_fetch_add(&c->bytes, bytes);
	atomic_fetch_add(&c->ns, clock_ns() - entered);
	if (result && result != CUDA_ERROR_NOT_READY) {
		atomic_fetch_add(&c->failed, 1);
		atomic_store(&c->error, result);
	}
}

void stats_start(void)
{
	const char *wanted = getenv("RGPU_STATS");

	if (!wanted || !*wanted || call_stats)
		return;
	counts = calloc(call_index_count, sizeof(*counts));
	path = strdup(wanted);
	call_stats = counts && path;
}

void stats_write(void)
{
	const char *comma = "";
	uint64_t all_calls = 0, all_waits = 0;
	FILE *f;

	if (!call_stats)
		return;
	f = fopen(path, "we");
	if (!f) {
		log_write(LOG_ERROR, "RGPU_STATS: cannot write %s: %s", path, strerror(errno));
		return;
	}
	fprintf(f, "{\n  \"calls\": {");
	for (unsigned i = 0; i < call_index_count; i++) {
		struct count *c = &counts[i];

		if (!c->calls)
			continue;
		fprintf(f, "%s\n    \"%s\": {\"calls\": %lu, \"waits\": %lu, \"bytes\": %lu, \"us\": %.1f",
			comma, call_index_name[i], c->calls, c->waits, c->bytes, c->ns / 1e3);
		if (c->failed)
			fprintf(f, ", \"failed\": %lu, \"error\": %d", c->failed, (int)c->error);
		fputc('}', f);
		comma = ",";
		all_calls += c->calls;
		all_waits += c->waits;
	}
	fprintf(f, "\n  },\n  \"total\": {\"calls\": %lu, \"waits\": %lu}\n}\n", all_calls, all_waits);
	if (fclose(f))
		log_write(LOG_ERROR, "RGPU_STATS: cannot write %s: %s", path, strerror(errno));
}
