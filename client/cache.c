/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that don't change, kept by question: a hash table of fixed size
 * whose old entries give way. The question is the request's own bytes, with
 * its opcode and the context and its life in front.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "call.h"
#include "context.h"

enum { PLACES = 16384, PROBES = 4, KEY_MAX = 192, ANSWER_MAX = 16 };

struct question {
	uint64_t context;
	uint32_t life;
	uint16_t opcode;
	uint16_t size;
	uint8_t bytes[KEY_MAX];
};

struct place {
	struct question question;
	uint8_t answer[ANSWER_MAX];
	bool used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place *places;
static uint64_t flushes; /* what was asked before one must not be kept after it */

static size_t question_size(const struct question *q)
{
	return offsetof(struct question, bytes) + q->size;
}

/* The question's place, or the one to put it in. Called with the lock held. */
static struct place *look_up(const struct question *q, bool *found)
{
	uint64_t hash = XXH3_64bits(q, question_size(q));
	struct place *p = NULL;

	*found = false;
	for (unsigned i = 0; i < PROBES; i++) {
		struct place *at = &places[(hash + i) % PLACES];

		if (!at->used) {
			p = p ? p : at;
			continue;
		}
		if (memcmp(&at->question, q, question_size(q)) == 0) {
			*found = true;
			return at;
		}
	}
	return p ? p : &places[(hash + (hash >> 32) % PROBES) % PLACES];
}

static CUresult ask(uint16_t opcode, const void *key, size_t key_size, void *answer,
	size_t answer_size, unsigned flags)
{
	struct call c;
	CUresult r = call_begin(&c, opcode, key_size, flags);

	if (r)
		return r;
	put_bytes(&c.out, key, key_size);
	r = call_wait(&c);
	if (r == CUDA_SUCCESS)
		get_value(&c.in, answer, answer_size);
	return call_end(&c, r);
}

CUresult call_cached(uint16_t opcode, const void *key, size_t key_size, void *answer,
	size_t answer_size, unsigned flags)
{
	struct context *context = context_self();
	struct question q = {context ? context->object.handle : 0, context ? context->life : 0,
		opcode, (uint16_t)key_size, {0}};
	struct place *p;
	uint64_t asked;
	bool found = false;
	CUresult r;

	if (key_size > KEY_MAX || answer_size > ANSWER_MAX)
		return ask(opcode, key, key_size, answer, answer_size, flags);
	r = call_check(flags);
	if (r)
		return r;
	memcpy(q.bytes, key, key_size);
	pthread_mutex_lock(&lock);
	asked = flushes;
	if (!places)
		places = calloc(PLACES, sizeof(*places));
	if (places) {
		p = look_up(&q, &found);
		if (found)
			memcpy(answer, p->answer, answer_size);
	}
	pthread_mutex_unlock(&lock);
	if (found)
		return CUDA_SUCCESS;
	r = ask(opcode, key, key_size, answer, answer_size, flags);
	if (r)
		return r;
	pthread_mutex_lock(&lock);
	if (places && asked == flushes) {
		p = look_up(&q, &found);
		p->question = q;
		memcpy(p->answer, answer, answer_size);
		p->used = true;
	}
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

void call_flush(void)
{
	pthread_mutex_lock(&lock);
	flushes++;
	for (unsigned i = 0; places && i < PLACES; i++)
		places[i].used = false;
	pthread_mutex_unlock(&lock);
}
