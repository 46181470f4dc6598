/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few statistics that the tables show. All sort a private copy or say that
 * they sort in place; an empty set has the value 0.
 */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stddef.h>

/* Sorts @values in place, ascending. */
void sort_values(double *values, size_t count);

/* Of sorted values: the middle one, or the mean of the middle two. */
double median_sorted(const double *sorted, size_t count);

/* Of sorted values: the smallest one that at least @percent of them do not exceed. */
double percentile_sorted(const double *sorted, size_t count, double percent);

/* Sorts @values in place. */
double median(double *values, size_t count);

/* Samples of one measurement, in nanoseconds, run by run. Zero-initialised; fini frees. */
struct series {
	double *samples;
	size_t count, capacity;
	double *run_medians;
	size_t runs;
};

/* Adds one run's samples, which are sorted in place. -ENOMEM. */
int series_add_run(struct series *s, double *samples, size_t count);

/* The median of the runs' medians, and the 99th percentile of all samples. */
double series_median(const struct series *s);
double series_p99(const struct series *s);

void series_fini(struct series *s);

#endif
