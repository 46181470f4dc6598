/* SPDX-License-Identifier: Apache-2.0 */
/* See thread.h. */
#include "thread.h"

#include <pthread.h>

#include "driver_calls.h"

void thread_prepare(void)
{
	CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;

	driver.cuThreadExchangeStreamCaptureMode(&mode);
}

int thread_start(void *(*main)(void *), void *arg)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, main, arg);

	if (err)
		return -err;
	pthread_detach(thread);
	return 0;
}
