/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer access: the driver's own says nothing of memory that is mapped as the arena's is, so that each
 * mapping is opened to the devices whose contexts have enabled it (CUDA driver API, "Peer Context Memory
 * Access"). To devices, not to contexts: a mapping knows no others.
 */
#include <stdlib.h>

#include "memory.h"
#include "server_calls.h"

/* @user may use the memory of @owner. */
struct share {
	LIST_ENTRY(share) link;
	const struct context *user, *owner;
};

static bool shared(const struct memory *m, CUdevice owner, CUdevice user)
{
	struct share *share;

	LIST_FOREACH(share, &m->shares, link) {
		if (share->owner->device == owner && share->user->device == user)
			return true;
	}
	return false;
}

unsigned peer_users(const struct memory *m, CUdevice owner, CUmemAccessDesc *out)
{
	unsigned n = 0;

	for (CUdevice user = 0; user < SESSION_DEVICES_MAX; user++) {
		if (user != owner && !shared(m, owner, user))
			continue;
		out[n++] = (CUmemAccessDesc){
			.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = user},
			.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
	}
	return n;
}

/* The lock is held. */
static void share_end(struct memory *m, struct share *share)
{
	CUdevice owner = share->owner->device, user = share->user->device;

	LIST_REMOVE(share, link);
	free(share);
	if (owner != user && !shared(m, owner, user))
		memory_set_access(m, owner, user, CU_MEM_ACCESS_FLAGS_PROT_NONE);
}

static const struct context *context_behind(struct session *s, CUcontext real)
{
	const struct context *c;

	pthread_mutex_lock(&s->state);
	LIST_FOREACH(c, &s->contexts, link) {
		if (c->real == real)
			break;
	}
	pthread_mutex_unlock(&s->state);
	return c;
}

CUresult peer_enabled(struct request *q, CUcontext peer)
{
	struct memory *m = q->session->memory;
	struct share *share = calloc(1, sizeof(*share));
	CUresult r = CUDA_SUCCESS;

	if (!share) {
		driver.cuCtxDisablePeerAccess(peer);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	share->user = serving_context;
	share->owner = context_behind(q->session, peer);
	if (!share->owner) {
		free(share);
		return CUDA_ERROR_INVALID_CONTEXT;
	}
	pthread_mutex_lock(&m->lock);
	if (!shared(m, share->owner->device, share->user->device))
		r = memory_set_access(m, share->owner->device, share->user->device,
			CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
	LIST_INSERT_HEAD(&m->shares, share, link);
	if (r)
		share_end(m, share);
	pthread_mutex_unlock(&m->lock);
	if (r)
		driver.cuCtxDisablePeerAccess(peer);
	return r;
}

CUresult peer_disabled(struct request *q, CUcontext peer)
{
	const struct context *owner = context_behind(q->session, peer);
	struct memory *m = q->session->memory;
	struct share *share;

	pthread_mutex_lock(&m->lock);
	LIST_FOREACH(share, &m->shares, link) {
		if (share->user == serving_context && share->owner == owner)
			break;
	}
	if (share)
		share_end(m, share);
	pthread_mutex_unlock(&m->lock);
	return CUDA_SUCCESS;
}

void peer_gone(struct session *s, const struct context *c)
{
	struct memory *m = s->memory;
	struct share *share, *next;

	pthread_mutex_lock(&m->lock);
	for (share = LIST_FIRST(&m->shares); share; share = next) {
		next = LIST_NEXT(share, link);
		if (share->user == c || share->owner == c)
			share_end(m, share);
	}
	pthread_mutex_unlock(&m->lock);
}
