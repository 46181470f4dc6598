/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the application that graphs keep alive: counted, and destroyed by
 * the application's function when nobody holds them. That function is called
 * without the lock, on a thread for these only, where driver calls are refused.
 */
#include "graph.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct user {
	struct object base;
	STAILQ_ENTRY(user) link; /* of those to destroy */
	void *data;
	CUhostFn destroy;
	uint64_t owned; /* by the application */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* inside of the GPU's */
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static STAILQ_HEAD(, user) ended = STAILQ_HEAD_INITIALIZER(ended);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *destroy(void *unused)
{
	thread_self()->in_callback = true;
	for (;;) {
		struct user *u;

		pthread_mutex_lock(&lock);
		while (!(u = STAILQ_FIRST(&ended)))
			pthread_cond_wait(&more, &lock);
		STAILQ_REMOVE_HEAD(&ended, link);
		pthread_mutex_unlock(&lock);
		u->destroy(u->data);
		free(u);
	}
	return unused;
}

static void start(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attr, destroy, NULL);
	pthread_attr_destroy(&attr);
}

static void user_release(struct object *o)
{
	pthread_once(&once, start);
	pthread_mutex_lock(&lock);
	STAILQ_INSERT_TAIL(&ended, (struct user *)o, link);
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

CUresult cuUserObjectCreate(
	CUuserObject *out, void *data, CUhostFn fn, unsigned int count, unsigned int flags)
{
	struct user *u;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !fn || !count || flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC)
		return leave(CUDA_ERROR_INVALID_VALUE);
	u = calloc(1, sizeof(*u));
	if (!u)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&u->base, KIND_USER, user_release);
	u->data = data;
	u->destroy = fn;
	u->base.refs = u->owned = count;
	if (object_publish(&u->base) < 0) {
		free(u);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	*out = (CUuserObject)u->base.handle;
	return leave(CUDA_SUCCESS);
}

static CUresult enter_user(CUuserObject handle, unsigned count, struct user **out)
{
	CUresult result = enter_device();

	if (result)
		return result;
	*out = object_find(KIND_USER, handle);
	return *out && count && count <= INT_MAX ? CUDA_SUCCESS : leave(CUDA_ERROR_INVALID_VALUE);
}

static bool counted(struct object *o, unsigned times)
{
	if (times > INT64_MAX - o->refs)
		return false;
	o->refs += times;
	return true;
}

static void uncounted(struct object *o, unsigned times)
{
	o->refs -= times - 1;
	object_put(o);
}

CUresult cuUserObjectRetain(CUuserObject handle, unsigned int count)
{
	struct user *u;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	if (!counted(&u->base, count))
		return leave(CUDA_ERROR_INVALID_VALUE);
	u->owned += count;
	return leave(CUDA_SUCCESS);
}

CUresult cuUserObjectRelease(CUuserObject handle, unsigned int count)
{
	struct user *u;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	if (count > u->owned)
		return leave(CUDA_ERROR_INVALID_VALUE);
	u->owned -= count;
	uncounted(&u->base, count);
	return leave(CUDA_SUCCESS);
}

void users_drop(struct users *users, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		uncounted(users->at[i].user, users->at[i].times);
	users->count -= count;
	if (count && users->count)
		memmove(users->at, users->at + count, users->count * sizeof(*users->at));
}

void users_put(struct users *users)
{
	users_drop(users, users->count);
	free(users->at);
	*users = (struct users){0};
}

/* Takes over the counts. */
static int users_add(struct users *users, struct object *user, unsigned times)
{
	struct user_count *grown = realloc(users->at, (users->count + 1) * sizeof(*grown));

	if (!grown)
		return -1;
	users->at = grown;
	users->at[users->count++] = (struct user_count){user, times};
	return 0;
}

int users_copy(struct users *to, const struct users *from)
{
	size_t i;

	for (i = 0; i < from->count; i++) {
		struct user_count *c = &from->at[i];

		if (!counted(c->user, c->times))
			return -1;
		if (users_add(to, c->user, c->times) < 0) {
			uncounted(c->user, c->times);
			return -1;
		}
	}
	return 0;
}

static struct user_count *users_find(const struct users *users, const struct user *u)
{
	size_t i;

	for (i = 0; i < users->count; i++)
		if (users->at[i].user == &u->base)
			return &users->at[i];
	return NULL;
}

static CUresult retain(struct graph *g, struct user *u, unsigned count, bool move)
{
	struct user_count *c = users_find(&g->users, u);

	if (move ? count > u->owned : !counted(&u->base, count))
		return CUDA_ERROR_INVALID_VALUE;
	if (c) {
		c->times += count;
	} else if (users_add(&g->users, &u->base, count) < 0) {
		if (!move)
			uncounted(&u->base, count);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (move)
		u->owned -= count;
	return CUDA_SUCCESS;
}

CUresult cuGraphRetainUserObject(
	CUgraph graph, CUuserObject handle, unsigned int count, unsigned int flags)
{
	struct graph *g;
	struct user *u;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	result = graph_find(graph, &g);
	if (!result && flags & ~(unsigned)CU_GRAPH_USER_OBJECT_MOVE)
		result = CUDA_ERROR_INVALID_VALUE;
	if (!result)
		result = retain(g, u, count, flags & CU_GRAPH_USER_OBJECT_MOVE);
	return leave(result);
}

CUresult cuGraphReleaseUserObject(CUgraph graph, CUuserObject handle, unsigned int count)
{
	struct user_count *c;
	struct graph *g;
	struct user *u;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	result = graph_find(graph, &g);
	c = result ? NULL : users_find(&g->users, u);
	if (!c || count > c->times)
		return leave(CUDA_ERROR_INVALID_VALUE);
	c->times -= count;
	if (!c->times)
		*c = g->users.at[--g->users.count];
	uncounted(&u->base, count);
	return leave(CUDA_SUCCESS);
}
