/* SPDX-License-Identifier: Apache-2.0 */
/* See snapshot.h. */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "quota.h"
#include "state.h"

enum { ATTRIBUTES = 160 };

static void blob(ProtobufCBinaryData *out, const void *bytes, size_t size)
{
	out->data = malloc(size);
	if (!out->data)
		return;
	memcpy(out->data, bytes, size);
	out->len = size;
}

static void attributes(Control__Device *d, CUdevice device)
{
	d->attribute = calloc(ATTRIBUTES, sizeof(*d->attribute));
	if (!d->attribute)
		return;
	d->n_attribute = ATTRIBUTES;
	for (int i = 0; i < ATTRIBUTES; i++) {
		int value;

		if (!i || driver.cuDeviceGetAttribute(&value, i, device))
			value = INT32_MIN;
		d->attribute[i] = value;
	}
}

static int device_fill(Control__Device *d, int ordinal)
{
	char name[256] = "", pci[32] = "", luid[8] = "";
	unsigned mask = 0;
	size_t total = 0;
	uint64_t unused = 0, shown;
	CUdevice device;
	CUuuid uuid;

	if (driver.cuDeviceGet(&device, ordinal) ||
		driver.cuDeviceGetName(name, sizeof(name), device) ||
		driver.cuDeviceTotalMem_v2(&total, device))
		return -EIO;
	attributes(d, device);
	d->name = strdup(name);
	shown = total;
	quota_apply(ordinal, &unused, &shown);
	d->total_memory = shown;
	if (!driver.cuDeviceGetUuid(&uuid, device))
		blob(&d->uuid, &uuid, sizeof(uuid));
	if (!driver.cuDeviceGetUuid_v2(&uuid, device))
		blob(&d->uuid_v2, &uuid, sizeof(uuid));
	if (!driver.cuDeviceGetPCIBusId(pci, sizeof(pci), device))
		d->pci_bus_id = strdup(pci);
	if (!driver.cuDeviceGetLuid(luid, &mask, device)) {
		blob(&d->luid, luid, sizeof(luid));
		d->luid_node_mask = mask;
	}
	return d->name ? 0 : -ENOMEM;
}

int snapshot_fill(Control__Welcome *welcome)
{
	int count = 0, version = 0, err = 0;

	if (driver.cuDeviceGetCount(&count) || count < 0)
		return -EIO;
	if (count > SESSION_DEVICES_MAX)
		count = SESSION_DEVICES_MAX;
	driver.cuDriverGetVersion(&version);
	welcome->driver_version = version;
	welcome->memory_limit = quota_limit();
	welcome->software = driver_is_software();
	welcome->device = calloc(count + 1, sizeof(*welcome->device));
	if (!welcome->device)
		return -ENOMEM;
	for (int i = 0; i < count && !err; i++) {
		Control__Device *d = malloc(sizeof(*d));

		if (!d)
			return -ENOMEM;
		control__device__init(d);
		welcome->device[welcome->n_device++] = d;
		err = device_fill(d, i);
	}
	return err;
}
