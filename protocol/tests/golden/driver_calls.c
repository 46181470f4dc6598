/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#include "driver_calls.h"

static CUresult driver_missing(void)
{
	return CUDA_ERROR_NOT_SUPPORTED;
}

struct driver driver = {
	.setAsync = (void *)driver_missing,
	.set_v2 = (void *)driver_missing,
	.limit = (void *)driver_missing,
	.setLimit = (void *)driver_missing,
	.eventCreate = (void *)driver_missing,
	.eventDestroy = (void *)driver_missing,
	.nodes = (void *)driver_missing,
	.make = (void *)driver_missing,
	.attribute = (void *)driver_missing,
	.encode = (void *)driver_missing,
	.version = (void *)driver_missing,
	.allocate = (void *)driver_missing,
	.onlyServer = (void *)driver_missing,
};

const struct driver_row driver_names[] = {
	{ "setAsync", offsetof(struct driver, setAsync) },
	{ "set_v2", offsetof(struct driver, set_v2) },
	{ "limit", offsetof(struct driver, limit) },
	{ "setLimit", offsetof(struct driver, setLimit) },
	{ "eventCreate", offsetof(struct driver, eventCreate) },
	{ "eventDestroy", offsetof(struct driver, eventDestroy) },
	{ "nodes", offsetof(struct driver, nodes) },
	{ "make", offsetof(struct driver, make) },
	{ "attribute", offsetof(struct driver, attribute) },
	{ "encode", offsetof(struct driver, encode) },
	{ "version", offsetof(struct driver, version) },
	{ "allocate", offsetof(struct driver, allocate) },
	{ "onlyServer", offsetof(struct driver, onlyServer) },
};

const size_t driver_names_count = sizeof(driver_names) / sizeof(driver_names[0]);
