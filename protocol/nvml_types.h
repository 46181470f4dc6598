/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVML's types as far as nvml.api names them, in our own words, so that the
 * build needs no toolkit. Only layout matters: a test compares each size and
 * alignment with an installed nvml.h. Enumerations are plain unsigned numbers,
 * since a library must expect any value. Where nothing here looks into a
 * structure, it is so many words and a comment says what they are.
 */
#ifndef NVML_TYPES_H
#define NVML_TYPES_H

#include <stdint.h>

typedef unsigned int nvmlReturn_t;

enum {
	NVML_SUCCESS = 0,
	NVML_ERROR_UNINITIALIZED = 1,
	NVML_ERROR_INVALID_ARGUMENT = 2,
	NVML_ERROR_NOT_SUPPORTED = 3,
	NVML_ERROR_NO_PERMISSION = 4,
	NVML_ERROR_NOT_FOUND = 6,
	NVML_ERROR_INSUFFICIENT_SIZE = 7,
	NVML_ERROR_DRIVER_NOT_LOADED = 9,
	NVML_ERROR_TIMEOUT = 10,
	NVML_ERROR_LIBRARY_NOT_FOUND = 12,
	NVML_ERROR_FUNCTION_NOT_FOUND = 13,
	NVML_ERROR_GPU_IS_LOST = 15,
	NVML_ERROR_MEMORY = 20,
	NVML_ERROR_INSUFFICIENT_RESOURCES = 23,
	NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
	NVML_ERROR_UNKNOWN = 999,
};

enum {
	NVML_INIT_FLAG_NO_GPUS = 1,
	NVML_BRAND_UNKNOWN = 0,
	NVML_P2P_STATUS_NOT_SUPPORTED = 5,
};

typedef const char *nvmlText_t; /* what nvmlErrorString returns */
typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct nvmlEventSet_st *nvmlEventSet_t;

typedef unsigned int nvmlAffinityScope_t, nvmlBrandType_t, nvmlBusType_t, nvmlClockId_t,
	nvmlClockType_t, nvmlComputeMode_t, nvmlDeviceArchitecture_t, nvmlDriverModel_t,
	nvmlEccCounterType_t, nvmlEnableState_t, nvmlEncoderType_t, nvmlFanControlPolicy_t,
	nvmlGpuOperationMode_t, nvmlGpuP2PCapsIndex_t, nvmlGpuP2PStatus_t, nvmlGpuTopologyLevel_t,
	nvmlGpuVirtualizationMode_t, nvmlHostVgpuMode_t, nvmlInforomObject_t,
	nvmlIntNvLinkDeviceType_t, nvmlMemoryErrorType_t, nvmlMemoryLocation_t,
	nvmlNvLinkCapability_t, nvmlNvLinkErrorCounter_t, nvmlPageRetirementCause_t,
	nvmlPcieUtilCounter_t, nvmlPerfPolicyType_t, nvmlPowerSource_t, nvmlPstates_t,
	nvmlRestrictedAPI_t, nvmlSamplingType_t, nvmlTemperatureSensors_t,
	nvmlTemperatureThresholds_t, nvmlValueType_t;

/* ---- PCI ---- */

typedef struct {
	char busId[16];
	unsigned int domain, bus, device, pciDeviceId;
} nvmlPciInfo_v1_t; /* of the call without a suffix */

typedef struct {
	char busId[16];
	unsigned int domain, bus, device, pciDeviceId, pciSubSystemId, reserved[4];
} nvmlPciInfo_v2_t;

typedef struct {
	char busIdLegacy[16]; /* with four digits of domain */
	unsigned int domain, bus, device;
	unsigned int pciDeviceId, pciSubSystemId;
	char busId[32]; /* with eight */
} nvmlPciInfo_t;

typedef struct {
	unsigned int version;
	unsigned int domain, bus, device;
	unsigned int pciDeviceId, pciSubSystemId;
	unsigned int baseClass, subClass;
	char busId[32];
} nvmlPciInfoExt_t;

typedef struct {
	nvmlPciInfo_t pciInfo;
	char uuid[80];
} nvmlExcludedDeviceInfo_t;

/* ---- memory ---- */

typedef struct {
	unsigned long long total, free, used; /* bytes */
} nvmlMemory_t;

typedef struct {
	unsigned int version;
	unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;

typedef struct {
	unsigned long long bar1Total, bar1Free, bar1Used;
} nvmlBAR1Memory_t;

typedef struct {
	unsigned long long protectedMemSizeKib, unprotectedMemSizeKib;
} nvmlConfComputeMemSizeInfo_t;

typedef struct {
	unsigned int version;
	unsigned int value;
} nvmlDeviceAddressingMode_t;

typedef struct {
	unsigned int version;
	nvmlEnableState_t encryptionState;
} nvmlDramEncryptionInfo_t;

typedef struct {
	unsigned int isC2cEnabled;
} nvmlC2cModeInfo_v1_t;

/* ---- identity ---- */

typedef struct {
	unsigned int multiprocessors;
	unsigned int shared_engines[5]; /* copy, decoder, encoder, jpeg, ofa */
	unsigned int slices[2];		/* gpu instance, compute instance */
	unsigned long long memory_mb;
} nvmlDeviceAttributes_t;

typedef struct {
	unsigned int version;
	unsigned int capMask;
} nvmlDeviceCapabilities_t;

typedef struct {
	unsigned int version;
	unsigned long long value;
} nvmlPdi_t;

typedef struct {
	unsigned int version;
	unsigned char place[37]; /* guid, chassis, slot, tray, host, peer, module */
} nvmlPlatformInfo_t;

typedef struct {
	unsigned int version;
	unsigned int type; /* 1: text, 2: bytes */
	union {
		char str[41];
		unsigned char bytes[16];
	} value;
} nvmlUUID_t;

typedef struct {
	char value[64];
} nvmlHostname_v1_t;

typedef struct {
	unsigned int version;
	char branch[80];
} nvmlSystemDriverBranchInfo_t;

typedef struct {
	unsigned int hwbcId;
	char firmwareVersion[32];
} nvmlHwbcEntry_t;

typedef struct {
	unsigned char bridgeCount;
	struct {
		unsigned int type, firmware;
	} bridge[128];
} nvmlBridgeChipHierarchy_t;

typedef struct {
	int isGridLicenseSupported;
	unsigned int licensableFeaturesCount;
	struct {
		unsigned int code, state;
		char license[128], product[128];
		unsigned int enabled, expiry[4];
	} feature[3];
} nvmlGridLicensableFeatures_t;

typedef struct {
	unsigned int version;
	unsigned int mode;
} nvmlVgpuHeterogeneousMode_t;

/* ---- confidential computing ---- */

typedef struct {
	unsigned int cpuCaps, gpusCaps;
} nvmlConfComputeSystemCaps_t;

typedef struct {
	unsigned int environment, ccFeature, devToolsMode;
} nvmlConfComputeSystemState_t;

typedef struct {
	unsigned int version;
	unsigned int environment, ccFeature, devToolsMode, multiGpuMode;
} nvmlSystemConfComputeSettings_t;

/* ---- measurements ---- */

typedef union {
	double d;
	long long s;
	unsigned long long u;
} nvmlValue_t;

typedef struct {
	unsigned long long timeStamp;
	nvmlValue_t sampleValue;
} nvmlSample_t;

typedef struct {
	unsigned int fieldId, scopeId;
	long long timestamp, latencyUsec;
	nvmlValueType_t valueType;
	nvmlReturn_t nvmlReturn;
	nvmlValue_t value;
} nvmlFieldValue_t;

typedef struct {
	unsigned int gpu, memory; /* percent */
} nvmlUtilization_t;

typedef struct {
	unsigned int sessionsCount, averageFPS, averageLatency;
} nvmlFBCStats_t;

typedef struct {
	unsigned int flags;
	struct {
		unsigned int present, percentage, increase, decrease;
	} utilization[8];
} nvmlGpuDynamicPstatesInfo_t;

/* ---- clocks, heat ---- */

typedef struct {
	unsigned int version;
	nvmlClockType_t type;
	nvmlPstates_t pstate;
	int offset, min, max; /* MHz */
} nvmlClockOffset_t;

typedef struct {
	unsigned int global, count;
	struct {
		unsigned int domain, faults;
	} clock[32];
} nvmlClkMonStatus_t;

typedef struct {
	unsigned int version;
	char str[2048];
} nvmlDeviceCurrentClockFreqs_t, nvmlDevicePerfModes_t;

typedef struct {
	unsigned long long referenceTime, violationTime;
} nvmlViolationTime_t;

typedef struct {
	unsigned int version;
	unsigned int masks[3][8]; /* possible, requested, enforced */
} nvmlWorkloadPowerProfileCurrentProfiles_t;

typedef struct {
	unsigned int version;
	unsigned int mask[8];
	unsigned int profile[255][11]; /* version, id, priority, conflicts */
} nvmlWorkloadPowerProfileProfilesInfo_t;

typedef struct {
	unsigned int version;
	nvmlTemperatureSensors_t sensorType;
	int temperature;
} nvmlTemperature_t;

typedef struct {
	unsigned int version;
	int marginTemperature;
} nvmlMarginTemperature_t;

typedef struct {
	unsigned int count;
	struct {
		unsigned int controller;
		int min, max, now;
		unsigned int target;
	} sensor[3];
} nvmlGpuThermalSettings_t;

typedef struct {
	unsigned int version;
	unsigned int fan, speed;
} nvmlFanSpeedInfo_t;

typedef struct {
	unsigned int version;
	unsigned int index, signalType, target;
} nvmlCoolerInfo_t;

/* ---- errors of memory ---- */

typedef struct {
	unsigned long long l1, l2, memory, registers;
} nvmlEccErrorCounts_t;

typedef struct {
	unsigned int version;
	unsigned long long counts[11]; /* aggregate 3, volatile 3, aggregate by place 5 */
	unsigned int threshold_exceeded;
} nvmlEccSramErrorStatus_t;

typedef struct {
	unsigned int correctable[2], uncorrectable[2]; /* active, inactive */
	unsigned int pending, failure;
} nvmlRemappedRowsInfo_v2_t;

typedef struct {
	unsigned int max, high, partial, low, none;
} nvmlRowRemapperHistogramValues_t;

typedef struct {
	unsigned int version;
	unsigned int channel, tpc;
} nvmlRepairStatus_t;

typedef struct {
	unsigned int unrepairable;
} nvmlUnrepairableMemoryStatus_v1_t;

/* ---- links ---- */

typedef struct {
	unsigned int units, filter;
} nvmlNvLinkUtilizationControl_t;

typedef struct {
	unsigned int version;
	unsigned int encrypted;
	unsigned int firmware[401]; /* a hundred versions of four words, their number */
} nvmlNvLinkInfo_t;

typedef struct {
	unsigned int version;
	unsigned char modes[23], count;
} nvmlNvlinkSupportedBwModes_t;

typedef struct {
	unsigned int version;
	unsigned int best;
	unsigned char mode;
} nvmlNvlinkGetBwMode_t;

typedef struct {
	unsigned char clusterUuid[16];
	nvmlReturn_t status;
	unsigned int cliqueId;
	unsigned char state;
} nvmlGpuFabricInfo_t;

typedef struct {
	unsigned int version;
	unsigned char clusterUuid[16];
	nvmlReturn_t status;
	unsigned int cliqueId;
	unsigned char state;
	unsigned int healthMask;
	unsigned char healthSummary;
} nvmlGpuFabricInfoV_t;

/* ---- events ---- */

typedef struct {
	nvmlDevice_t device;
	unsigned long long type, data;
	unsigned int gpu_instance, compute_instance;
} nvmlEventData_t;

#endif
