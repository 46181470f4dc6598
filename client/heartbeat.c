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

void side_send(uint16_t opcode, uint64_t value)
{
	struct {
		struct frame frame;
		uint64_t value;
	} message = {{sizeof(message), opcode, 0, 0}, value};
	struct iovec iov = {&message, sizeof(message)};

	pthread_mutex_lock(&lock);
	message.frame.seq = ++seq;
	if (client.transport->send(client.side, &iov, 1) < 0)
		client_lost(CUDA_ERROR_UNKNOWN, "the side connection ended");
	pthread_mutex_unlock(&lock);
}

static void *beat(void *unused)
{
	(void)unused;
	while (client_usable() == CUDA_SUCCESS) {
		side_send(FRAME_HEARTBEAT, 0);
		sleep(PERIOD_S);
	}
	return NULL;
}

int heartbeat_start(void)
{
	return thread_start(beat, NULL);
}
