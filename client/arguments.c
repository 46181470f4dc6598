/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments that the driver refuses at the call, of calls that are sent without
 * waiting: what the server's driver says of them would come too late.
 */
#include "call.h"
#include "client_calls.h"

CUresult cache_config(CUfunc_cache config)
{
	return call_argument((unsigned)config <= CU_FUNC_CACHE_PREFER_EQUAL);
}

CUresult shared_config(CUsharedconfig config)
{
	return call_argument((unsigned)config <= CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE);
}

CUresult stream_attribute(CUstreamAttrID attribute)
{
	switch (attribute) {
	case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
	case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
	case CU_LAUNCH_ATTRIBUTE_PRIORITY:
	case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
	case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
		return call_argument(true);
	default:
		return call_argument(false);
	}
}
