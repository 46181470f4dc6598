/* SPDX-License-Identifier: Apache-2.0 */
/* See heartbeat.h. A child that inherited the sockets never beats: death of the parent shows. */
#include "heartbeat.h"

#include <pthread.h>
#include <unistd.h>

#include "client.h"
#include "thread.h"
#include "transport.h"
#include "wire.h"

enum { PERIOD_S = 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t seq;

void side_send(uint16_t opcode, uint64_t value, const void *data, uint32_t size)
{
	static const uint8_t zeros[8];
	uint32_t padding = wire_pad(size) - size;
	struct {
		struct frame frame;
		uint64_t value, size;
	} message = {{0, opcode, 0, 0}, value, size};
	struct iovec iov[] = {{&message, data ? sizeof(message) : offsetof(typeof(message), size)},
		{(void *)data, size}, {(void *)zeros, padding}};

	message.frame.size = iov[0].iov_len + size + padding;
	pthread_mutex_lock(&lock);
	message.frame.seq = ++seq;
	if (client.transport->send(client.side, iov, data ? 3 : 1) < 0)
		client_cut("side");
	pthread_mutex_unlock(&lock);
}

static void *beat(void *unused)
{
	(void)unused;
	while (client_usable() == CUDA_SUCCESS) {
		side_send(FRAME_HEARTBEAT, 0, NULL, 0);
		sleep(PERIOD_S);
	}
	return NULL;
}

int heartbeat_start(void)
{
	return thread_start(beat, NULL);
}
