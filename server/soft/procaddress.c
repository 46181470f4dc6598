/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuGetProcAddress, from the table that the spec gives: of a name's levels the
 * highest that is not above what is asked for. The table refers to every call
 * weakly; those that this library lacks are not found.
 */
#include "soft.h"

#include <string.h>

#include "proc_address.h"

static const struct proc_row *find(
	const char *name, int version, cuuint64_t flags, CUdriverProcAddressQueryResult *status)
{
	int mode = flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM ? 2 : 1;
	const struct proc_row *rows, *best = NULL;
	size_t i, count;

	*status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	rows = proc_rows(&count);
	for (i = 0; i < count; i++) {
		if (strcmp(rows[i].base, name) != 0 || !rows[i].function)
			continue;
		if (!best)
			*status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
		if (rows[i].flags & mode && rows[i].version <= version &&
			(!best || rows[i].version > best->version))
			best = &rows[i];
	}
	if (best)
		*status = CU_GET_PROC_ADDRESS_SUCCESS;
	return best;
}

CUresult cuGetProcAddress_v2(const char *name, void **out, int version, cuuint64_t flags,
	CUdriverProcAddressQueryResult *status)
{
	CUdriverProcAddressQueryResult found;
	const struct proc_row *row;

	if (!name || !out || flags & ~(cuuint64_t)3)
		return CUDA_ERROR_INVALID_VALUE;
	row = find(name, version, flags, &found);
	*out = row ? row->function : NULL;
	if (status)
		*status = found;
	return CUDA_SUCCESS;
}

/* The first form: a miss is an error. */
CUresult cuGetProcAddress(const char *name, void **out, int version, cuuint64_t flags)
{
	CUdriverProcAddressQueryResult found;
	const struct proc_row *row;

	if (!name || !out || flags & ~(cuuint64_t)3)
		return CUDA_ERROR_INVALID_VALUE;
	row = find(name, version, flags, &found);
	if (!row)
		return CUDA_ERROR_NOT_FOUND;
	*out = row->function;
	return CUDA_SUCCESS;
}
