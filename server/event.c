/* SPDX-License-Identifier: Apache-2.0 */
/* The server's halves of event calls. */
#include <stdlib.h>

#include "pending.h"
#include "server_calls.h"

struct event_wait {
	struct pending pending;
	CUevent event;
};

/* As for streams: the client will not come back to wait. */
CUresult event_seen(struct request *q, CUevent event)
{
	driver.cuEventSynchronize(event);
	session_notice(q->session);
	return CUDA_SUCCESS;
}

static CUresult event_poll(struct pending *p)
{
	CUevent event = container_of(p, struct event_wait, pending)->event;

	return event ? driver.cuEventQuery(event) : CUDA_SUCCESS;
}

static void event_finish(struct pending *p)
{
	struct event_wait *w = container_of(p, struct event_wait, pending);

	/* Complete; the driver prints what kernels printed. */
	if (!p->result && w->event && !p->q.session->watched)
		driver.cuEventSynchronize(w->event);
	pending_reply(p, p->result);
	free(w);
}

CUresult server_event_synchronize(struct request *q, CUevent event)
{
	struct event_wait *w = calloc(1, sizeof(*w));

	if (!w)
		return CUDA_ERROR_OUT_OF_MEMORY;
	w->event = event;
	w->pending.poll = event_poll;
	w->pending.finish = event_finish;
	return pending_add(q->session, &w->pending, q);
}

/* Another thread may wait for it: its wait ends, instead of asking an event that is gone. */
static bool event_forget(struct pending *p, const void *event)
{
	struct event_wait *w = container_of(p, struct event_wait, pending);

	if (p->poll == event_poll && w->event == event)
		w->event = NULL;
	return true;
}

CUresult event_ending(struct request *q, CUevent event)
{
	struct session *s = q->session;

	if (atomic_load(&s->pending_count)) {
		pthread_mutex_lock(&s->polling);
		pending_each(s, event_forget, event);
		pthread_mutex_unlock(&s->polling);
	}
	return CUDA_SUCCESS;
}
