/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Medians and percentiles. The headline figure of a measurement is the median
 * of its runs' medians, so that one disturbed run does not move it; the 99th
 * percentile is that of all samples, so that a disturbed run shows in it.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "statistics.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void sort_values(double *values, size_t count)
{
	if (count)
		qsort(values, count, sizeof(*values), compare);
}

double median_sorted(const double *sorted, size_t count)
{
	if (!count)
		return 0;
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double percentile_sorted(const double *sorted, size_t count, double percent)
{
	double rank = ceil(percent / 100 * (double)count);

	if (!count)
		return 0;
	if (rank < 1)
		rank = 1;
	if (rank > (double)count)
		rank = (double)count;
	return sorted[(size_t)rank - 1];
}

double median(double *values, size_t count)
{
	sort_values(values, count);
	return median_sorted(values, count);
}

static int series_reserve(struct series *s, size_t more)
{
	size_t capacity = s->capacity ? s->capacity : 256;
	double *samples, *medians;

	while (capacity < s->count + more)
		capacity *= 2;
	samples = realloc(s->samples, capacity * sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	s->samples = samples;
	s->capacity = capacity;
	medians = realloc(s->run_medians, (s->runs + 1) * sizeof(*medians));
	if (!medians)
		return -ENOMEM;
	s->run_medians = medians;
	return 0;
}

int series_add_run(struct series *s, double *samples, size_t count)
{
	int err;

	if (!count)
		return 0;
	err = series_reserve(s, count);
	if (err < 0)
		return err;
	s->run_medians[s->runs++] = median(samples, count);
	memcpy(s->samples + s->count, samples, count * sizeof(*samples));
	s->count += count;
	return 0;
}

double series_median(const struct series *s)
{
	double *copy, m;

	if (!s->runs)
		return 0;
	copy = malloc(s->runs * sizeof(*copy));
	if (!copy)
		return 0;
	memcpy(copy, s->run_medians, s->runs * sizeof(*copy));
	m = median(copy, s->runs);
	free(copy);
	return m;
}

double series_p99(const struct series *s)
{
	double *copy, p;

	if (!s->count)
		return 0;
	copy = malloc(s->count * sizeof(*copy));
	if (!copy)
		return 0;
	memcpy(copy, s->samples, s->count * sizeof(*copy));
	sort_values(copy, s->count);
	p = percentile_sorted(copy, s->count, 99);
	free(copy);
	return p;
}

void series_fini(struct series *s)
{
	free(s->samples);
	free(s->run_medians);
	memset(s, 0, sizeof(*s));
}
