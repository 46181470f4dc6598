/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See connect.h. The list is tried in order; the first server that welcomes the
 * session serves it. However long the list and whatever servers say, the text
 * has room for what to do.
 */
#include "connect.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "log.h"
#include "wire.h"

enum {
	CONNECT_TIMEOUT_MS = 5000,
	ADVICE_MAX = 250, /* bytes of the end of the text */
};

struct text {
	char *pos, *end;
};

static void say(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->pos, t->end - t->pos, format, args);
	va_end(args);
	if (n < t->end - t->pos) {
		t->pos += n > 0 ? n : 0;
	} else {
		t->pos = t->end - 1;
		memcpy(t->pos - 3, "...", 3);
	}
}

static int exchange(struct opened *o, Control__Hello *hello)
{
	struct prelude prelude = prelude_make(PRELUDE_COMMAND, 0, NULL);
	struct iovec iov = {&prelude, sizeof(prelude)};
	int err;

	err = o->transport->send(o->command, &iov, 1);
	if (!err)
		err = control_send(o->transport, o->command, &hello->base);
	if (!err)
		err = control_recv(o->transport, o->command, &control__answer__descriptor,
			(ProtobufCMessage **)&o->answer);
	return err;
}

static const char *connect_error(int err)
{
	switch (err) {
	case -EINVAL:
		return "not an address that this client knows ([tcp://]host[:port])";
	case -ENOENT:
		return "there is no such host";
	default:
		return strerror(-err);
	}
}

/* Why no answer came of a server that could be connected to. */
static const char *answer_error(int err)
{
	switch (err) {
	case -EPIPE:
		return "it closed the connection";
	case -EMSGSIZE:
	case -EBADMSG:
	case -EPROTO:
		return "what came is not one";
	default:
		return strerror(-err);
	}
}

/* One server. 0 with o->answer set, else -errno. */
static int try_server(const char *url, Control__Hello *hello, struct opened *o, struct text *why)
{
	const char *rest;
	int err = -EINVAL;

	o->transport = transport_find(url, &rest);
	if (o->transport)
		err = transport_address(rest, CONTROL_PORT, o->address, sizeof(o->address));
	if (!err)
		err = o->transport->connect(o->address, CONNECT_TIMEOUT_MS, &o->command);
	if (err < 0) {
		say(why, "; %.100s: %s", url, connect_error(err));
		return err;
	}
	err = exchange(o, hello);
	if (!err && !o->answer->welcome && !o->answer->refusal)
		err = -EPROTO;
	if (err < 0) {
		say(why, "; %.100s: connected, but no answer of a gpuserverd came (%s)", url,
			answer_error(err));
		o->transport->close(o->command);
		o->command = NULL;
		return err;
	}
	snprintf(o->server, sizeof(o->server), "%s", url);
	return 0;
}

static void refuse(struct opened *o, int *refused, struct text *why)
{
	say(why, "; %.100s refused: %.600s", o->server, o->answer->refusal->text);
	*refused = o->answer->refusal->result;
	o->transport->close(o->command);
	o->command = NULL;
	opened_fini(o);
}

static void introduce(Control__Hello *hello, char *host, char *program)
{
	ssize_t n;

	hello->wire_version = WIRE_VERSION;
	hello->pid = getpid();
	host[0] = '\0';
	gethostname(host, 255);
	host[255] = '\0';
	n = readlink("/proc/self/exe", program, 255);
	program[n > 0 ? n : 0] = '\0';
	hello->host = host;
	hello->program = program;
	hello->release = (char *)RELEASE;
}

int connect_session(Control__Hello *hello, struct opened *o, int *refused, char *why, size_t size)
{
	const char *setting = getenv("RGPU_SERVERS");
	struct text text = {why, why + size - ADVICE_MAX};
	char host[256], program[256];
	char *list, *next, *save = NULL;
	int err = -EDESTADDRREQ;

	memset(o, 0, sizeof(*o));
	*refused = 0;
	introduce(hello, host, program);
	say(&text, "no GPU server can be used");
	list = strdup(setting && *setting ? setting : "localhost");
	if (!list)
		return -ENOMEM;
	for (next = strtok_r(list, ", \t", &save); next; next = strtok_r(NULL, ", \t", &save)) {
		err = try_server(next, hello, o, &text);
		if (err)
			continue;
		if (o->answer->welcome)
			break;
		refuse(o, refused, &text);
		err = -ECONNREFUSED;
	}
	free(list);
	hello->host = hello->program = hello->release = (char *)protobuf_c_empty_string;
	if (!err) {
		o->welcome = o->answer->welcome;
		log_write(LOG_INFO, "session %lu on %s", (unsigned long)o->welcome->session, o->server);
		return 0;
	}
	if (err == -EDESTADDRREQ)
		say(&text, "; RGPU_SERVERS names none");
	text.end = why + size;
	say(&text, ". %s other servers in RGPU_SERVERS (now: %.100s%s).",
		*refused ? "Name" : "Start gpuserverd there, or name",
		setting && *setting ? setting : "unset, so localhost",
		setting && strlen(setting) > 100 ? "..." : "");
	return err;
}

int connect_more(const struct opened *o, unsigned role, unsigned lane, struct connection **out)
{
	struct prelude prelude;
	struct iovec iov = {&prelude, sizeof(prelude)};
	int err;

	if (o->welcome->ticket.len != PRELUDE_TICKET)
		return -EPROTO;
	prelude = prelude_make(role, lane, o->welcome->ticket.data);
	err = o->transport->connect(o->address, CONNECT_TIMEOUT_MS, out);
	if (err < 0)
		return err;
	err = o->transport->send(*out, &iov, 1);
	if (err < 0)
		o->transport->close(*out);
	return err;
}

void opened_fini(struct opened *o)
{
	if (o->answer)
		control__answer__free_unpacked(o->answer, NULL);
	o->answer = NULL;
	o->welcome = NULL;
}
