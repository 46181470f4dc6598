/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bulk.h. Each lane has a thread that receives and one that sends. The
 * receiver fills the lane's own slots and stops while they are full, which is
 * what bounds a client that sends ahead.
 */
#include "bulk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "thread.h"

enum {
	ARRIVED_MAX = 4096, /* chunks of a lane that are not released, however many slots it has */
	SENDS_MAX = STAGING_OUT_CHUNKS + STAGING_GROWN_MAX / BULK_CHUNK + 1,
	WAIT_NS = 200000,
};

struct bulk_send {
	struct slot *slot;
	uint64_t copy, offset;
	uint32_t bytes, frames;
};

struct lane {
	struct session *session;
	struct connection *connection;
	unsigned index;
	pthread_mutex_t lock;
	pthread_cond_t room;	    /* a slot was released */
	pthread_cond_t fill;	    /* a chunk has arrived */
	pthread_cond_t work;	    /* something is to be sent */
	uint64_t arrived, released; /* chunks of this lane; released with all before */
	struct slot *at[ARRIVED_MAX]; /* of chunks that are here, by number */
	uint32_t bytes[ARRIVED_MAX];
	struct slot *free;
	bool starved; /* has no slot for what comes */
	bool lost;
	struct bulk_send send[SENDS_MAX];
	unsigned send_first, send_count;
};

struct bulk {
	unsigned lanes;
	uint64_t announced;
	unsigned next; /* lane of the next push */
	struct lane lane[SESSION_LANES_MAX];
};

/* All slots of the lanes that nobody has, dealt out. */
static void slots_deal(struct session *s, struct lane *only)
{
	struct bulk *b = s->bulk;
	struct slot *slot;

	for (unsigned i = 0; (slot = staging_take_exactly(s->staging, STAGING_CLASS_IN)); i++) {
		struct lane *l = only ? only : &b->lane[i % b->lanes];

		pthread_mutex_lock(&l->lock);
		slot->next = l->free;
		l->free = slot;
		pthread_cond_signal(&l->room);
		pthread_mutex_unlock(&l->lock);
	}
}

int bulk_create(struct session *s, unsigned lanes)
{
	struct bulk *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->lanes = lanes;
	for (unsigned i = 0; i < lanes; i++) {
		struct lane *l = &b->lane[i];

		l->session = s;
		l->index = i;
		pthread_mutex_init(&l->lock, NULL);
		pthread_cond_init(&l->room, NULL);
		pthread_cond_init(&l->fill, NULL);
		pthread_cond_init(&l->work, NULL);
	}
	s->bulk = b;
	slots_deal(s, NULL);
	return 0;
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
	struct slot *slot;
	uint64_t nth;
	int err;

	err = t->recv(l->connection, &h, sizeof(h));
	if (err)
		return err;

	pthread_mutex_lock(&l->lock);
	while (!l->free || l->arrived - l->released >= ARRIVED_MAX) {
		l->starved = true;
		pthread_cond_wait(&l->room, &l->lock);
	}
	l->starved = false;
	slot = l->free;
	l->free = slot->next;
	nth = l->arrived;
	pthread_mutex_unlock(&l->lock);

	if (h.number != nth * b->lanes + l->index || !h.size || h.size > BULK_CHUNK || h.zero)
		return -EPROTO;
	err = t->recv(l->connection, slot->bytes, h.size);
	if (err)
		return err;

	pthread_mutex_lock(&l->lock);
	l->at[nth % ARRIVED_MAX] = slot;
	l->bytes[nth % ARRIVED_MAX] = h.size;
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
		struct lane_data h = {job.copy, job.offset, job.bytes, job.frames};
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
	struct lane *l;

	if (lane >= s->bulk->lanes)
		return -EINVAL;
	l = &s->bulk->lane[lane];
	if (l->connection)
		return -EEXIST;
	l->connection = c;
	if (thread_start(receiver, l) || thread_start(sender, l))
		session_fatal(s, CUDA_ERROR_OUT_OF_MEMORY, "the server is out of memory");
	return 0;
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
	struct slot *slot;
	bool here, lost;
	uint32_t got;

	pthread_mutex_lock(&l->lock);
	here = nth < l->arrived;
	slot = l->at[nth % ARRIVED_MAX];
	got = l->bytes[nth % ARRIVED_MAX];
	lost = l->lost;
	pthread_mutex_unlock(&l->lock);

	if (here && got != bytes)
		session_fatal(s, CUDA_ERROR_INVALID_VALUE, "bulk data is not what was announced");
	if (!here && lost)
		session_gone(s, "a bulk lane is lost");
	return here ? slot : NULL;
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

void bulk_release(struct session *s, uint64_t number)
{
	struct bulk *b = s->bulk;
	struct lane *l = &b->lane[number % b->lanes];
	struct slot **at = &l->at[number / b->lanes % ARRIVED_MAX];

	pthread_mutex_lock(&l->lock);
	(*at)->next = l->free;
	l->free = *at;
	*at = NULL;
	while (l->released < l->arrived && !l->at[l->released % ARRIVED_MAX])
		l->released++;
	pthread_cond_signal(&l->room);
	pthread_mutex_unlock(&l->lock);
}

void bulk_push(struct session *s, struct slot *slot, uint64_t copy, uint64_t offset, uint32_t bytes)
{
	struct bulk *b = s->bulk;
	struct lane *l = &b->lane[b->next++ % b->lanes];
	uint32_t frames = atomic_load(&s->sent);
	unsigned at;

	pthread_mutex_lock(&l->lock);
	at = (l->send_first + l->send_count) % SENDS_MAX;
	l->send[at] = (struct bulk_send){slot, copy, offset, bytes, frames};
	l->send_count++;
	pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->lock);
	atomic_fetch_add(&s->pushes, 1);
}

void bulk_grow(struct session *s, uint64_t number, struct context *context)
{
	struct lane *l = &s->bulk->lane[number % s->bulk->lanes];
	bool starved;

	pthread_mutex_lock(&l->lock);
	starved = l->starved;
	pthread_mutex_unlock(&l->lock);
	if (starved && staging_grow(s->staging, STAGING_CLASS_IN, context))
		slots_deal(s, l);
}
