/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See fault.h. An event that is long complete is asked: measured on driver 580,
 * that answers a context's fault as every other call does, and needs no lock
 * that a call could hold for long. What follows may wait for one, so it has a
 * thread of its own.
 */
#include "fault.h"

#include "context.h"
#include "log.h"
#include "output.h"
#include "sticky.h"
#include "thread.h"

void fault_prepare(struct context *c)
{
	if (driver.cuEventCreate(&c->probe, CU_EVENT_DISABLE_TIMING))
		c->probe = NULL;
	else
		driver.cuEventRecord(c->probe, CU_STREAM_LEGACY);
}

void fault_forget(struct context *c)
{
	if (c->probe)
		driver.cuEventDestroy_v2(c->probe);
	c->probe = NULL;
}

/* At a synchronisation, which does not wait any more, the driver says what failed. Who comes second
 * finds the text sent. */
void fault_text(struct session *s)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	driver.cuCtxSynchronize();
	output_forward(s);
	pthread_mutex_unlock(&lock);
}

static void *tell(void *arg)
{
	struct context *c = arg;
	struct session *s = c->session;
	uint8_t *out;

	thread_prepare();
	log_info("session %llu: work in a context failed: %d", (unsigned long long)s->id,
		(int)c->fault);
	if (c->fault == CUDA_ERROR_ASSERT && !context_use(c->real))
		fault_text(s);
	out = frame_begin(s, FRAME_FAULT, 16);
	if (out) {
		put_u64(&out, c->id);
		put_u32(&out, c->fault);
		put_u32(&out, 0);
		frame_end(s, FRAME_FAULT, 16, true);
	}
	context_let_go(c);
	return NULL;
}

static void look(struct context *c)
{
	CUresult r = c->probe ? context_use(c->real) : CUDA_SUCCESS;

	if (!r && c->probe)
		r = driver.cuEventQuery(c->probe);
	if (!result_is_sticky(r) || !context_hold(c))
		return;
	c->fault = r;
	if (!thread_start(tell, c))
		return;
	/* Next time, maybe. */
	c->fault = CUDA_SUCCESS;
	context_let_go(c);
}

void fault_look(struct session *s)
{
	for (struct context *c = context_next(s, NULL); c; c = context_next(s, c)) {
		if (!c->fault)
			look(c);
	}
}
