/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, listening, accepting and connecting.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void schemes_are_found(void **state)
{
	const char *rest;
	char url[64];

	snprintf(url, sizeof(url), "%s://there:1", transport->scheme);
	assert_ptr_equal(transport_find(url, &rest), transport);
	assert_string_equal(rest, "there:1");
	assert_string_equal(transport_find("there:1", &rest)->scheme, "tcp");
	assert_string_equal(rest, "there:1");
	assert_null(transport_find("carrier-pigeon://there:1", &rest));
	assert_null(transport_find("://there:1", &rest));
	assert_null(transport_find("tc://there:1", &rest));
	assert_null(transport_find("tcpx://there:1", &rest));
}

static void expect_address(const char *given, const char *expected)
{
	char out[64];

	assert_int_equal(transport_address(given, "7411", out, sizeof(out)), 0);
	assert_string_equal(out, expected);
}

static void ports_are_filled_in(void **state)
{
	char out[8];

	expect_address("host", "host:7411");
	expect_address("host:1", "host:1");
	expect_address("::1", "[::1]:7411");
	expect_address("[::1]", "[::1]:7411");
	expect_address("[::1]:9", "[::1]:9");
	assert_int_equal(transport_address("longer", "7411", out, sizeof(out)), -EINVAL);
	assert_int_equal(transport_address("[::1", "7411", out, sizeof(out)), -EINVAL);
}

static void port_zero_is_reported(void **state)
{
	char bound[128];
	int fd = listen_any(bound, sizeof(bound));
	const char *port = strrchr(bound, ':');

	assert_non_null(port);
	assert_true(atoi(port + 1) > 0);
	close(fd);
}

static void bound_must_fit(void **state)
{
	char bound[4];

	assert_int_equal(transport->listen(test_address(), bound, sizeof(bound)), -ENOSPC);
}

static void accept_does_not_block(void **state)
{
	struct connection *c = NULL;
	char bound[128];
	int fd = listen_any(bound, sizeof(bound));

	assert_int_equal(transport->accept(fd, &c), -EAGAIN);
	assert_null(c);
	close(fd);
}

static void descriptors_close_on_exec(void **state)
{
	struct pair p = pair_create();
	char bound[128];
	int fd = listen_any(bound, sizeof(bound));

	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = transport->detach(p.b);
	p.b = NULL;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	fd = transport->detach(p.a);
	p.a = NULL;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {"", "host", "127.0.0.1", "127.0.0.1:", "::1", "[::1]",
		"[::1:80", "[::1]80", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1",
		"127.0.0.1: 80", "127.0.0.1:1:2", ":80", "[]:80"};
	struct connection *c = NULL;
	char bound[128], longest[600];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(transport->connect(bad[i], 100, &c), -EINVAL);
		assert_int_equal(transport->listen(bad[i], bound, sizeof(bound)), -EINVAL);
	}
	memset(longest, 'h', sizeof(longest));
	strcpy(longest + sizeof(longest) - 4, ":80");
	assert_int_equal(transport->connect(longest, 100, &c), -EINVAL);
	assert_null(c);
}

static void unknown_hosts_are_told(void **state)
{
	struct connection *c = NULL;
	int err = transport->connect("no-such-host.invalid:80", 1000, &c);

	/* Without any name server it is a temporary failure. */
	assert_true(err == -ENOENT || err == -EHOSTUNREACH);
	assert_null(c);
}

static void connection_refused(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	struct connection *c = NULL;
	char bound[64];
	int fd;

	if (strcmp(transport->scheme, "tcp"))
		skip();
	/* Nobody listens here, and nobody else can. */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!bind(fd, (struct sockaddr *)&address, length));
	check(!getsockname(fd, (struct sockaddr *)&address, &length));
	snprintf(bound, sizeof(bound), "127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(transport->connect(bound, 10000, &c), -ECONNREFUSED);
	assert_null(c);
	close(fd);
}

/* A listener with a full queue drops what arrives: nobody answers, as behind a firewall. */
static int deaf_listener(char *bound, size_t size, int fill[], int count)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), i;

	check(fd >= 0);
	check(!bind(fd, (struct sockaddr *)&address, length));
	check(!listen(fd, 0));
	check(!getsockname(fd, (struct sockaddr *)&address, &length));
	snprintf(bound, size, "127.0.0.1:%d", ntohs(address.sin_port));
	for (i = 0; i < count; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&address, length);
	}
	sleep_ms(50);
	return fd;
}

static void connect_keeps_its_time(void **state)
{
	struct connection *c = NULL;
	int64_t start, took;
	char bound[64];
	int fill[4], fd, i;

	if (strcmp(transport->scheme, "tcp"))
		skip();
	fd = deaf_listener(bound, sizeof(bound), fill, 4);
	start = clock_ms();
	assert_int_equal(transport->connect(bound, 200, &c), -ETIMEDOUT);
	took = clock_ms() - start;
	assert_true(took >= 199 && took < 60000);
	assert_null(c);
	for (i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
}

static void ipv6_in_brackets(void **state)
{
	char bound[128], byte = 0;
	struct pair p;
	int fd;

	fd = transport->listen("[::1]:0", bound, sizeof(bound));
	if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(strncmp(bound, "[::1]:", 6), 0);
	assert_int_equal(transport->connect(bound, 1000, &p.a), 0);
	p.b = accept_one(fd);
	assert_int_equal(transport->send(p.a, &(struct iovec){"6", 1}, 1), 0);
	assert_int_equal(transport->recv(p.b, &byte, 1), 0);
	assert_int_equal(byte, '6');
	pair_destroy(&p);
	close(fd);
}

/* localhost may be ::1 first: the listener at 127.0.0.1 must be found all the same. */
static void every_address_is_tried(void **state)
{
	char bound[128], name[32];
	struct pair p;
	int fd = listen_any(bound, sizeof(bound));

	if (strcmp(transport->scheme, "tcp")) {
		close(fd);
		skip();
	}
	snprintf(name, sizeof(name), "localhost%s", strrchr(bound, ':'));
	assert_int_equal(transport->connect(name, 2000, &p.a), 0);
	p.b = accept_one(fd);
	pair_destroy(&p);
	close(fd);
}

const struct CMUnitTest address_tests[] = {
	cmocka_unit_test(schemes_are_found),
	cmocka_unit_test(ports_are_filled_in),
	cmocka_unit_test(port_zero_is_reported),
	cmocka_unit_test(bound_must_fit),
	cmocka_unit_test(accept_does_not_block),
	cmocka_unit_test(descriptors_close_on_exec),
	cmocka_unit_test(bad_addresses_are_refused),
	cmocka_unit_test(unknown_hosts_are_told),
	cmocka_unit_test(connection_refused),
	cmocka_unit_test(connect_keeps_its_time),
	cmocka_unit_test(ipv6_in_brackets),
	cmocka_unit_test(every_address_is_tried),
};
const size_t address_test_count = sizeof(address_tests) / sizeof(address_tests[0]);
