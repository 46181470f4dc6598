/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's threads. */
#ifndef SERVER_THREAD_H
#define SERVER_THREAD_H

/* Captures are all begun relaxed; a thread in another mode would end them by asking (semantics of
 * cuThreadExchangeStreamCaptureMode). */
void thread_prepare(void);

/* A thread that nobody joins; 0 or -errno. */
int thread_start(void *(*main)(void *), void *arg);

#endif
