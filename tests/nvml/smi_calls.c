/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls NVML as nvidia-smi does in its four forms: plain, -L, -q and
 * --query-gpu. Each call must succeed or say that it is not supported. Prints
 * the failures and the totals.
 */
#include <stdio.h>
#include <string.h>

#include "nvml_calls.h"

enum {
	TABLE_SIZE = 2160,
	SLOT_LOG = 26,
	SLOT_BUS_ID = 81,
	SLOT_PROCESSES = 213,
	SLOT_PROCESSES_LAST = 215,
	CAPACITY = 500,
};

#define VERSION(type, number) (sizeof(type) | (number) << 24)
#define TRY(call) check(#call, call)

static int answered, not_supported, failed;

static void check(const char *call, nvmlReturn_t r)
{
	answered += r == NVML_SUCCESS;
	not_supported += r == NVML_ERROR_NOT_SUPPORTED;
	if (r == NVML_SUCCESS || r == NVML_ERROR_NOT_SUPPORTED)
		return;
	printf("%s: %u (%s)\n", call, r, nvmlErrorString(r));
	failed++;
}

/* ---- the private table ---- */

static const void *const *table;

static void fetch_table(void)
{
	static const unsigned char id[16] = {0xc4, 0xfe, 0x3e, 0x6c, 0xc9, 0x8f, 0x6c, 0x4e, 0xa3,
		0x27, 0xee, 0x69, 0x6e, 0x12, 0xf7, 0xc4};
	const void *out = NULL;

	for (int i = 0; i < 3; i++)
		TRY(nvmlInternalGetExportTable(&out, id));
	table = out;
	if (!table || (size_t)table[0] != TABLE_SIZE) {
		printf("the private table is not %d bytes long\n", TABLE_SIZE);
		failed++;
		table = NULL;
	}
}

static void use_table(unsigned index, nvmlDevice_t d)
{
	static unsigned char processes[CAPACITY][64];
	int (*log)(const char *format, const char *what, const char *line, ...);
	int (*bus_id)(unsigned index, char *text, unsigned length);
	int (*list)(nvmlDevice_t device, unsigned *count, void *array);
	char text[32];

	if (!table)
		return;
	memcpy(&log, &table[SLOT_LOG], sizeof(log));
	memcpy(&bus_id, &table[SLOT_BUS_ID], sizeof(bus_id));
	TRY(log("%s %s", "line", "of output"));
	TRY(bus_id(index, text, sizeof(text)));
	for (int slot = SLOT_PROCESSES; slot <= SLOT_PROCESSES_LAST; slot++) {
		unsigned count = CAPACITY;

		memcpy(&list, &table[slot], sizeof(list));
		TRY(list(d, &count, processes));
	}
}

/* ---- what each form asks ---- */

static void identity(nvmlDevice_t d)
{
	nvmlDeviceCapabilities_t caps = {.version = VERSION(caps, 1)};
	nvmlPciInfoExt_t ext = {.version = VERSION(ext, 1)};
	nvmlPdi_t pdi = {.version = VERSION(pdi, 1)};
	nvmlBridgeChipHierarchy_t bridges;
	nvmlPciInfo_t pci;
	char text[96];
	unsigned n;

	TRY(nvmlDeviceGetName(d, text, sizeof(text)));
	TRY(nvmlDeviceGetUUID(d, text, sizeof(text)));
	TRY(nvmlDeviceGetSerial(d, text, sizeof(text)));
	TRY(nvmlDeviceGetBoardPartNumber(d, text, sizeof(text)));
	TRY(nvmlDeviceGetVbiosVersion(d, text, sizeof(text)));
	TRY(nvmlDeviceGetInforomImageVersion(d, text, sizeof(text)));
	for (unsigned object = 0; object < 4; object++)
		TRY(nvmlDeviceGetInforomVersion(d, object, text, sizeof(text)));
	TRY(nvmlDeviceGetGspFirmwareVersion(d, text));
	TRY(nvmlDeviceValidateInforom(d));
	TRY(nvmlDeviceGetIndex(d, &n));
	TRY(nvmlDeviceGetMinorNumber(d, &n));
	TRY(nvmlDeviceGetModuleId(d, &n));
	TRY(nvmlDeviceGetBoardId(d, &n));
	TRY(nvmlDeviceGetMultiGpuBoard(d, &n));
	TRY(nvmlDeviceGetArchitecture(d, &n));
	TRY(nvmlDeviceGetBrand(d, &n));
	TRY(nvmlDeviceGetBridgeChipInfo(d, &bridges));
	TRY(nvmlDeviceGetCapabilities(d, &caps));
	TRY(nvmlDeviceGetPdi(d, &pdi));
	TRY(nvmlDeviceGetPciInfo_v3(d, &pci));
	TRY(nvmlDeviceGetPciInfoExt(d, &ext));
}

static void modes(nvmlDevice_t d)
{
	nvmlDeviceAddressingMode_t addressing = {.version = VERSION(addressing, 1)};
	nvmlDramEncryptionInfo_t now = {.version = VERSION(now, 1)}, later = now;
	nvmlVgpuHeterogeneousMode_t mixed = {.version = VERSION(mixed, 1)};
	nvmlGridLicensableFeatures_t features;
	nvmlC2cModeInfo_v1_t c2c;
	unsigned a, b;

	TRY(nvmlDeviceGetPersistenceMode(d, &a));
	TRY(nvmlDeviceGetComputeMode(d, &a));
	TRY(nvmlDeviceGetDisplayMode(d, &a));
	TRY(nvmlDeviceGetDisplayActive(d, &a));
	TRY(nvmlDeviceGetDriverModel_v2(d, &a, &b));
	TRY(nvmlDeviceGetGpuOperationMode(d, &a, &b));
	TRY(nvmlDeviceGetMigMode(d, &a, &b));
	TRY(nvmlDeviceGetMaxMigDeviceCount(d, &a));
	TRY(nvmlDeviceIsMigDeviceHandle(d, &a));
	TRY(nvmlDeviceGetEccMode(d, &a, &b));
	TRY(nvmlDeviceGetAccountingMode(d, &a));
	TRY(nvmlDeviceGetAccountingBufferSize(d, &a));
	TRY(nvmlDeviceGetVirtualizationMode(d, &a));
	TRY(nvmlDeviceGetHostVgpuMode(d, &a));
	TRY(nvmlDeviceGetVgpuHeterogeneousMode(d, &mixed));
	TRY(nvmlDeviceGetGridLicensableFeatures_v4(d, &features));
	TRY(nvmlDeviceGetAddressingMode(d, &addressing));
	TRY(nvmlDeviceGetDramEncryptionMode(d, &now, &later));
	TRY(nvmlDeviceGetC2cModeInfoV(d, &c2c));
}

static void memory(nvmlDevice_t d)
{
	nvmlMemory_v2_t v2 = {.version = VERSION(v2, 2)};
	nvmlEccSramErrorStatus_t sram = {.version = VERSION(sram, 1)};
	nvmlRepairStatus_t repair = {.version = VERSION(repair, 1)};
	nvmlUnrepairableMemoryStatus_v1_t unrepairable;
	nvmlRowRemapperHistogramValues_t histogram;
	nvmlRemappedRowsInfo_v2_t rows;
	nvmlBAR1Memory_t bar1;
	nvmlMemory_t v1;
	unsigned long long count, pages[8];
	unsigned n;

	TRY(nvmlDeviceGetMemoryInfo_v2(d, &v2));
	TRY(nvmlDeviceGetBAR1MemoryInfo(d, &bar1));
	TRY(nvmlDeviceGetConfComputeProtectedMemoryUsage(d, &v1));
	for (unsigned type = 0; type < 2; type++) {
		TRY(nvmlDeviceGetTotalEccErrors(d, type, 0, &count));
		for (unsigned place = 0; place < 8; place++)
			TRY(nvmlDeviceGetMemoryErrorCounter(d, type, 1, place, &count));
		n = 0;
		TRY(nvmlDeviceGetRetiredPages(d, type, &n, NULL));
		n = 8;
		TRY(nvmlDeviceGetRetiredPages(d, type, &n, pages));
	}
	TRY(nvmlDeviceGetRetiredPagesPendingStatus(d, &n));
	TRY(nvmlDeviceGetRemappedRows_v2(d, &rows));
	TRY(nvmlDeviceGetRowRemapperHistogram(d, &histogram));
	TRY(nvmlDeviceGetSramEccErrorStatus(d, &sram));
	TRY(nvmlDeviceGetRepairStatus(d, &repair));
	TRY(nvmlDeviceGetUnrepairableMemoryFlag_v1(d, &unrepairable));
}

static void links(nvmlDevice_t d)
{
	nvmlGpuFabricInfoV_t fabric = {.version = VERSION(fabric, 3)};
	unsigned n;

	TRY(nvmlDeviceGetMaxPcieLinkGeneration(d, &n));
	TRY(nvmlDeviceGetGpuMaxPcieLinkGeneration(d, &n));
	TRY(nvmlDeviceGetCurrPcieLinkGeneration(d, &n));
	TRY(nvmlDeviceGetMaxPcieLinkWidth(d, &n));
	TRY(nvmlDeviceGetCurrPcieLinkWidth(d, &n));
	TRY(nvmlDeviceGetPcieReplayCounter(d, &n));
	TRY(nvmlDeviceGetPcieThroughput(d, 0, &n));
	TRY(nvmlDeviceGetGpuFabricInfoV(d, &fabric));
}

static void use(nvmlDevice_t d)
{
	nvmlFieldValue_t fields[2] = {{.fieldId = 1}, {.fieldId = 82}};
	nvmlUtilization_t utilization;
	nvmlFBCStats_t fbc;
	unsigned a, b, c;

	TRY(nvmlDeviceGetUtilizationRates(d, &utilization));
	TRY(nvmlDeviceGetEncoderUtilization(d, &a, &b));
	TRY(nvmlDeviceGetDecoderUtilization(d, &a, &b));
	TRY(nvmlDeviceGetJpgUtilization(d, &a, &b));
	TRY(nvmlDeviceGetOfaUtilization(d, &a, &b));
	TRY(nvmlDeviceGetEncoderStats(d, &a, &b, &c));
	TRY(nvmlDeviceGetFBCStats(d, &fbc));
	TRY(nvmlDeviceGetFieldValues(d, 2, fields));
}

static void clocks(nvmlDevice_t d)
{
	nvmlWorkloadPowerProfileCurrentProfiles_t profiles = {.version = VERSION(profiles, 1)};
	nvmlMarginTemperature_t margin = {.version = VERSION(margin, 1)};
	nvmlTemperature_t temperature = {.version = VERSION(temperature, 1)};
	unsigned long long reasons, when;
	unsigned long took;
	unsigned a, b;

	for (unsigned type = 0; type < 4; type++) {
		TRY(nvmlDeviceGetClockInfo(d, type, &a));
		TRY(nvmlDeviceGetMaxClockInfo(d, type, &a));
		TRY(nvmlDeviceGetClock(d, type, 0, &a));
		TRY(nvmlDeviceGetApplicationsClock(d, type, &a));
		TRY(nvmlDeviceGetDefaultApplicationsClock(d, type, &a));
		TRY(nvmlDeviceGetTemperatureThreshold(d, type, &a));
	}
	TRY(nvmlDeviceGetAutoBoostedClocksEnabled(d, &a, &b));
	TRY(nvmlDeviceGetCurrentClocksThrottleReasons(d, &reasons));
	TRY(nvmlDeviceGetSupportedClocksThrottleReasons(d, &reasons));
	TRY(nvmlDeviceGetPerformanceState(d, &a));
	TRY(nvmlDeviceGetFanSpeed(d, &a));
	TRY(nvmlDeviceGetTemperatureV(d, &temperature));
	TRY(nvmlDeviceGetMarginTemperature(d, &margin));
	TRY(nvmlDeviceGetPowerUsage(d, &a));
	TRY(nvmlDeviceGetEnforcedPowerLimit(d, &a));
	TRY(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles(d, &profiles));
	TRY(nvmlDeviceGetLastBBXFlushTime(d, &when, &took));
}

static void device(nvmlDevice_t d)
{
	identity(d);
	modes(d);
	memory(d);
	links(d);
	use(d);
	clocks(d);
}

int main(void)
{
	nvmlEventSet_t events;
	nvmlDevice_t d;
	unsigned count = 0;
	char text[96];
	int version;

	fetch_table();
	TRY(nvmlInitWithFlags(0));
	TRY(nvmlSystemGetDriverVersion(text, sizeof(text)));
	TRY(nvmlSystemGetCudaDriverVersion_v2(&version));
	TRY(nvmlEventSetCreate(&events));
	TRY(nvmlDeviceGetCount_v2(&count));
	for (unsigned i = 0; i < count; i++) {
		TRY(nvmlDeviceGetHandleByIndex_v2(i, &d));
		use_table(i, d);
		device(d);
	}
	TRY(nvmlEventSetFree(events));
	TRY(nvmlShutdown());
	printf("devices %u, answered %d, not supported %d, failed %d\n", count, answered,
		not_supported, failed);
	return failed || !count;
}
