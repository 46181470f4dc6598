/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that answers NVML instead of CUDA calls: one thread, one request at
 * a time. Requests are decoded by generated handlers, which call the host's
 * library through nvml_host. Nothing a client sends reaches that library
 * before it was checked: devices are numbers of a table, structs have the size
 * that their version says, lists the capacity that there is room for.
 */
#ifndef NVML_H
#define NVML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "nvml_calls.h"
#include "transport.h"
#include "wire.h"

enum {
	NVML_DEVICES_MAX = 1024,       /* parts of GPUs among them */
	NVML_REQUEST_ROOM = 768 << 10, /* bytes that one request's buffers may take */
};

/*
 * Serve one session as `gpuserverd --worker --nvml`: report ready on the link
 * to the supervisor, wait for the client, answer it until it leaves. @choice
 * is driver_open's: beside NVIDIA's driver the host's NVML answers, for any
 * other driver its own functions do. The process's exit status.
 */
int nvml_worker_main(const char *choice);

/* ---- the library that answers ---- */

struct nvml_host {
#define MEMBER(name, opcode) __typeof__(name) *name;
	NVML_OPCODES(MEMBER)
#undef MEMBER
};

extern struct nvml_host nvml_host; /* never NULL: what is missing says FUNCTION_NOT_FOUND */

struct nvml_host_name {
	const char *name;
	size_t offset; /* in struct nvml_host */
};

extern const struct nvml_host_name nvml_host_names[];
extern const size_t nvml_host_name_count;

/* Open and initialise what answers, and number its devices. 0 with *cuda being the driver's
 * version, or -errno with the reason, for the user, in @why. */
int nvml_host_open(const char *choice, int *cuda, char *why, size_t size);

/* Fill nvml_host with functions that ask the driver that driver_open opened. */
int nvml_soft_open(void);

/* The number of a device on the wire: GPUs have their index, parts of GPUs follow in the order in
 * which they were first asked for. UINT32_MAX when the table is full. */
void nvml_devices_init(void);
uint32_t nvml_device_number(nvmlDevice_t device);
bool nvml_device_find(uint32_t number, nvmlDevice_t *out);

/* ---- a session and its requests ---- */

struct nvml_session {
	const struct transport *transport;
	struct connection *connection;
	uint64_t received; /* seq of the last frame, each way */
	uint64_t sent;
	uint64_t memory_limit; /* bytes per GPU, 0: none */
	uint8_t *frame;	       /* FRAME_MAX bytes: the request, a private copy */
	uint8_t *room;	       /* NVML_REQUEST_ROOM */
	uint8_t *reply;	       /* FRAME_MAX */
};

int nvml_session_init(struct nvml_session *s, const struct transport *t, struct connection *c,
	uint64_t memory_limit);
void nvml_session_fini(struct nvml_session *s);

/* Answer requests until the client leaves: 0, or -EPROTO when it sent what no client sends. */
int nvml_session_serve(struct nvml_session *s);

struct nvml_request {
	struct nvml_session *session;
	struct cursor in;
	nvmlReturn_t result;
	unsigned capacity;  /* of the client's counted lists */
	unsigned count;	    /* of what goes into them */
	size_t used;	    /* of the session's room */
	uint8_t *out, *end; /* the reply's values */
};

typedef void nvml_handler(struct nvml_request *q);

struct nvml_dispatch_row {
	uint16_t opcode;
	nvml_handler *serve;
	const char *name;
};

extern const struct nvml_dispatch_row nvml_dispatch[]; /* by opcode, ascending */
extern const size_t nvml_dispatch_count;
extern const uint64_t nvml_spec_hash;

/* What handlers do, in the order of the parameters. A malformed request leaves q->in.bad set, one
 * that can't be executed its q->result; then nvml_ready is false. */
void nvml_take(struct nvml_request *q, void *value, size_t size);
nvmlDevice_t nvml_take_device(struct nvml_request *q);
const char *nvml_take_text(struct nvml_request *q);
void *nvml_take_array(struct nvml_request *q, long long count, size_t size);
void *nvml_take_versioned(struct nvml_request *q, size_t max);
unsigned nvml_take_count(struct nvml_request *q);
void *nvml_take_list(struct nvml_request *q, size_t size);
void *nvml_room(struct nvml_request *q, long long count, size_t size);
bool nvml_ready(struct nvml_request *q);

bool nvml_answers(struct nvml_request *q);
void nvml_give(struct nvml_request *q, const void *value, size_t size);
void nvml_give_device(struct nvml_request *q, nvmlDevice_t device);
void nvml_give_string(struct nvml_request *q, const char *text, size_t room);
void nvml_give_versioned(struct nvml_request *q, const void *value);
void nvml_give_count(struct nvml_request *q, unsigned count);
void nvml_give_list(struct nvml_request *q, const void *list, size_t size);
void nvml_give_devices(struct nvml_request *q, nvmlDevice_t *list);

#endif
