/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuGetProcAddress: from a base name, an API level and a default-stream mode to
 * one of our exported functions. The rule is the driver's: of the levels of that
 * name, the highest one that is not above the asked-for level; names with
 * per-thread forms answer only those to who wants per-thread streams. Rows come
 * from the spec, sorted by name. Allowed before cuInit; asked hundreds of times
 * by every runtime that starts.
 */
#include <string.h>
#include "client_calls.h"
#include "proc_address.h"

/* The first row whose name is not before @name. */
static size_t rows_lower(const struct proc_row *rows, size_t count, const char *name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(rows[middle].base, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The row to answer with, or NULL and why in @status. */
static const struct proc_row *row_find(const char *name, int version, cuuint64_t flags,
				       CUdriverProcAddressQueryResult *status)
{
	int mode = flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM ?
			   CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM :
			   CU_GET_PROC_ADDRESS_LEGACY_STREAM;
	const struct proc_row *best = NULL, *rows;
	size_t count, i, first;

	rows = proc_rows(&count);
	first = rows_lower(rows, count, name);
	for (i = first; i < count && strcmp(rows[i].base, name) == 0; i++) {
		if (!(rows[i].flags & mode) || rows[i].version > version)
			continue;
		if (!best || rows[i].version > best->version)
			best = &rows[i];
	}
	if (best)
		*status = CU_GET_PROC_ADDRESS_SUCCESS;
	else if (i == first)
		*status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	else
		*status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
	return best;
}

static int request_valid(const char *symbol, void **pfn, cuuint64_t flags)
{
	const cuuint64_t known = CU_GET_PROC_ADDRESS_LEGACY_STREAM |
				 CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;

	return symbol && pfn && !(flags & ~known);
}

/* A miss is no error: it is told by *pfn and *symbolStatus. */
CUresult client_cuGetProcAddress_v2(const char *symbol, void **pfn, int cudaVersion,
				    cuuint64_t flags, CUdriverProcAddressQueryResult *symbolStatus)
{
	CUdriverProcAddressQueryResult status;
	const struct proc_row *row;

	if (!request_valid(symbol, pfn, flags))
		return CUDA_ERROR_INVALID_VALUE;
	row = row_find(symbol, cudaVersion, flags, &status);
	*pfn = row ? row->function : NULL;
	if (symbolStatus)
		*symbolStatus = status;
	return CUDA_SUCCESS;
}

/* The form of CUDA 11.3: a miss is an error and leaves *pfn alone. */
CUresult client_cuGetProcAddress(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags)
{
	CUdriverProcAddressQueryResult status;
	const struct proc_row *row;

	if (!request_valid(symbol, pfn, flags))
		return CUDA_ERROR_INVALID_VALUE;
	row = row_find(symbol, cudaVersion, flags, &status);
	if (!row)
		return CUDA_ERROR_NOT_FOUND;
	*pfn = row->function;
	return CUDA_SUCCESS;
}
