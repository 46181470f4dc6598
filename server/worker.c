/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a worker: load the driver and make the first device's primary
 * context while nobody waits, tell the supervisor, take the session that it
 * assigns, agree on addresses with the client, and run the dispatcher. Ending
 * the process is the only teardown there is.
 */
#include "worker.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "address.h"
#include "bulk.h"
#include "context.h"
#include "copy.h"
#include "driver.h"
#include "helpers.h"
#include "hostfunc.h"
#include "image.h"
#include "log.h"
#include "memory.h"
#include "mirror.h"
#include "nvml/nvml.h"
#include "output.h"
#include "quota.h"
#include "side.h"
#include "snapshot.h"
#include "thread.h"
#include "watch.h"
#include "worker_link.h"

#define TIB (UINT64_C(1) << 40)
#define ARENA_MIN (UINT64_C(1) << 36)

/* Where the driver itself places memory: pools, and under the compat layout all its mappings. */
static const struct {
	uint64_t base, size;
} driver_ranges[] = {
	{ADDRESS_POOLS, ADDRESS_POOLS_SIZE},
	{0x2aaaaaaab000, 4 * TIB},
};

struct offer {
	uint64_t arena_base, arena_size;
	uint64_t host_base, host_size;
};

static void report_driver(void)
{
	Control__Report r = CONTROL__REPORT__INIT;

	r.driver = (char *)driver_name();
	worker_link_send(WORKER_LINK_FD, &r.base, -1);
}

static void report_ready(void)
{
	Control__Report r = CONTROL__REPORT__INIT;

	r.ready = true;
	worker_link_send(WORKER_LINK_FD, &r.base, -1);
}

/* The supervisor says it to whom it concerns, and logs it. An exit status. */
static int report_failure(const char *why)
{
	Control__Report r = CONTROL__REPORT__INIT;

	r.failure = (char *)why;
	worker_link_send(WORKER_LINK_FD, &r.base, -1);
	return 1;
}

/* The context that makes the first cuInit of a client fast. */
static CUresult warm_up(struct session *s)
{
	CUresult r = driver.cuDevicePrimaryCtxRetain(&s->warm, 0);

	if (!r)
		r = context_use(s->warm);
	if (r)
		return r;
	thread_prepare();
	staging_pin(s->staging, NULL);
	return CUDA_SUCCESS;
}

static bool arena_try(uint64_t base, uint64_t size)
{
	CUdeviceptr got = 0;

	if (driver.cuMemAddressReserve(&got, size, 0, base, 0))
		return false;
	if (got == base)
		return true;
	driver.cuMemAddressFree(got, size);
	return false;
}

static int offer_arena(const Control__Hello *hello, struct offer *o)
{
	for (uint64_t size = hello->arena_size; size >= ARENA_MIN; size /= 2) {
		for (size_t i = 0; i < hello->n_arena_base; i++) {
			if (!arena_try(hello->arena_base[i], size))
				continue;
			o->arena_base = hello->arena_base[i];
			o->arena_size = size;
			return 0;
		}
	}
	return -EADDRNOTAVAIL;
}

static int offer_host(const Control__Hello *hello, struct offer *o)
{
	for (size_t i = 0; i < hello->n_host_base; i++) {
		void *want = (void *)(uintptr_t)hello->host_base[i];
		void *got = mmap(want, hello->host_size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

		if (got == MAP_FAILED)
			continue;
		if (got == want) {
			o->host_base = hello->host_base[i];
			o->host_size = hello->host_size;
			return 0;
		}
		munmap(got, hello->host_size);
	}
	return -EADDRNOTAVAIL;
}

static int refuse(struct connection *c, CUresult r, const char *text)
{
	Control__Answer answer = CONTROL__ANSWER__INIT;
	Control__Refusal refusal = CONTROL__REFUSAL__INIT;

	log_warn("refused: %s", text);
	refusal.result = r;
	refusal.text = (char *)text;
	answer.refusal = &refusal;
	control_send(c->ops, c, &answer.base);
	return 1;
}

static int welcome(
	struct connection *c, const Control__Assign *assign, const struct offer *o, unsigned lanes)
{
	static Control__Range range[2], *ranges[2] = {&range[0], &range[1]};
	static Control__Welcome w;
	Control__Answer answer = CONTROL__ANSWER__INIT;
	int err;

	control__welcome__init(&w);
	w.session = assign->session;
	w.ticket = assign->ticket;
	w.lanes = lanes;
	w.arena_base = o->arena_base;
	w.arena_size = o->arena_size;
	w.host_base = o->host_base;
	w.host_size = o->host_size;
	for (int i = 0; i < 2; i++) {
		control__range__init(&range[i]);
		range[i].address = driver_ranges[i].base;
		range[i].size = driver_ranges[i].size;
	}
	w.reserved = ranges;
	w.n_reserved = 2;
	err = snapshot_fill(&w);
	if (err)
		return err;
	answer.welcome = &w;
	return control_send(c->ops, c, &answer.base);
}

static int session_open(
	struct session *s, const Control__Assign *assign, const struct offer *o, unsigned lanes)
{
	int err = session_init(s);

	s->id = assign->session;
	if (!err)
		err = memory_create(s, o->arena_base, o->arena_size);
	if (!err)
		err = mirror_create(s, o->host_base, o->host_size);
	if (!err)
		err = bulk_create(s, lanes);
	if (!err)
		err = output_create(s);
	return err;
}

/* The session's first connection, and what the supervisor knows of it. */
static Control__Assign *assignment(struct connection **out)
{
	static uint8_t buffer[WORKER_LINK_MAX];
	const struct transport *t = NULL;
	Control__Assign *assign;
	const char *rest;
	char url[64];
	ssize_t n;
	int fd;

	n = worker_link_recv(WORKER_LINK_FD, buffer, &fd);
	assign = n > 0 ? control__assign__unpack(NULL, n, buffer) : NULL;
	if (!assign || fd < 0 || !assign->hello)
		return NULL;
	snprintf(url, sizeof(url), "%s://", assign->scheme);
	t = transport_find(url, &rest);
	return t && !t->adopt(fd, out) ? assign : NULL;
}

static int serve(struct session *s)
{
	Control__Assign *assign = assignment(&s->command);
	struct offer offer = {0};
	unsigned lanes;
	int err;

	if (!assign)
		return 0;
	log_set_session(assign->session, assign->peer);
	quota_set_limit(assign->memory_limit);
	lanes = assign->hello->lanes;
	lanes = !lanes ? 1 : lanes > SESSION_LANES_MAX ? SESSION_LANES_MAX : lanes;
	if (offer_arena(assign->hello, &offer))
		return refuse(s->command, CUDA_ERROR_OUT_OF_MEMORY,
			"no address range for device memory is free on both sides");
	if (offer_host(assign->hello, &offer))
		return refuse(s->command, CUDA_ERROR_OUT_OF_MEMORY,
			"no address range for host memory is free on both sides");
	err = session_open(s, assign, &offer, lanes);
	if (!err)
		err = side_start(s, WORKER_LINK_FD);
	if (!err)
		err = watch_start(s);
	if (err)
		return refuse(s->command, CUDA_ERROR_OUT_OF_MEMORY, "the server is out of memory");
	err = welcome(s->command, assign, &offer, lanes);
	if (err) {
		log_warn("the client was not welcomed: %s", strerror(-err));
		return 1;
	}
	session_run(s);
}

static int worker_options(int argc, char **argv, const char **library, bool *nvml)
{
	static const struct option options[] = {
		{"worker", no_argument, NULL, 'w'},
		{"driver", required_argument, NULL, 'd'},
		{"log", required_argument, NULL, 'l'},
		{"nvml", no_argument, NULL, 'n'},
		{0},
	};
	enum log_level level;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			*library = optarg;
		else if (c == 'n')
			*nvml = true;
		else if (c == 'l' && !log_parse_level(optarg, &level))
			log_set_level(level);
		else if (c != 'w')
			return -EINVAL;
	}
	return 0;
}

int worker_main(int argc, char **argv)
{
	static struct session session;
	char why[DRIVER_WHY] = "";
	const char *library = "auto";
	bool nvml = false;
	CUresult r;

	signal(SIGPIPE, SIG_IGN);
	if (worker_options(argc, argv, &library, &nvml))
		return 2;
	if (nvml)
		return nvml_worker_main(library);
	if (output_capture() || staging_create(&session.staging))
		return report_failure("out of memory or descriptors");
	if (driver_open(library, why))
		return report_failure(why);
	report_driver();
	r = warm_up(&session);
	if (r) {
		snprintf(why, sizeof(why), "the first device's context cannot be made: %d", (int)r);
		return report_failure(why);
	}
	report_ready();
	return serve(&session);
}
