/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists the devices that the driver library offers: with RemoteGPU those of the
 * server that RGPU_SERVERS names. Exit status 1 if there are none.
 */
#include "check.h"

static int attribute(CUdevice device, CUdevice_attribute which)
{
	int value;

	CHECK(cuDeviceGetAttribute(&value, which, device));
	return value;
}

static void print_device(int ordinal)
{
	char name[256];
	CUdevice device;
	char bus[32];
	size_t bytes;

	CHECK(cuDeviceGet(&device, ordinal));
	CHECK(cuDeviceGetName(name, sizeof(name), device));
	CHECK(cuDeviceTotalMem(&bytes, device));
	CHECK(cuDeviceGetPCIBusId(bus, sizeof(bus), device));
	printf("device %d: %s at %s\n", ordinal, name, bus);
	printf("  memory %.1f GiB, compute capability %d.%d, %d multiprocessors\n",
		(double)bytes / (1 << 30),
		attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
		attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
		attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
}

int main(void)
{
	int version, count;

	CHECK(cuInit(0));
	CHECK(cuDriverGetVersion(&version));
	CHECK(cuDeviceGetCount(&count));
	printf("driver API %d.%d, %d device%s\n", version / 1000, version % 1000 / 10, count,
		count == 1 ? "" : "s");
	for (int i = 0; i < count; i++)
		print_device(i);
	return count == 0;
}
