/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How connections end and change hands: loss of the peer, interrupt from
 * another thread, detach and adopt across processes.
 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void send_bytes(struct connection *c, const char *bytes)
{
	struct iovec iov = {(void *)bytes, strlen(bytes)};

	check(transport->send(c, &iov, 1) == 0);
}

static void expect_over(struct connection *c)
{
	struct iovec iov = {"x", 1};
	const void *data;
	char byte;
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(transport->peek(c, 1, 0, TRANSPORT_FOREVER, &data), -EPIPE);
		assert_int_equal(transport->peek(c, 1, 10, 0, &data), -EPIPE);
		assert_int_equal(transport->recv(c, &byte, 1), -EPIPE);
		assert_null(transport->reserve(c, 1));
		assert_int_equal(transport->send(c, &iov, 1), -EPIPE);
		assert_int_equal(transport->send(c, NULL, 0), -EPIPE);
	}
}

static void loss_of_the_peer_stays(void **state)
{
	struct pair p = pair_create();

	transport->close(p.a);
	p.a = NULL;
	expect_over(p.b);
	pair_destroy(&p);
}

static void loss_is_seen_by_a_sender_that_never_receives(void **state)
{
	struct pair p = pair_create();
	struct iovec iov = {"x", 1};
	int i, err = 0;

	transport->close(p.a);
	p.a = NULL;
	for (i = 0; i < 1000 && !err; i++) {
		err = transport->send(p.b, &iov, 1);
		sleep_ms(1);
	}
	assert_int_equal(err, -EPIPE);
	expect_over(p.b);
	pair_destroy(&p);
}

static void last_words_are_received(void **state)
{
	struct pair p = pair_create();
	const void *data;
	char got[4];

	send_bytes(p.a, "farewell");
	transport->close(p.a);
	p.a = NULL;
	assert_int_equal(transport->recv(p.b, got, 4), 0);
	assert_memory_equal(got, "fare", 4);
	assert_int_equal(transport->peek(p.b, 5, 0, TRANSPORT_FOREVER, &data), -EPIPE);
	assert_int_equal(transport->peek(p.b, 1, 0, TRANSPORT_FOREVER, &data), 4);
	assert_memory_equal(data, "well", 4);
	transport->consume(p.b, 4);
	expect_over(p.b);
	pair_destroy(&p);
}

static void a_short_stream_fails_recv(void **state)
{
	struct pair p = pair_create();
	char got[16];

	send_bytes(p.a, "short");
	transport->close(p.a);
	p.a = NULL;
	assert_int_equal(transport->recv(p.b, got, sizeof(got)), -EPIPE);
	expect_over(p.b);
	pair_destroy(&p);
}

/* Calls that block until interrupt: each runs in a thread of its own connection. */
static void *blocked_peek(void *arg)
{
	const void *data;

	check(transport->peek(arg, 1, 0, TRANSPORT_FOREVER, &data) == -EPIPE);
	return NULL;
}

static void *blocked_spin(void *arg)
{
	const void *data;

	check(transport->peek(arg, 1, 60000000, 0, &data) == -EPIPE);
	return NULL;
}

static void *blocked_recv(void *arg)
{
	char byte[4];

	check(transport->recv(arg, byte, sizeof(byte)) == -EPIPE);
	return NULL;
}

static void *blocked_reserve(void *arg)
{
	void *room;

	while ((room = transport->reserve(arg, 1 << 20)))
		transport->commit(arg, 1 << 20);
	return NULL;
}

static void *blocked_send(void *arg)
{
	struct iovec iov = {.iov_len = 1 << 20};
	int err;

	iov.iov_base = calloc(1, iov.iov_len);
	do {
		err = transport->send(arg, &iov, 1);
	} while (!err);
	check(err == -EPIPE);
	free(iov.iov_base);
	return NULL;
}

/* What the peer sent before its end. */
static void drain(struct connection *c)
{
	const void *data;
	ssize_t n;

	while ((n = transport->peek(c, 1, 0, TRANSPORT_FOREVER, &data)) > 0)
		transport->consume(c, n);
}

static void interrupt_ends_blocked_calls(void **state)
{
	void *(*const calls[])(void *) = {
		blocked_peek, blocked_spin, blocked_recv, blocked_reserve, blocked_send};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p = pair_create();
		pthread_t thread;

		check(!pthread_create(&thread, NULL, calls[i], p.b));
		sleep_ms(100);
		transport->interrupt(p.b);
		pthread_join(thread, NULL);
		expect_over(p.b);
		drain(p.a);
		expect_over(p.a);
		pair_destroy(&p);
	}
}

static void interrupt_forgets_what_was_received(void **state)
{
	struct pair p = pair_create();
	const void *data;

	send_bytes(p.a, "ignored");
	assert_int_equal(transport->peek(p.b, 7, 0, TRANSPORT_FOREVER, &data), 7);
	transport->interrupt(p.b);
	expect_over(p.b);
	pair_destroy(&p);
}

static void detach_refuses_what_would_be_lost(void **state)
{
	struct pair p = pair_create();
	const void *data;
	void *room;
	int fd;

	send_bytes(p.a, "xy");
	assert_int_equal(transport->peek(p.b, 2, 0, TRANSPORT_FOREVER, &data), 2);
	transport->consume(p.b, 1);
	assert_int_equal(transport->detach(p.b), -EBUSY);
	transport->consume(p.b, 1);

	room = transport->reserve(p.b, 1);
	assert_non_null(room);
	memcpy(room, "z", 1);
	transport->commit(p.b, 1);
	assert_int_equal(transport->detach(p.b), -EBUSY);
	assert_int_equal(transport->send(p.b, NULL, 0), 0);

	fd = transport->detach(p.b);
	assert_true(fd >= 0);
	assert_int_equal(transport->adopt(fd, &p.b), 0);
	send_bytes(p.b, "!");
	assert_int_equal(transport->peek(p.a, 2, 0, TRANSPORT_FOREVER, &data), 2);
	assert_memory_equal(data, "z!", 2);
	pair_destroy(&p);
}

static void adopt_refuses_what_is_no_connection(void **state)
{
	struct connection *c = NULL;
	int pipe_fds[2];

	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(transport->adopt(pipe_fds[0], &c) < 0);
	assert_true(transport->adopt(-1, &c) < 0);
	assert_null(c);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void pass_fd(int via, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {"", 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};

	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	check(sendmsg(via, &m, 0) == 1);
}

static int take_fd(int via)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd;

	check(recvmsg(via, &m, 0) == 1);
	check(control.header.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/* The other process: adopts, and sends back what it receives in capitals. */
static void echo_child(int via)
{
	struct connection *c;
	char bytes[6];
	size_t i;

	check(transport->adopt(take_fd(via), &c) == 0);
	check(transport->recv(c, bytes, sizeof(bytes)) == 0);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] -= 'a' - 'A';
	check(transport->send(c, &(struct iovec){bytes, sizeof(bytes)}, 1) == 0);
	transport->close(c);
	_exit(0);
}

/* The acceptor reads a prelude exactly, as it lies among bytes that are already there, and the
 * other process finds what follows it. */
static void another_process_goes_on(void **state)
{
	int sockets[2], status, fd, i;
	struct pair p;
	char bytes[8];
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	child = fork();
	if (!child) {
		close(sockets[0]); /* so that a parent that failed is noticed */
		echo_child(sockets[1]);
	}
	p = pair_create();
	for (i = 0; i < 2; i++)
		send_bytes(p.a, i ? "ollow" : "preludef");
	assert_int_equal(transport->recv(p.b, bytes, 7), 0);
	assert_memory_equal(bytes, "prelude", 7);
	fd = transport->detach(p.b);
	p.b = NULL;
	assert_true(fd >= 0);
	pass_fd(sockets[0], fd);
	close(fd);

	assert_int_equal(transport->recv(p.a, bytes, 6), 0);
	assert_memory_equal(bytes, "FOLLOW", 6);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	close(sockets[0]);
	close(sockets[1]);
	pair_destroy(&p);
}

static void the_detached_descriptor_is_a_stream(void **state)
{
	struct pair p = pair_create();
	char bytes[3];
	int fd;

	send_bytes(p.a, "rawxyz");
	fd = transport->detach(p.b);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, bytes, 3, MSG_WAITALL), 3);
	assert_memory_equal(bytes, "raw", 3);
	assert_int_equal(transport->adopt(fd, &p.b), 0);
	assert_int_equal(transport->recv(p.b, bytes, 3), 0);
	assert_memory_equal(bytes, "xyz", 3);
	pair_destroy(&p);
}

/* A child that was forked must not keep or disturb its parent's stream. */
static void fork_leaves_the_stream_alone(void **state)
{
	struct pair p = pair_create();
	const void *data;
	char *room;
	int status;
	pid_t child;

	room = transport->reserve(p.a, 4);
	assert_non_null(room);
	memcpy(room, "mine", 4);
	transport->commit(p.a, 4);
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(transport->send(p.a, NULL, 0), 0);
	assert_int_equal(transport->peek(p.b, 4, 0, TRANSPORT_FOREVER, &data), 4);
	assert_memory_equal(data, "mine", 4);
	pair_destroy(&p);
}

const struct CMUnitTest ending_tests[] = {
	cmocka_unit_test(loss_of_the_peer_stays),
	cmocka_unit_test(loss_is_seen_by_a_sender_that_never_receives),
	cmocka_unit_test(last_words_are_received),
	cmocka_unit_test(a_short_stream_fails_recv),
	cmocka_unit_test(interrupt_ends_blocked_calls),
	cmocka_unit_test(interrupt_forgets_what_was_received),
	cmocka_unit_test(detach_refuses_what_would_be_lost),
	cmocka_unit_test(adopt_refuses_what_is_no_connection),
	cmocka_unit_test(another_process_goes_on),
	cmocka_unit_test(the_detached_descriptor_is_a_stream),
	cmocka_unit_test(fork_leaves_the_stream_alone),
};
const size_t ending_test_count = sizeof(ending_tests) / sizeof(ending_tests[0]);
