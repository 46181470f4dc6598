/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of private functions that nvidia-smi fetches and without which it
 * says that versions don't match. It is 2,160 bytes long, the first slot holds
 * that size, and nvidia-smi calls the five slots below; it may call others,
 * which say that they are not supported.
 */
#include "nvml_calls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "nvml/call.h"
#include "nvml/local.h"

enum {
	TABLE_SLOTS = 270,
	SLOT_LOG = 26,
	SLOT_BUS_ID = 81,
	SLOT_COMPUTE_PROCESSES = 213,
	SLOT_GRAPHICS_PROCESSES = 214,
	SLOT_MPS_PROCESSES = 215,
};

static const unsigned char table_id[16] = {
	0xc4,
	0xfe,
	0x3e,
	0x6c,
	0xc9,
	0x8f,
	0x6c,
	0x4e,
	0xa3,
	0x27,
	0xee,
	0x69,
	0x6e,
	0x12,
	0xf7,
	0xc4,
};

static const void *table[TABLE_SLOTS];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static int not_supported(void)
{
	return NVML_ERROR_NOT_SUPPORTED;
}

/* Told of every line that nvidia-smi prints. */
static int log_line(const char *format, const char *what, const char *line, ...)
{
	return NVML_SUCCESS;
}

static int bus_id(unsigned index, char *text, unsigned length)
{
	nvmlDevice_t device;
	nvmlPciInfo_t pci;
	nvmlReturn_t r;
	int n;

	if (!text)
		return NVML_ERROR_INVALID_ARGUMENT;
	r = nvmlDeviceGetHandleByIndex_v2(index, &device);
	if (r == NVML_SUCCESS)
		r = nvmlDeviceGetPciInfo_v3(device, &pci);
	if (r != NVML_SUCCESS)
		return r;
	n = snprintf(text, length, "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
	return n < 0 || (unsigned)n >= length ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

static int processes(nvmlDevice_t device, unsigned *count, void *list)
{
	return local_processes(device, count);
}

static void fill_table(void)
{
	table[0] = (const void *)sizeof(table);
	for (int i = 1; i < TABLE_SLOTS; i++)
		table[i] = (const void *)not_supported;
	table[SLOT_LOG] = (const void *)log_line;
	table[SLOT_BUS_ID] = (const void *)bus_id;
	table[SLOT_COMPUTE_PROCESSES] = (const void *)processes;
	table[SLOT_GRAPHICS_PROCESSES] = (const void *)processes;
	table[SLOT_MPS_PROCESSES] = (const void *)processes;
}

nvmlReturn_t nvmlInternalGetExportTable(const void **out, const unsigned char *id)
{
	if (!out || !id)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (memcmp(id, table_id, sizeof(table_id)))
		return NVML_ERROR_NOT_FOUND;
	pthread_once(&table_once, fill_table);
	*out = table;
	return NVML_SUCCESS;
}
