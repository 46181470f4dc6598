/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the application that graphs keep alive: counted, and destroyed by
 * the application's function when nobody holds them. That function is called
 * without the lock, on a thread of its own, where driver calls are refused.
 */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

struct user {
	struct object base;
	void *data;
	CUhostFn destroy;
};

static void *destroy(void *arg)
{
	struct user *u = arg;

	thread_self()->in_callback = true;
	u->destroy(u->data);
	free(u);
	return NULL;
}

static void user_release(struct object *o)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&thread, &attr, destroy, o);
	pthread_attr_destroy(&attr);
}

CUresult cuUserObjectCreate(
	CUuserObject *out, void *data, CUhostFn fn, unsigned int count, unsigned int flags)
{
	struct user *u;
	CUresult result = enter_device();

	if (result)
		return result;
	if (!out || !fn || !count || count > INT32_MAX ||
		flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC)
		return leave(CUDA_ERROR_INVALID_VALUE);
	u = calloc(1, sizeof(*u));
	if (!u)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&u->base, KIND_USER, user_release);
	u->data = data;
	u->destroy = fn;
	u->base.refs = count;
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
	return *out && count && count <= INT32_MAX ? CUDA_SUCCESS : leave(CUDA_ERROR_INVALID_VALUE);
}

CUresult cuUserObjectRetain(CUuserObject handle, unsigned int count)
{
	struct user *u;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	u->base.refs += count;
	return leave(CUDA_SUCCESS);
}

CUresult cuUserObjectRelease(CUuserObject handle, unsigned int count)
{
	struct user *u;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	if (count > (unsigned)u->base.refs)
		return leave(CUDA_ERROR_INVALID_VALUE);
	u->base.refs -= count - 1;
	object_put(u);
	return leave(CUDA_SUCCESS);
}

void users_drop(struct users *users, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		object_put(users->at[i]);
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

int users_add(struct users *users, struct object *user)
{
	struct object **grown = realloc(users->at, (users->count + 1) * sizeof(*grown));

	if (!grown)
		return -1;
	users->at = grown;
	users->at[users->count++] = user;
	return 0;
}

int users_copy(struct users *to, const struct users *from)
{
	size_t i;

	for (i = 0; i < from->count; i++) {
		if (users_add(to, from->at[i]) < 0)
			return -1;
		object_get(from->at[i]);
	}
	return 0;
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
	for (; !result && count; count--) {
		if (users_add(&g->users, &u->base) < 0)
			result = CUDA_ERROR_OUT_OF_MEMORY;
		else if (!(flags & CU_GRAPH_USER_OBJECT_MOVE))
			object_get(u);
	}
	return leave(result);
}

CUresult cuGraphReleaseUserObject(CUgraph graph, CUuserObject handle, unsigned int count)
{
	struct graph *g;
	struct user *u;
	size_t i;
	CUresult result = enter_user(handle, count, &u);

	if (result)
		return result;
	result = graph_find(graph, &g);
	for (i = 0; !result && count && i < g->users.count;) {
		if (g->users.at[i] != &u->base) {
			i++;
			continue;
		}
		g->users.at[i] = g->users.at[--g->users.count];
		object_put(u);
		count--;
	}
	if (!result && count)
		result = CUDA_ERROR_INVALID_VALUE;
	return leave(result);
}
