/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices: how many there are and how much memory they have (environment,
 * read once by cuInit), their names and numbers, and the process-wide state.
 */
#include "soft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct gpu gpu = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.progress = PTHREAD_COND_INITIALIZER,
	.print = PTHREAD_MUTEX_INITIALIZER,
};

/* "512M", "4G", plain bytes; anything else is the default. */
static size_t memory_from_environment(void)
{
	const char *text = getenv("RGPU_SOFT_MEMORY");
	const size_t fallback = (size_t)2 << 30, most = (size_t)1 << 42;
	unsigned long long n;
	unsigned shift = 0;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return fallback;
	n = strtoull(text, &end, 10);
	if (*end)
		shift = *end == 'K' || *end == 'k'   ? 10
			: *end == 'M' || *end == 'm' ? 20
			: *end == 'G' || *end == 'g' ? 30
						     : 64;
	if (shift == 64 || !n || n > most >> shift)
		return fallback;
	return round_up(n << shift, ALLOC_ALIGN);
}

static unsigned devices_from_environment(void)
{
	const char *text = getenv("RGPU_SOFT_DEVICES");
	long n = text ? strtol(text, NULL, 10) : 1;

	return n < 1 || n > DEVICES_MAX ? 1 : n;
}

/* By CUDA_VISIBLE_DEVICES, whose list ends where a number is none of a device's; how many there are. */
static unsigned devices_visible(unsigned count, unsigned number[DEVICES_MAX])
{
	const char *text = getenv("CUDA_VISIBLE_DEVICES");
	unsigned n = 0;
	char *end;

	for (; !text && n < count; n++)
		number[n] = n;
	while (text && *text && n < DEVICES_MAX) {
		long wanted = strtol(text, &end, 10);

		if (end == text || wanted < 0 || wanted >= count || (*end && *end != ','))
			break;
		number[n++] = wanted;
		text = *end ? end + 1 : end;
	}
	return n;
}

static int device_open(struct device *d, unsigned index, unsigned number, size_t total)
{
	static const char uuid[17] = "RemoteGPU soft \0";

	d->index = index;
	d->number = number;
	d->total = total;
	memcpy(d->uuid.bytes, uuid, sizeof(d->uuid.bytes));
	d->uuid.bytes[15] = number;
	d->memfd = memfd_create("soft-device", MFD_CLOEXEC);
	if (d->memfd < 0)
		return -errno;
	/* Twice the memory in addresses, so that fragments seldom refuse an allocation. */
	if (arena_create(&d->arena, total * 2 + ((size_t)64 << 20)) < 0 ||
		context_create(d, 0, &d->primary)) {
		close(d->memfd);
		return -ENOMEM;
	}
	d->primary->primary = true;
	return 0;
}

static void forget_in_child(void)
{
	pthread_mutex_init(&gpu.lock, NULL);
	pthread_mutex_init(&gpu.print, NULL);
	pthread_cond_init(&gpu.progress, NULL);
	gpu.forked = gpu.ready;
	gpu.ready = false;
}

static CUresult open_devices(void)
{
	size_t total = memory_from_environment();
	unsigned number[DEVICES_MAX], i, count = devices_visible(devices_from_environment(), number);

	if (gpu.forked)
		return CUDA_ERROR_NOT_INITIALIZED;
	if (!count)
		return CUDA_ERROR_NO_DEVICE;
	ranges_init();
	for (i = 0; i < count; i++)
		if (device_open(&gpu.devices[i], i, number[i], total) < 0)
			return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_atfork(NULL, NULL, forget_in_child);
	gpu.devices_count = count;
	gpu.ready = true;
	return CUDA_SUCCESS;
}

CUresult cuInit(unsigned int flags)
{
	CUresult result = CUDA_SUCCESS;

	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&gpu.lock);
	if (!gpu.ready)
		result = open_devices();
	pthread_mutex_unlock(&gpu.lock);
	return result;
}

CUresult cuDriverGetVersion(int *version)
{
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = DRIVER_VERSION;
	return CUDA_SUCCESS;
}

CUresult device_find(CUdevice dev, struct device **out)
{
	if (dev < 0 || (unsigned)dev >= gpu.devices_count)
		return CUDA_ERROR_INVALID_DEVICE;
	*out = &gpu.devices[dev];
	return CUDA_SUCCESS;
}

int device_charge(struct device *d, size_t bytes)
{
	if (bytes > d->total - d->used)
		return -ENOMEM;
	d->used += bytes;
	return 0;
}

void device_refund(struct device *d, size_t bytes)
{
	d->used -= bytes;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
	struct device *d;
	CUresult result = need(device, enter_device());

	if (result)
		return result;
	result = device_find(ordinal, &d);
	if (!result)
		*device = ordinal;
	return leave(result);
}

CUresult cuDeviceGetCount(int *count)
{
	CUresult result = need(count, enter_device());

	if (result)
		return result;
	*count = gpu.devices_count;
	return leave(CUDA_SUCCESS);
}

CUresult cuDeviceGetName(char *name, int len, CUdevice dev)
{
	struct device *d;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!name || len <= 0)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = device_find(dev, &d);
	if (!result)
		snprintf(name, len, "RemoteGPU software device");
	return leave(result);
}

static CUresult get_uuid(CUuuid *uuid, CUdevice dev)
{
	struct device *d;
	CUresult result = need(uuid, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		*uuid = d->uuid;
	return leave(result);
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	return get_uuid(uuid, dev);
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
	return get_uuid(uuid, dev);
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
	struct device *d;
	CUresult result = need(bytes, enter_device());

	if (result)
		return result;
	result = device_find(dev, &d);
	if (!result)
		*bytes = d->total;
	return leave(result);
}
