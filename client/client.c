/* SPDX-License-Identifier: Apache-2.0 */
/* See client.h. The library starts no thread and opens no socket before the first cuInit. */
#include "client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "call.h"
#include "call_names.h"
#include "client_calls.h"
#include "connect.h"
#include "control.h"
#include "heartbeat.h"
#include "hostfunc.h"
#include "lanes.h"
#include "log.h"
#include "receive.h"
#include "stats.h"
#include "visible.h"

struct client client;

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static bool told; /* that no server can be used */
static pid_t owner; /* of the session: a child may be born without a word to us */

enum { MAX_SETTINGS = 32, PAGE = 4096 };

#define TIB (1ull << 40)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Bases worth trying, for device memory and for mirrored host memory. The thread sanitizer leaves
 * a program this stretch, and ends it where it asks for another. */
#ifdef __SANITIZE_THREAD__
static const uint64_t arena_bases[] = {0x550000000000};
static const uint64_t host_bases[] = {0x560000000000};
static const uint64_t arena_size = TIB / 4, host_size = TIB / 4;
#else
static const uint64_t arena_bases[] = {0x200000000000, 0x400000000000, 0x100000000000,
	0x600000000000};
static const uint64_t host_bases[] = {0x280000000000, 0x480000000000, 0x180000000000,
	0x008000000000};
static const uint64_t arena_size = 4 * TIB, host_size = TIB / 4;
#endif

/* Settings that the driver reads from the environment at start. */
static const char *const settings[] = {"CUDA_MODULE_LOADING", "CUDA_DEVICE_MAX_CONNECTIONS",
	"CUDA_DEVICE_MAX_COPY_CONNECTIONS", "CUDA_LAUNCH_BLOCKING", "CUDA_FORCE_PTX_JIT",
	"CUDA_DISABLE_PTX_JIT", "CUDA_DEVICE_WAITS_ON_EXCEPTION", "CUDA_SCALE_LAUNCH_QUEUES",
	"CUDA_AUTO_BOOST", "CUDA_CACHE_DISABLE"};

void client_lost(CUresult result, const char *why)
{
	int expected = CLIENT_READY;

	client.lost = result;
	if (!atomic_compare_exchange_strong(&client.state, &expected, CLIENT_LOST))
		return;
	log_write(LOG_ERROR,
		"session %lu on %s is over: %s. Every CUDA call of this process now fails with %d; "
		"restart the program once the server is reachable.",
		(unsigned long)client.session, client.server, why, (int)result);
	client.transport->interrupt(client.command);
	for (unsigned i = 0; i < client.lanes; i++)
		client.transport->interrupt(client.lane[i]);
	receive_fail(result);
}

void client_cut(const char *which)
{
	char why[128];

	snprintf(why, sizeof(why),
		"its %s connection ended, with the worker on the server or with the network; the "
		"server's log says which",
		which);
	client_lost(CUDA_ERROR_UNKNOWN, why);
}

/* Keep this process's own mappings out of a range; false where something lies there. */
static bool keep_free(uint64_t base, uint64_t size)
{
	void *p = mmap((void *)base, size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	if ((uint64_t)p != base) {
		munmap(p, size);
		return false;
	}
	return true;
}

/* The candidates that are free in this process; all are kept until the server has chosen. */
static size_t offer(const uint64_t *bases, size_t count, uint64_t size, uint64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (keep_free(bases[i], size))
			out[n++] = bases[i];
	}
	return n;
}

/* What was not offered may be anybody's in this process, who maps there without looking. */
static bool was_offered(const uint64_t *offered, size_t n, uint64_t size, uint64_t base,
	uint64_t got)
{
	size_t i = 0;

	while (i < n && offered[i] != base)
		i++;
	return i < n && got && got <= size && got % PAGE == 0;
}

static void keep_only(const uint64_t *offered, size_t n, uint64_t size, uint64_t base,
	uint64_t kept)
{
	for (size_t i = 0; i < n; i++) {
		if (offered[i] != base)
			munmap((void *)offered[i], size);
		else if (kept < size)
			munmap((void *)(base + kept), size - kept);
	}
}

static size_t environment(char **out)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const char *value = getenv(settings[i]);

		if (value && asprintf(&out[n], "%s=%s", settings[i], value) > 0)
			n++;
	}
	if (visible_needs_server() &&
		asprintf(&out[n], "CUDA_VISIBLE_DEVICES=%s", getenv("CUDA_VISIBLE_DEVICES")) > 0)
		n++;
	return n;
}

static void take_device(struct device *d, const Control__Device *from)
{
	snprintf(d->name, sizeof(d->name), "%s", from->name);
	snprintf(d->pci_bus_id, sizeof(d->pci_bus_id), "%s", from->pci_bus_id);
	if (from->uuid.len == sizeof(d->uuid))
		memcpy(&d->uuid, from->uuid.data, sizeof(d->uuid));
	if (from->uuid_v2.len == sizeof(d->uuid_v2))
		memcpy(&d->uuid_v2, from->uuid_v2.data, sizeof(d->uuid_v2));
	if (from->luid.len == sizeof(d->luid))
		memcpy(d->luid, from->luid.data, sizeof(d->luid));
	d->luid_node_mask = from->luid_node_mask;
	d->total_memory = from->total_memory;
	for (int i = 0; i < CLIENT_ATTRIBUTES; i++)
		d->attribute[i] = i < (int)from->n_attribute ? from->attribute[i] : INT32_MIN;
}

static int take_welcome(const struct opened *o)
{
	const Control__Welcome *w = o->welcome;
	int count = w->n_device < CLIENT_MAX_DEVICES ? w->n_device : CLIENT_MAX_DEVICES;

	client.device = calloc(count ? count : 1, sizeof(*client.device));
	if (!client.device)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		take_device(&client.device[i], w->device[i]);
	client.device_count = visible_count(count);
	client.transport = o->transport;
	client.command = o->command;
	client.session = w->session;
	client.arena_base = w->arena_base;
	client.arena_size = w->arena_size;
	client.host_base = w->host_base;
	client.host_size = w->host_size;
	if (!client.driver_version)
		client.driver_version = w->driver_version < CLIENT_DRIVER_VERSION
						? w->driver_version
						: CLIENT_DRIVER_VERSION;
	memcpy(client.server, o->server, sizeof(client.server));
	for (size_t i = 0; i < w->n_reserved; i++)
		keep_free(w->reserved[i]->address, w->reserved[i]->size);
	return 0;
}

/* Side connection, lanes and threads of a welcomed session. */
static int attach(const struct opened *o)
{
	unsigned lanes = o->welcome->lanes;
	int err;

	if (lanes < 1 || lanes > CLIENT_MAX_LANES)
		return -EPROTO;
	err = connect_more(o, PRELUDE_SIDE, 0, &client.side);
	for (unsigned i = 0; !err && i < lanes; i++) {
		err = connect_more(o, PRELUDE_BULK, i, &client.lane[i]);
		if (!err)
			client.lanes++;
	}
	if (err)
		return err;
	atomic_store_explicit(&client.state, CLIENT_READY, memory_order_release);
	err = receive_start();
	if (!err)
		err = call_start();
	if (!err)
		err = lanes_start();
	if (!err)
		err = hostfunc_start();
	if (!err)
		err = heartbeat_start();
	if (err)
		atomic_store(&client.state, CLIENT_NEW);
	return err;
}

static int open_session(char *why, size_t size, int *refused)
{
	Control__Hello hello = CONTROL__HELLO__INIT;
	uint64_t arena[COUNT(arena_bases)], host[COUNT(host_bases)];
	char *env[MAX_SETTINGS];
	struct opened o;
	bool fits;
	int err;

	hello.spec_hash = spec_hash;
	hello.kind = CONTROL__SESSION_KIND__CUDA;
	hello.n_environment = environment(env);
	hello.environment = env;
	hello.arena_base = arena;
	hello.arena_size = arena_size;
	hello.n_arena_base = offer(arena_bases, COUNT(arena_bases), arena_size, arena);
	hello.host_base = host;
	hello.host_size = host_size;
	hello.n_host_base = offer(host_bases, COUNT(host_bases), host_size, host);
	hello.lanes = 4;
	err = connect_session(&hello, &o, refused, why, size);
	for (size_t i = 0; i < hello.n_environment; i++)
		free(env[i]);
	fits = !err &&
	       was_offered(arena, hello.n_arena_base, arena_size, o.welcome->arena_base,
		       o.welcome->arena_size) &&
	       was_offered(host, hello.n_host_base, host_size, o.welcome->host_base,
		       o.welcome->host_size);
	keep_only(arena, hello.n_arena_base, arena_size, fits ? o.welcome->arena_base : 0,
		fits ? o.welcome->arena_size : 0);
	keep_only(host, hello.n_host_base, host_size, fits ? o.welcome->host_base : 0,
		fits ? o.welcome->host_size : 0);
	if (err)
		return err;
	err = fits ? take_welcome(&o) : -EPROTO;
	if (!err)
		err = attach(&o);
	if (err)
		snprintf(why, size, "the session on %s could not be set up: %s", o.server,
			strerror(-err));
	opened_fini(&o);
	return err;
}

/* The child has no session: what it inherits is closed, without a word to the server. */
static void forked(void)
{
	pthread_mutex_init(&opening, NULL);
	if (client.state != CLIENT_READY && client.state != CLIENT_LOST)
		return;
	atomic_store(&client.state, CLIENT_FORKED);
	client.transport->close(client.command);
	client.transport->close(client.side);
	for (unsigned i = 0; i < client.lanes; i++)
		client.transport->close(client.lane[i]);
}

/* Work that was posted is executed; nothing here waits for long. Destructors that run later find the
 * driver gone, as they do natively. */
static void leave(void)
{
	int ready = CLIENT_READY;

	if (client.state == CLIENT_FORKED || getpid() != owner)
		return;
	stats_write();
	if (atomic_compare_exchange_strong(&client.state, &ready, CLIENT_ENDED))
		call_goodbye();
}

static bool wants_sync(void)
{
	const char *value = getenv("RGPU_SYNC");

	if (!value || !*value || !strcmp(value, "0"))
		return false;
	if (strcmp(value, "1"))
		log_write(LOG_WARN, "RGPU_SYNC=%s has no meaning: it must be 1, 0 or unset", value);
	return !strcmp(value, "1");
}

/* A selection of devices is to blame only where a server that was asked for it had none. */
static void tell(const char *why, int refused)
{
	bool selected = refused == CUDA_ERROR_NO_DEVICE && visible_needs_server();

	if (told)
		return;
	told = true;
	if (selected)
		log_write(LOG_ERROR,
			"%s CUDA_VISIBLE_DEVICES=%.100s asks for devices that must be there.", why,
			getenv("CUDA_VISIBLE_DEVICES"));
	else
		log_write(LOG_ERROR, "%s", why);
}

static CUresult open_once(void)
{
	char why[CONNECT_WHY];
	int refused, err;

	stats_start();
	client.sync = wants_sync();
	err = open_session(why, sizeof(why), &refused);
	if (err) {
		tell(why, refused);
		return refused ? (CUresult)refused : CUDA_ERROR_NO_DEVICE;
	}
	owner = getpid();
	pthread_atfork(NULL, NULL, forked);
	atexit(leave);
	return client.device_count ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

/* The same answer for everyone who asks at the same time. */
static CUresult initialise(void)
{
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&opening);
	switch (atomic_load(&client.state)) {
	case CLIENT_NEW:
		r = open_once();
		break;
	case CLIENT_FORKED:
		r = CUDA_ERROR_NOT_INITIALIZED;
		break;
	case CLIENT_LOST:
	case CLIENT_ENDED:
		r = client_usable();
		break;
	default:
		r = client.device_count ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
	}
	pthread_mutex_unlock(&opening);
	return r;
}

CUresult client_cuInit(unsigned int Flags)
{
	return Flags ? CUDA_ERROR_INVALID_VALUE : initialise();
}

CUresult client_cuDriverGetVersion(int *driverVersion)
{
	if (!driverVersion)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&opening);
	if (!client.driver_version)
		client.driver_version = CLIENT_DRIVER_VERSION;
	*driverVersion = client.driver_version;
	pthread_mutex_unlock(&opening);
	return CUDA_SUCCESS;
}
