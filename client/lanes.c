/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lanes.h. Every lane has a thread that sends its queue and a thread that
 * receives data of copies out straight into their destination.
 */
#include "lanes.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"
#include "copyout.h"
#include "receive.h"
#include "thread.h"
#include "transport.h"
#include "wire.h"

enum { QUEUE = 64, DISCARDED = 16 << 10 };

struct job {
	uint64_t number;
	const uint8_t *data;
	uint32_t size;
	struct lane_transfer *transfer;
};

struct lane {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job queue[QUEUE];
	unsigned head, count;
};

static struct lane lanes[CLIENT_MAX_LANES];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static uint64_t next_chunk; /* under order */

static void finished(struct lane_transfer *t)
{
	if (atomic_fetch_sub_explicit(&t->left, 1, memory_order_release) == 1)
		syscall(SYS_futex, &t->left, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void enqueue(struct lane *l, const struct job *job)
{
	pthread_mutex_lock(&l->lock);
	while (l->count == QUEUE && client_usable() == CUDA_SUCCESS)
		pthread_cond_wait(&l->changed, &l->lock);
	if (client_usable() == CUDA_SUCCESS) {
		l->queue[(l->head + l->count++) % QUEUE] = *job;
		pthread_cond_broadcast(&l->changed);
	} else {
		finished(job->transfer);
	}
	pthread_mutex_unlock(&l->lock);
}

static struct job dequeue(struct lane *l)
{
	struct job job;

	pthread_mutex_lock(&l->lock);
	while (!l->count)
		pthread_cond_wait(&l->changed, &l->lock);
	job = l->queue[l->head];
	l->head = (l->head + 1) % QUEUE;
	l->count--;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return job;
}

static void *send_lane(void *argument)
{
	unsigned i = (uintptr_t)argument;

	for (;;) {
		struct job job = dequeue(&lanes[i]);
		struct lane_header header = {.number = job.number, .size = job.size};
		struct iovec iov[2] = {{&header, sizeof(header)}, {(void *)job.data, job.size}};

		if (client_usable() == CUDA_SUCCESS &&
			client.transport->send(client.lane[i], iov, 2) < 0)
			client_cut("bulk");
		finished(job.transfer);
	}
	return NULL;
}

static int discard(unsigned i, uint32_t size)
{
	uint8_t bytes[DISCARDED];
	int err = 0;

	for (uint32_t n; size && !err; size -= n) {
		n = size < sizeof(bytes) ? size : sizeof(bytes);
		err = client.transport->recv(client.lane[i], bytes, n);
	}
	return err;
}

static bool receive_chunk(unsigned i)
{
	struct lane_data header;
	bool behind;
	void *to;
	int err;

	if (client.transport->recv(client.lane[i], &header, sizeof(header)) < 0)
		return false;
	if (header.size > BULK_CHUNK ||
		!copyout_place(header.copy, header.offset, header.size, &to, &behind)) {
		client_lost(CUDA_ERROR_UNKNOWN, "the server sent data nobody asked for");
		return false;
	}
	if (to && behind)
		receive_before(i, header.frames);
	if (to) {
		err = client.transport->recv(client.lane[i], to, header.size);
		copyout_arrived(header.copy, err ? 0 : header.size);
	} else {
		err = discard(i, header.size);
	}
	if (err)
		return false;
	/* Also of a copy that was cancelled: the server counts what it sends. */
	receive_chunk_arrived(i);
	return true;
}

static void *receive_lane(void *argument)
{
	while (receive_chunk((uintptr_t)argument))
		continue;
	if (client_usable() == CUDA_SUCCESS)
		client_cut("bulk");
	return NULL;
}

CUresult lanes_send(const void *data, size_t size, lane_announce *announce, void *argument)
{
	uint32_t chunk = bulk_chunk(size, client.lanes);
	uint32_t chunks = (size + chunk - 1) / chunk;
	struct lane_transfer transfer = {chunks};
	uint32_t left;
	CUresult r;

	pthread_mutex_lock(&order);
	r = announce(argument, next_chunk);
	for (uint32_t i = 0; r == CUDA_SUCCESS && i < chunks; i++) {
		size_t at = (size_t)i * chunk;
		struct job job = {next_chunk, (const uint8_t *)data + at,
			size - at < chunk ? size - at : chunk, &transfer};

		enqueue(&lanes[next_chunk++ % client.lanes], &job);
	}
	pthread_mutex_unlock(&order);
	if (r)
		return r;
	while ((left = atomic_load_explicit(&transfer.left, memory_order_acquire)))
		syscall(SYS_futex, &transfer.left, FUTEX_WAIT_PRIVATE, left, NULL, NULL, 0);
	return client_usable();
}

int lanes_start(void)
{
	int err = 0;

	for (uintptr_t i = 0; !err && i < client.lanes; i++) {
		pthread_mutex_init(&lanes[i].lock, NULL);
		pthread_cond_init(&lanes[i].changed, NULL);
		err = thread_start(send_lane, (void *)i);
		if (!err)
			err = thread_start(receive_lane, (void *)i);
	}
	return err;
}
