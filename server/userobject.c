/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See userobject.h. A handle is dropped as soon as it is known that nobody has
 * the object: at once where no graph ever had it, else when the driver ends it.
 * The driver may give the place of one to the next before that.
 */
#include "userobject.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "hostfunc.h"
#include "numbers.h"
#include "server_calls.h"

struct user_object {
	struct numbered handle; /* the driver's */
	uint64_t id;		/* the client's, who ends it */
	uint64_t owned;		/* by the application */
	bool shared;		/* graphs, or what was made of them, may have it */
	bool dropped;
};

struct user_objects {
	struct session *session;
	pthread_mutex_t lock; /* the objects */
	struct numbers known; /* without those that were dropped */
};

static struct user_objects *own; /* of the worker's session */

int user_objects_create(struct session *s)
{
	struct user_objects *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	pthread_mutex_init(&o->lock, NULL);
	o->session = s;
	s->user_objects = own = o;
	return 0;
}

/* Called with the lock, as the next. */
static struct user_object *find(struct user_objects *o, CUuserObject handle)
{
	return (struct user_object *)numbers_find(&o->known, (uintptr_t)handle);
}

static void drop(struct user_objects *o, struct user_object *u)
{
	numbers_remove(&o->known, &u->handle);
	real_drop(o->session, KIND_CUuserObject, (void *)(uintptr_t)u->handle.number);
	u->dropped = true;
}

/* Nobody has it any more. By the driver, in a thread of its own. */
static void object_end(void *object)
{
	struct user_objects *o = own;
	struct user_object *u = object;

	pthread_mutex_lock(&o->lock);
	if (!u->dropped)
		drop(o, u);
	pthread_mutex_unlock(&o->lock);
	hostfunc_end(o->session, u->id);
	free(u);
}

static int object_add(struct user_objects *o, struct user_object *u, CUuserObject handle)
{
	struct user_object *before;
	int err;

	pthread_mutex_lock(&o->lock);
	before = find(o, handle);
	if (before)
		drop(o, before);
	u->handle.number = (uintptr_t)handle;
	err = numbers_add(&o->known, &u->handle);
	u->dropped = err;
	pthread_mutex_unlock(&o->lock);
	return err;
}

CUresult server_user_object_create(struct request *q, uint64_t id, unsigned int count,
	unsigned int flags, CUuserObject *object)
{
	struct user_object *u = calloc(1, sizeof(*u));
	CUuserObject made = NULL;
	CUresult r;

	if (!u || !hostfunc_add_end(q->session, id)) {
		free(u);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	u->id = id;
	u->owned = count;
	r = driver.cuUserObjectCreate(&made, u, object_end, count, flags);
	if (r) {
		hostfunc_drop(q->session, id);
		free(u);
		return r;
	}
	if (object_add(q->session->user_objects, u, made)) {
		hostfunc_drop(q->session, id); /* the client is told now, and not of the end */
		driver.cuUserObjectRelease(made, count);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*object = made;
	return CUDA_SUCCESS;
}

/* Whether the application has @least of it. */
static CUresult object_check(struct request *q, CUuserObject object, unsigned int least)
{
	struct user_objects *o = q->session->user_objects;
	struct user_object *u;
	bool has;

	pthread_mutex_lock(&o->lock);
	u = find(o, object);
	has = u && u->owned >= least;
	pthread_mutex_unlock(&o->lock);
	return has ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult user_object_known(struct request *q, CUuserObject object)
{
	return object_check(q, object, 0);
}

CUresult user_object_retainable(struct request *q, CUuserObject object, unsigned int count)
{
	return count > INT_MAX ? CUDA_ERROR_INVALID_VALUE : object_check(q, object, 0);
}

/* The driver does not look whether the application has as many as it gives away. */
CUresult user_object_owned(struct request *q, CUuserObject object, unsigned int count)
{
	return object_check(q, object, count);
}

CUresult user_object_movable(
	struct request *q, CUuserObject object, unsigned int count, unsigned int flags)
{
	return user_object_owned(q, object, flags & CU_GRAPH_USER_OBJECT_MOVE ? count : 0);
}

/* What the application has changes by @change; it may be gone by now. */
static CUresult object_count(struct request *q, CUuserObject object, int64_t change, bool shared)
{
	struct user_objects *o = q->session->user_objects;
	struct user_object *u;

	pthread_mutex_lock(&o->lock);
	u = find(o, object);
	if (u) {
		u->owned += change;
		u->shared |= shared;
		if (!u->owned && !u->shared)
			drop(o, u);
	}
	pthread_mutex_unlock(&o->lock);
	return CUDA_SUCCESS;
}

CUresult user_object_retained(struct request *q, CUuserObject object, unsigned int count)
{
	return object_count(q, object, count, false);
}

CUresult user_object_released(struct request *q, CUuserObject object, unsigned int count)
{
	return object_count(q, object, -(int64_t)count, false);
}

CUresult user_object_shared(
	struct request *q, CUuserObject object, unsigned int count, unsigned int flags)
{
	return object_count(
		q, object, flags & CU_GRAPH_USER_OBJECT_MOVE ? -(int64_t)count : 0, true);
}
