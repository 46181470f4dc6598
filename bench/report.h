/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was measured, collected from the children's lines, and its two forms:
 * a table for people and JSON for programs.
 */
#ifndef REPORT_H
#define REPORT_H

#include <limits.h>
#include <stdio.h>

#include "measure.h"
#include "statistics.h"

enum {
	ROWS_MAX = 128,
	NATIVE = 0,
	REMOTE = 1,
	SIDES = 2,
};

struct row {
	char name[NAME_SIZE];
	size_t bytes; /* of one copy; 0: the figure is a time */
	struct series side[SIDES];
};

struct side {
	bool used;
	char library[PATH_MAX];
	char device[256];
	int driver;
};

struct report {
	struct side side[SIDES];
	struct row rows[ROWS_MAX];
	unsigned row_count;
	unsigned repeat;
	bool bandwidth;
	const char *servers;
};

/* Take in one line of a child that measured @side. -EPROTO for a line that is none of ours. */
int report_line(struct report *report, int side, char *line);

void report_table(const struct report *report, FILE *f);
int report_json(const struct report *report, const char *path);
void report_fini(struct report *report);

#endif
