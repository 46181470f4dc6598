/* SPDX-License-Identifier: Apache-2.0 */
/* The process: see nvml_worker_main in nvml.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "log.h"
#include "nvml.h"
#include "worker_link.h"

/* Wait for the client. 0 with *fd and *assign, -EPIPE when the supervisor is gone before. */
static int wait_for_client(Control__Assign **assign, int *fd)
{
	ProtobufCMessage *message;
	uint8_t *buffer = malloc(WORKER_LINK_MAX);
	ssize_t n;
	int err;

	if (!buffer)
		return -ENOMEM;
	n = worker_link_recv(WORKER_LINK_FD, buffer, fd);
	if (n <= 0) {
		free(buffer);
		return n < 0 ? n : -EPIPE;
	}
	err = control_unpack(&control__assign__descriptor, buffer, n, &message);
	free(buffer);
	if (err < 0)
		return err;
	*assign = (Control__Assign *)message;
	return (*assign)->hello && *fd >= 0 ? 0 : -EPROTO;
}

static int refuse(
	const struct transport *t, struct connection *c, nvmlReturn_t result, const char *text)
{
	Control__Answer answer = CONTROL__ANSWER__INIT;
	Control__Refusal refusal = CONTROL__REFUSAL__INIT;

	log_warn("NVML session refused: %s", text);
	refusal.result = result;
	refusal.text = (char *)text;
	answer.refusal = &refusal;
	return control_send(t, c, &answer.base);
}

static int welcome(
	const struct transport *t, struct connection *c, const Control__Assign *assign, int cuda)
{
	Control__Answer answer = CONTROL__ANSWER__INIT;
	Control__Welcome w = CONTROL__WELCOME__INIT;

	w.session = assign->session;
	w.ticket = assign->ticket;
	w.driver_version = cuda;
	w.memory_limit = assign->memory_limit;
	w.software = driver_is_software();
	answer.welcome = &w;
	return control_send(t, c, &answer.base);
}

static int serve_client(const struct transport *t, struct connection *c,
	const Control__Assign *assign, int cuda, const char *why)
{
	struct nvml_session session;
	int err;

	if (*why)
		return refuse(t, c, NVML_ERROR_LIBRARY_NOT_FOUND, why);
	if (assign->hello->spec_hash != nvml_spec_hash)
		return refuse(t, c, NVML_ERROR_UNKNOWN,
			"client and server have different versions of NVML's calls; "
			"use the same release on both");
	err = welcome(t, c, assign, cuda);
	if (err < 0)
		return err;
	err = nvml_session_init(&session, t, c, assign->memory_limit);
	if (err < 0)
		return err;
	err = nvml_session_serve(&session);
	nvml_session_fini(&session);
	return err;
}

static int report_ready(void)
{
	Control__Report report = CONTROL__REPORT__INIT;

	report.ready = true;
	return worker_link_send(WORKER_LINK_FD, &report.base, -1);
}

int nvml_worker_main(const char *choice)
{
	Control__Assign *assign = NULL;
	const struct transport *t;
	struct connection *c;
	char why[512] = "", url[64];
	const char *rest;
	int cuda = 0, fd = -1, err;

	nvml_host_open(choice, &cuda, why, sizeof(why));
	err = report_ready();
	if (!err)
		err = wait_for_client(&assign, &fd);
	if (err == -EPIPE)
		return 0;
	if (err < 0)
		goto failed;

	log_set_session(assign->session, assign->peer);
	snprintf(url, sizeof(url), "%s://", assign->scheme);
	t = transport_find(url, &rest);
	err = t ? t->adopt(fd, &c) : -EPROTONOSUPPORT;
	if (err < 0)
		goto failed;
	err = serve_client(t, c, assign, cuda, why);
	t->close(c);
	control__assign__free_unpacked(assign, NULL);
	if (err == -EPROTO)
		log_error("NVML session ended: the client sent a malformed request");
	return err < 0;

failed:
	log_error("NVML worker: %s", strerror(-err));
	return 1;
}
