/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bulk.h. Each lane has a thread that receives and one that sends. The
 * receiver fills the lane's own slots in turn and stops while they are full,
 * which is what bounds a client that sends ahead.
 */
#include "bulk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "thread.h"

enum {
	SENDS_MAX = STAGING_OUT_CHUNKS + 1,
	WAIT_NS = 200000,
};

struct bulk_send {
	struct slot *slot;
	uint64_t copy, offset;
	uint32_t bytes;
};

struct lane {
	struct session *session;
	struct connection *connection;
	unsigned index;
	pthread_mutex_t lock;
	pthread_cond_t room;	    /* a slot was released */
	pthread_cond_t fill;	    /* a chunk has arrived */
	pthread_cond_t work;	    /* something is to be sent */
	uint64_t arrived, released; /* chunks of this lane */
	uint32_t *bytes;	    /* of the chunk in each slot */
	bool *freed;		    /* slots released out of order */
	bool lost;
	struct bulk_send send[SENDS_MAX];
	unsigned send_first, send_count;
};

struct bulk {
	unsigned lanes;
	unsigned depth; /* slots of a lane */
	uint64_t announced;
	unsigned next; /* lane of the next push */
	struct lane lane[SESSION_LANES_MAX];
	uint32_t bytes[STAGING_IN_CHUNKS];
	bool freed[STAGING_IN_CHUNKS];
};

int bulk_create(struct session *s, unsigned lanes)
{
	struct bulk *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->lanes = lanes;
	b->depth = STAGING_IN_CHUNKS / lanes;
	for (unsigned i = 0; i < lanes; i++) {
		struct lane *l = &b->lane[i];

		l->session = s;
		l->index = i;
		l->bytes = &b->bytes[i * b->depth];
		l->freed = &b->freed[i * b->depth];
		pthread_mutex_init(&l->lock, NULL);
		pthread_cond_init(&l->room, NULL);
		pthread_cond_init(&l->fill, NULL);
		pthread_cond_init(&l->work, NULL);
	}
	s->bulk = b;
	return 0;
}

static struct slot *lane_slot(struct lane *l, uint64_t nth)
{
	struct bulk *b = l->session->bulk;

	return staging_in(l->session->staging, l->index * b->depth + nth % b->depth);
}

static void lane_lose(struct lane *l)
{
	pthread_mutex_lock(&l->lock);
	l->lost = true;
	pthread_cond_broadcast(&l->fill);
	pthread_cond_broadcast(&l->work);
	pthread_mutex_unlock(&l->lock);
}

/* One chunk into the lane's next slot. */
static int lane_receive(struct lane *l)
{
	const struct transport *t = l->connection->ops;
	struct bulk *b = l->session->bulk;
	struct lane_header h;
	uint64_t nth;
	int err;

	err = t->recv(l->connection, &h, sizeof(h));
	if (err)
		return err;

	pthread_mutex_lock(&l->lock);
	while (l->arrived - l->released >= b->depth)
		pthread_cond_wait(&l->room, &l->lock);
	nth = l->arrived;
	pthread_mutex_unlock(&l->lock);

	if (h.number != nth * b->lanes + l->index || !h.size || h.size > BULK_CHUNK || h.zero)
		return -EPROTO;
	err = t->recv(l->connection, lane_slot(l, nth)->bytes, h.size);
	if (err)
		return err;

	pthread_mutex_lock(&l->lock);
	l->bytes[nth % b->depth] = h.size;
	l->freed[nth % b->depth] = false;
	l->arrived++;
	pthread_cond_broadcast(&l->fill);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static void *receiver(void *arg)
{
	struct lane *l = arg;

	while (!lane_receive(l))
		;
	lane_lose(l);
	return NULL;
}

/* The next job of the lane; false once it is lost. */
static bool lane_next(struct lane *l, struct bulk_send *out)
{
	pthread_mutex_lock(&l->lock);
	while (!l->send_count && !l->lost)
		pthread_cond_wait(&l->work, &l->lock);
	*out = l->send[l->send_first];
	pthread_mutex_unlock(&l->lock);
	return !l->lost;
}

static void lane_sent(struct lane *l)
{
	pthread_mutex_lock(&l->lock);
	l->send_first = (l->send_first + 1) % SENDS_MAX;
	l->send_count--;
	pthread_mutex_unlock(&l->lock);
}

static void *sender(void *arg)
{
	struct lane *l = arg;
	struct bulk_send job;

	while (lane_next(l, &job)) {
		struct lane_data h = {job.copy, job.offset, job.bytes, 0};
		struct iovec iov[2] = {{&h, sizeof(h)}, {job.slot->bytes, job.bytes}};

		if (l->connection->ops->send(l->connection, iov, 2))
			break;
		lane_sent(l);
		staging_give(l->session->staging, job.slot);
	}
	lane_lose(l);
	return NULL;
}

int bulk_attach(struct session *s, unsigned lane, struct connection *c)
{
	struct lane *l = &s->bulk->lane[lane];
	int err;

	if (lane >= s->bulk->lanes)
		return -EINVAL;
	if (l->connection)
		return -EEXIST;
	l->connection = c;
	err = thread_start(receiver, l);
	return err ? err : thread_start(sender, l);
}

uint32_t bulk_size(struct session *s, uint64_t bytes)
{
	return bulk_chunk(bytes, s->bulk->lanes);
}

uint64_t bulk_announce(struct session *s, uint64_t bytes)
{
	uint64_t first = s->bulk->announced;
	uint32_t chunk = bulk_size(s, bytes);

	s->bulk->announced += bytes / chunk + (bytes % chunk != 0);
	return first;
}

struct slot *bulk_arrived(struct session *s, uint64_t number, uint32_t bytes)
{
	struct bulk *b = s->bulk;
	struct lane *l = &b->lane[number % b->lanes];
	uint64_t nth = number / b->lanes;
	bool here, lost;
	uint32_t got;

	pthread_mutex_lock(&l->lock);
	here = nth < l->arrived;
	got = l->bytes[nth % b->depth];
	lost = l->lost;
	pthread_mutex_unlock(&l->lock);

	if (here && got != bytes)
		session_fatal(s, CUDA_ERROR_INVALID_VALUE, "bulk data is not what was announced");
	if (!here && lost)
		session_gone(s, "a bulk lane is lost");
	return here ? lane_slot(l, nth) : NULL;
}

void bulk_wait(struct session *s, uint64_t number)
{
	struct bulk *b = s->bulk;
	struct lane *l = &b->lane[number % b->lanes];
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&l->lock);
	if (number / b->lanes >= l->arrived && !l->lost)
		pthread_cond_timedwait(&l->fill, &l->lock, &until);
	pthread_mutex_unlock(&l->lock);
}

/* Slots are used again in turn, so those released early wait for their elders. */
void bulk_release(struct session *s, uint64_t number)
{
	struct bulk *b = s->bulk;
	struct lane *l = &b->lane[number % b->lanes];

	pthread_mutex_lock(&l->lock);
	l->freed[number / b->lanes % b->depth] = true;
	while (l->released < l->arrived && l->freed[l->released % b->depth])
		l->released++;
	pthread_cond_signal(&l->room);
	pthread_mutex_unlock(&l->lock);
}

void bulk_push(struct session *s, struct slot *slot, uint64_t copy, uint64_t offset, uint32_t bytes)
{
	struct bulk *b = s->bulk;
	struct lane *l = &b->lane[b->next++ % b->lanes];
	unsigned at;

	pthread_mutex_lock(&l->lock);
	at = (l->send_first + l->send_count) % SENDS_MAX;
	l->send[at] = (struct bulk_send){slot, copy, offset, bytes};
	l->send_count++;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->lock);
	atomic_fetch_add(&s->pushes, 1);
}
