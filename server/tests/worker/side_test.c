/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that the supervisor passes: one that the session does not want is closed, and only
 * once, since the number may be another descriptor's by then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bulk.h"
#include "side.h"
#include "worker_link.h"

enum { LANES = 2 };

int __wrap_close(int fd);
int __real_close(int fd);

static _Atomic unsigned closed_twice;
static int link_fd;

int __wrap_close(int fd)
{
	int err = __real_close(fd);

	if (err && errno == EBADF)
		closed_twice++;
	return err;
}

/* The client's end of a connection that was passed to the session. */
static int pass(Control__Role role, uint32_t lane, char *scheme)
{
	Control__Assign a = CONTROL__ASSIGN__INIT;
	struct connection *client, *server;
	const char *rest;
	const struct transport *t = transport_find("tcp://", &rest);
	char address[64];
	int listener = t->listen("127.0.0.1:0", address, sizeof(address)), fd;

	assert_true(listener >= 0);
	assert_int_equal(t->connect(address, 10000, &client), 0);
	while (t->accept(listener, &server) == -EAGAIN)
		usleep(1000);
	fd = t->detach(server);
	a.role = role;
	a.lane = lane;
	a.scheme = scheme;
	assert_int_equal(worker_link_send(link_fd, &a.base, fd), 0);
	close(fd);
	close(listener);
	return t->detach(client);
}

static void refused(Control__Role role, uint32_t lane, char *scheme)
{
	int fd = pass(role, lane, scheme);
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

static void unwanted_are_closed(void **state)
{
	int side, lane;

	side = pass(CONTROL__ROLE__SIDE, 0, "tcp");
	lane = pass(CONTROL__ROLE__BULK, LANES - 1, "tcp");
	refused(CONTROL__ROLE__SIDE, 0, "tcp");
	refused(CONTROL__ROLE__BULK, LANES - 1, "tcp");
	refused(CONTROL__ROLE__BULK, LANES, "tcp");
	refused(CONTROL__ROLE__BULK, UINT32_MAX, "tcp");
	refused(CONTROL__ROLE__COMMAND, 0, "tcp");
	refused(77, 0, "tcp");
	refused(CONTROL__ROLE__BULK, 0, "pigeon");
	/* All were seen to their end, and those that were taken are there. */
	refused(CONTROL__ROLE__SIDE, 0, "tcp");
	assert_int_equal(closed_twice, 0);
	assert_int_equal(send(side, "", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(lane, "", 1, MSG_NOSIGNAL), 1);
}

static int begin(void **state)
{
	static struct session session;
	int link[2];

	if (staging_create(&session.staging) || bulk_create(&session, LANES) ||
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, link))
		return -1;
	link_fd = link[0];
	return side_start(&session, link[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwanted_are_closed),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
