/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose structs or lengths the host's library is not trusted to bound:
 * older forms are answered from the newest one, a length by the buffer's own.
 */
#include <stddef.h>
#include <string.h>

#include "nvml.h"
#include "nvml_custom.h"

/* The older structs end where the newer one goes on. */
_Static_assert(offsetof(nvmlPciInfo_t, pciDeviceId) == offsetof(nvmlPciInfo_v1_t, pciDeviceId) &&
		       offsetof(nvmlPciInfo_t, pciSubSystemId) ==
			       offsetof(nvmlPciInfo_v2_t, pciSubSystemId),
	"what the forms share lies at the same place");

static void to_v2(nvmlPciInfo_v2_t *to, const nvmlPciInfo_t *from)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, offsetof(nvmlPciInfo_v2_t, reserved));
}

nvmlReturn_t server_nvmlDeviceGetPciInfo(
	struct nvml_request *q, nvmlDevice_t device, nvmlPciInfo_v1_t *pci)
{
	nvmlPciInfo_t newest;
	nvmlReturn_t r = nvml_host.nvmlDeviceGetPciInfo_v3(device, &newest);

	if (r == NVML_SUCCESS)
		memcpy(pci, &newest, sizeof(*pci));
	return r;
}

nvmlReturn_t server_nvmlDeviceGetPciInfo_v2(
	struct nvml_request *q, nvmlDevice_t device, nvmlPciInfo_v2_t *pci)
{
	nvmlPciInfo_t newest;
	nvmlReturn_t r = nvml_host.nvmlDeviceGetPciInfo_v3(device, &newest);

	if (r == NVML_SUCCESS)
		to_v2(pci, &newest);
	return r;
}

nvmlReturn_t server_nvmlDeviceGetNvLinkRemotePciInfo(
	struct nvml_request *q, nvmlDevice_t device, unsigned int link, nvmlPciInfo_v2_t *pci)
{
	nvmlPciInfo_t newest;
	nvmlReturn_t r = nvml_host.nvmlDeviceGetNvLinkRemotePciInfo_v2(device, link, &newest);

	if (r == NVML_SUCCESS)
		to_v2(pci, &newest);
	return r;
}

nvmlReturn_t server_nvmlSystemGetDriverBranch(
	struct nvml_request *q, nvmlSystemDriverBranchInfo_t *info, unsigned int length)
{
	if (length > sizeof(info->branch))
		length = sizeof(info->branch);
	return nvml_host.nvmlSystemGetDriverBranch(info, length);
}
