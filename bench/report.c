/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects samples and prints them. A ratio is always remote time divided by
 * native time: 1.00 is as fast as native, 2.00 takes twice as long.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

static struct row *row_find(struct report *report, const char *name, size_t bytes)
{
	struct row *row;

	for (unsigned i = 0; i < report->row_count; i++) {
		row = &report->rows[i];
		if (row->bytes == bytes && !strcmp(row->name, name))
			return row;
	}
	if (report->row_count == ROWS_MAX)
		return NULL;
	row = &report->rows[report->row_count++];
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->bytes = bytes;
	return row;
}

/* "NAME|BYTES|COUNT NS NS ..." */
static int report_result(struct report *report, int side, char *text)
{
	char *name = strsep(&text, "|"), *bytes = strsep(&text, "|");
	struct row *row;
	double *samples;
	size_t count;
	int err;

	if (!text)
		return -EPROTO;
	row = row_find(report, name, strtoull(bytes, NULL, 10));
	count = strtoull(text, &text, 10);
	if (!row || !count || count > 1 << 20)
		return -EPROTO;
	samples = calloc(count, sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		samples[i] = strtod(text, &text);
	err = series_add_run(&row->side[side], samples, count);
	free(samples);
	return err;
}

int report_line(struct report *report, int side, char *line)
{
	struct side *s = &report->side[side];
	char *word = strsep(&line, " ");

	if (!line)
		return -EPROTO;
	line[strcspn(line, "\n")] = '\0';
	s->used = true;
	if (!strcmp(word, "library"))
		snprintf(s->library, sizeof(s->library), "%s", line);
	else if (!strcmp(word, "device"))
		snprintf(s->device, sizeof(s->device), "%s", line);
	else if (!strcmp(word, "driver"))
		s->driver = atoi(line);
	else if (!strcmp(word, "result"))
		return report_result(report, side, line);
	else
		return -EPROTO;
	return 0;
}

/* Microseconds for a time, GB/s for a copy. */
static double figure(const struct row *row, double ns)
{
	if (!row->bytes)
		return ns / 1000;
	return ns > 0 ? (double)row->bytes / ns : 0;
}

static double ratio(const struct row *row)
{
	double native = series_median(&row->side[NATIVE]);

	return native > 0 ? series_median(&row->side[REMOTE]) / native : 0;
}

static void size_name(size_t bytes, char *out, size_t size)
{
	if (bytes >= 1 << 30 && bytes % (1 << 30) == 0)
		snprintf(out, size, "%zu GiB ", bytes >> 30);
	else if (bytes >= 1 << 20 && bytes % (1 << 20) == 0)
		snprintf(out, size, "%zu MiB ", bytes >> 20);
	else if (bytes >= 1 << 10 && bytes % (1 << 10) == 0)
		snprintf(out, size, "%zu KiB ", bytes >> 10);
	else
		snprintf(out, size, "%zu B ", bytes);
}

static void print_side(const struct row *row, int side, FILE *f)
{
	const struct series *s = &row->side[side];

	if (s->count)
		fprintf(f, " %11.2f %11.2f", figure(row, series_median(s)),
			figure(row, series_p99(s)));
	else
		fprintf(f, " %11s %11s", "-", "-");
}

static void print_row(const struct row *row, FILE *f)
{
	char label[NAME_SIZE + 24] = "";

	if (row->bytes)
		size_name(row->bytes, label, sizeof(label));
	snprintf(label + strlen(label), sizeof(label) - strlen(label), "%s", row->name);
	fprintf(f, "%-30s", label);
	print_side(row, NATIVE, f);
	print_side(row, REMOTE, f);
	if (row->side[NATIVE].count && row->side[REMOTE].count)
		fprintf(f, " %7.2f\n", ratio(row));
	else
		fprintf(f, " %7s\n", "-");
}

void report_table(const struct report *report, FILE *f)
{
	static const char *const title[SIDES] = {"native", "remote"};

	for (int i = 0; i < SIDES; i++) {
		const struct side *s = &report->side[i];

		if (s->used)
			fprintf(f, "%s: %s, driver API %d.%d, %s\n", title[i], s->device,
				s->driver / 1000, s->driver % 1000 / 10, s->library);
	}
	fprintf(f,
		"%s; medians of %u run%s, p99 of all samples; ratio: remote time / native time\n\n",
		report->bandwidth ? "GB/s" : "microseconds", report->repeat,
		report->repeat == 1 ? "" : "s");
	fprintf(f, "%-30s %11s %11s %11s %11s %7s\n", "", "native", "p99", "remote", "p99",
		"ratio");
	for (unsigned i = 0; i < report->row_count; i++)
		print_row(&report->rows[i], f);
}

static void json_string(FILE *f, const char *name, const char *value, const char *end)
{
	fprintf(f, "\"%s\": \"", name);
	for (const char *c = value ? value : ""; *c; c++) {
		if ((unsigned char)*c < 0x20)
			fprintf(f, "\\u%04x", *c);
		else
			fprintf(f, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	}
	fprintf(f, "\"%s", end);
}

static void json_machine(FILE *f)
{
	struct utsname u;
	char date[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	json_string(f, "date", date, ", ");
	uname(&u);
	fprintf(f, "\"machine\": {");
	json_string(f, "host", u.nodename, ", ");
	json_string(f, "kernel", u.release, ", ");
	json_string(f, "architecture", u.machine, ", ");
	fprintf(f, "\"cores\": %ld, \"memory\": %lld},\n", sysconf(_SC_NPROCESSORS_ONLN),
		(long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

static void json_side(FILE *f, const struct side *s, const char *name)
{
	if (!s->used) {
		fprintf(f, " \"%s\": null,\n", name);
		return;
	}
	fprintf(f, " \"%s\": {", name);
	json_string(f, "library", s->library, ", ");
	json_string(f, "device", s->device, ", ");
	fprintf(f, "\"driver_version\": %d},\n", s->driver);
}

static void json_series(FILE *f, const char *name, const struct row *row, int side)
{
	const struct series *s = &row->side[side];

	fprintf(f, "\"%s\": ", name);
	if (!s->count) {
		fprintf(f, "null, ");
		return;
	}
	fprintf(f, "{\"median\": %.4f, \"p99\": %.4f, \"samples\": %zu, \"runs\": [",
		figure(row, series_median(s)), figure(row, series_p99(s)), s->count);
	for (size_t i = 0; i < s->runs; i++)
		fprintf(f, "%s%.4f", i ? ", " : "", figure(row, s->run_medians[i]));
	fprintf(f, "]}, ");
}

static void json_row(FILE *f, const struct row *row, bool last)
{
	fprintf(f, "  {");
	json_string(f, "name", row->name, ", ");
	fprintf(f, "\"bytes\": %zu, ", row->bytes);
	json_string(f, "unit", row->bytes ? "GB/s" : "us", ", ");
	json_series(f, "native", row, NATIVE);
	json_series(f, "remote", row, REMOTE);
	if (row->side[NATIVE].count && row->side[REMOTE].count)
		fprintf(f, "\"ratio\": %.4f}%s\n", ratio(row), last ? "" : ",");
	else
		fprintf(f, "\"ratio\": null}%s\n", last ? "" : ",");
}

int report_json(const struct report *report, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fprintf(f, "{\"tool\": \"rgpu-bench\", \"version\": \"" VERSION "\", ");
	json_string(f, "mode", report->bandwidth ? "bandwidth" : "latency", ", ");
	fprintf(f, "\"repeat\": %u,\n ", report->repeat);
	json_machine(f);
	fputc(' ', f);
	json_string(f, "servers", report->servers, ",\n");
	json_side(f, &report->side[NATIVE], "native");
	json_side(f, &report->side[REMOTE], "remote");
	fprintf(f, " \"results\": [\n");
	for (unsigned i = 0; i < report->row_count; i++)
		json_row(f, &report->rows[i], i + 1 == report->row_count);
	fprintf(f, " ]}\n");
	if (ferror(f)) {
		fclose(f);
		return -EIO;
	}
	return fclose(f) ? -errno : 0;
}

void report_fini(struct report *report)
{
	for (unsigned i = 0; i < report->row_count; i++) {
		for (int side = 0; side < SIDES; side++)
			series_fini(&report->rows[i].side[side]);
	}
	report->row_count = 0;
}
