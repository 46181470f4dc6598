/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that are answered here: the session's life, texts, and what a
 * client must not learn from a shared GPU. Lists of processes are empty: the
 * server's numbers of processes mean nothing here, and are those of others.
 * A set of events exists, because monitors make one first; nothing can be
 * registered for it.
 */
#include "nvml_calls.h"

#include <errno.h>
#include <time.h>

#include "nvml/local.h"
#include "nvml/session.h"

nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
	nvmlReturn_t r;

	session_lock();
	r = session_open();
	session_unlock();
	return r;
}

nvmlReturn_t nvmlInit_v2(void)
{
	return nvmlInitWithFlags(0);
}

nvmlReturn_t nvmlInit(void)
{
	return nvmlInitWithFlags(0);
}

nvmlReturn_t nvmlShutdown(void)
{
	nvmlReturn_t r;

	session_lock();
	r = session_close();
	session_unlock();
	return r;
}

nvmlText_t nvmlErrorString(nvmlReturn_t result)
{
	static const char *const text[] = {
		"Success",
		"Uninitialized",
		"Invalid Argument",
		"Not Supported",
		"Insufficient Permissions",
		"Already Initialized",
		"Not Found",
		"Insufficient Size",
		"Insufficient External Power",
		"Driver Not Loaded",
		"Timeout",
		"Interrupt Request Issue",
		"NVML Shared Library Not Found",
		"Function Not Found",
		"Corrupted infoROM",
		"GPU is lost",
		"GPU requires reset",
		"The operating system has blocked the request",
		"Driver/library version mismatch",
		"In use by another client",
		"Insufficient Memory",
		"No data",
		"Not supported with ECC on a virtual GPU",
		"Insufficient Resources",
		"Frequency Not Supported",
		"Argument version mismatch",
		"Deprecated",
		"Not Ready",
		"GPU not found",
		"Invalid State",
		"Reset type not supported",
	};

	return result < sizeof(text) / sizeof(text[0]) ? text[result] : "Unknown Error";
}

/* ---- processes ---- */

nvmlReturn_t local_processes(nvmlDevice_t device, unsigned int *count)
{
	unsigned index;
	nvmlReturn_t r = nvmlDeviceGetIndex(device, &index);

	/* A part of a GPU has no index of its own, but it is a device. */
	if (r == NVML_ERROR_UNINITIALIZED || r == NVML_ERROR_INVALID_ARGUMENT)
		return r;
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = 0;
	return NVML_SUCCESS;
}

#define PROCESSES(name)                                                                            \
	nvmlReturn_t name(nvmlDevice_t device, unsigned int *infoCount, void *infos)               \
	{                                                                                          \
		return local_processes(device, infoCount);                                         \
	}

PROCESSES(nvmlDeviceGetComputeRunningProcesses)
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v2)
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v2)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3)
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses)
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v2)
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v3)

/* ---- events ---- */

#define EVENT_SET ((nvmlEventSet_t)0x6e766d6500000001ull)

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
	nvmlReturn_t r = nvml_refuse(NVML_SUCCESS);

	if (r != NVML_SUCCESS)
		return r;
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	*set = EVENT_SET;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
	return nvml_refuse(set == EVENT_SET ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT);
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
	struct timespec left = {timeoutms / 1000, timeoutms % 1000 * 1000000l};
	nvmlReturn_t r = nvmlEventSetFree(set);

	if (r != NVML_SUCCESS)
		return r;
	if (!data)
		return NVML_ERROR_INVALID_ARGUMENT;
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
	return NVML_ERROR_TIMEOUT;
}

nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
	return nvmlEventSetWait_v2(set, data, timeoutms);
}
