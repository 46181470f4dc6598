/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See worker_link.h.
 */
#include "worker_link.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptor_room {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static int send_packet(int link, void *bytes, size_t size, int fd)
{
	struct iovec iov = {bytes, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	union descriptor_room room = {0};
	ssize_t n;

	if (fd >= 0) {
		room.header.cmsg_len = CMSG_LEN(sizeof(fd));
		room.header.cmsg_level = SOL_SOCKET;
		room.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&room.header), &fd, sizeof(fd));
		m.msg_control = &room;
		m.msg_controllen = sizeof(room.space);
	}
	do {
		n = sendmsg(link, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

int worker_link_send(int link, const ProtobufCMessage *message, int fd)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes;
	int err;

	if (!size || size > WORKER_LINK_MAX)
		return -EMSGSIZE;
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	protobuf_c_message_pack(message, bytes);
	err = send_packet(link, bytes, size, fd);
	free(bytes);
	return err;
}

ssize_t worker_link_recv(int link, void *buffer, int *fd)
{
	struct iovec iov = {buffer, WORKER_LINK_MAX};
	union descriptor_room room = {0};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room.space)};
	struct cmsghdr *c;
	ssize_t n;
	int got = -1;

	do {
		n = recvmsg(link, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;

	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	if (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		if (got >= 0)
			close(got);
		return -EMSGSIZE;
	}
	*fd = got;
	return n;
}
