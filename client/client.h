/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's one session with a server: opened by the first cuInit, known
 * to be unusable after fork, ended at exit. Everything here is process state;
 * no other file of the client has any that outlives a session's end.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include "cuda_types.h"

#define CLIENT_DRIVER_VERSION 13000 /* API level that the spec follows */

enum {
	CLIENT_MAX_LANES = 8,
	CLIENT_MAX_DEVICES = 64,
	CLIENT_ATTRIBUTES = 200,
};

enum client_state {
	CLIENT_NEW,	/* cuInit has not succeeded yet */
	CLIENT_READY,
	CLIENT_FORKED,	/* child of an initialised parent */
	CLIENT_LOST,	/* the connection ended; client.lost says with what */
	CLIENT_ENDED,	/* the process ends: goodbye was said */
};

struct device {
	char name[256];
	CUuuid uuid;
	CUuuid uuid_v2;
	char luid[8];
	unsigned luid_node_mask;
	uint64_t total_memory;
	char pci_bus_id[32];
	int attribute[CLIENT_ATTRIBUTES]; /* INT32_MIN: refused by the driver */
};

struct client {
	_Atomic int state; /* enum client_state */
	_Atomic CUresult lost;
	const struct transport *transport;
	struct connection *command;
	struct connection *side;
	struct connection *lane[CLIENT_MAX_LANES];
	unsigned lanes;
	char server[256]; /* as the user named it */
	uint64_t session;
	bool sync; /* RGPU_SYNC=1 */
	int driver_version;
	int device_count;
	struct device *device;
	uint64_t arena_base, arena_size; /* device memory */
	uint64_t host_base, host_size;	 /* mirrored host memory */
};

extern struct client client;

/* The session is over: every later call answers @result. The first reason is told on stderr. */
void client_lost(CUresult result, const char *why);
/* Since its command, side or a bulk connection ended, and nobody said why. */
void client_cut(const char *which);

/* CUDA_SUCCESS when the session can be used by this process. */
static inline CUresult client_usable(void)
{
	switch (atomic_load_explicit(&client.state, memory_order_acquire)) {
	case CLIENT_READY:
		return CUDA_SUCCESS;
	case CLIENT_LOST:
		return client.lost;
	case CLIENT_ENDED:
		return CUDA_ERROR_DEINITIALIZED;
	default:
		return CUDA_ERROR_NOT_INITIALIZED;
	}
}

#endif
